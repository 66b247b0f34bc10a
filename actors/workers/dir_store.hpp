// Values as files of a folder, which people and other programs may put there as well. A value is
// the file KEY, in hexadecimal, or KE/KEY: in the sub-folder of the key's first two digits, where
// there is one. Nothing is remembered of the folder, so what is added is found at once.
//
// Nothing is given out that is not surely the value (N17). Where keys are digests of their values,
// that is computed. Elsewhere KEY.sha256 stands beside KEY, as `sha256sum KEY` prints it; without
// it a file counts as no data, for it may be half copied.
//
// What is written is on disk when write() returns: it goes to a file beside it, which then takes
// its name. One process at a time writes; `.lock` in the folder is held by it.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "actors/workers/storage.hpp"
#include "msg/result.hpp"
#include "msg/types.hpp"

namespace quarry::workers {

namespace dir_store {

// A file's name has at most 255 bytes: two digits a byte of the key, and `.sha256`; file systems
// made of layers take four more for marks of their own.
inline constexpr std::uint8_t kLongestKey = 122;
// Digests that KEY.sha256 holds: of the value, and, while it is replaced, of the one before.
inline constexpr std::size_t kDigestsKept = 4;

// The folder must be there. For one thread; there may be many.
Result<std::unique_ptr<ReadsValues>> open_reader(const std::filesystem::path& folder,
                                                 const Network& network);
Result<std::unique_ptr<WritesValues>> open_writer(const std::filesystem::path& folder,
                                                  const Network& network);

}  // namespace dir_store

}  // namespace quarry::workers
