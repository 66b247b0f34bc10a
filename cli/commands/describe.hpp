// The words of the rules as sentences for a person, and peers by the names that a person uses.
#pragma once

#include <filesystem>
#include <string>

#include "cli/output.hpp"
#include "msg/control.hpp"
#include "msg/result.hpp"

namespace quarry::cli {

// Why a subscription ended so.
std::string_view sentence(Terminal how);
// What a fetch waits for.
std::string_view sentence(WaitsFor what);
std::string describe(const control::FetchInfo& fetch);

// A worker, as one more element of an array.
void add_worker(Json& json, const report::WorkerInfo& worker);

// A public key, or a name that the peers file knows.
Result<PeerKey> peer_called(std::string_view text, const std::filesystem::path& peers_file);

}  // namespace quarry::cli
