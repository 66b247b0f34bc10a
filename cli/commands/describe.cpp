#include "cli/commands/describe.hpp"

#include "cli/peers_file.hpp"
#include "cli/text.hpp"
#include "cli/values.hpp"

namespace quarry::cli {

std::string_view sentence(Terminal how) {
  switch (how) {
    case Terminal::resolved:
      return "the value is here";
    case Terminal::cancelled:
      return "somebody ended this fetch";
    case Terminal::expired:
      return "the deadline passed";
    case Terminal::ignored:
      return "the verifier says that nobody wants this key any more";
    case Terminal::withheld:
      return "the verifier would not say whether the value is right";
    case Terminal::rejected:
      return "the verifier took an accepted value back";
    case Terminal::refused:
      return "the node would not";
    case Terminal::stopped:
      return "the node was shut down";
  }
  return "";
}

std::string_view sentence(WaitsFor what) {
  switch (what) {
    case WaitsFor::storage:
      return "the node looks into its own storage";
    case WaitsFor::peer_set:
      return "the node knows no peers; add one with: quarry peers add KEY ENDPOINT";
    case WaitsFor::connection:
      return "no peer is connected";
    case WaitsFor::target:
      return "none of its targets is connected and unblocked";
    case WaitsFor::unblock:
      return "every peer is blocked";
    case WaitsFor::retry:
      return "no peer had it; the node asks again";
    case WaitsFor::rate:
      return "the limit on requests is reached";
    case WaitsFor::room:
      return "there is no room for more answers";
    case WaitsFor::answer:
      return "a peer has been asked";
    case WaitsFor::verdict:
      return "a value is being judged";
    case WaitsFor::verifier:
      return "a value is here, and no verifier is attached";
    case WaitsFor::have:
      return "no peer had it; whoever gets it says so";
  }
  return "";
}

std::string describe(const control::FetchInfo& fetch) {
  std::string text(fetch.detail.empty() ? sentence(fetch.waits_for) : fetch.detail);
  if (fetch.next_ms != 0) {
    text += " (next try in " + format_duration(std::chrono::milliseconds(fetch.next_ms)) + ")";
  }
  return text;
}

Result<PeerKey> peer_called(std::string_view text, const std::filesystem::path& peers_file) {
  if (const auto key = peer_from_z85(text)) return *key;
  const auto file = PeersFile::read(peers_file);
  if (!file) return tl::unexpected(file.error());
  if (const auto* peer = file->find(text)) return peer->peer;
  return error(
      Error::Kind::usage, "there is no peer '" + shown(text, 60) + "'",
      "give a public key of 40 characters, or a name that stands in " + peers_file.string());
}

}  // namespace quarry::cli
