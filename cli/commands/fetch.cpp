#include <algorithm>
#include <limits>
#include <map>
#include <memory>

#include "bus/clock.hpp"
#include "cli/client.hpp"
#include "cli/command_line.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/describe.hpp"
#include "cli/destination.hpp"
#include "cli/fetching.hpp"
#include "cli/interrupt.hpp"
#include "cli/key_list.hpp"
#include "cli/network_flags.hpp"
#include "cli/output.hpp"
#include "cli/temporary_node.hpp"
#include "cli/values.hpp"

namespace quarry::cli {
namespace {

constexpr std::string_view kTag = "fetch";

struct FetchFlags {
  Common common;
  NetworkFlags network;  // where no node runs that knows it
  std::vector<std::string> keys;
  std::string from;
  std::string output;
  std::vector<std::string> targets;
  bool all_targeted = false;
  std::string deadline;
  std::string priority = "normal";
  std::string tag = std::string(kTag);
  bool no_local = false;
  bool keep = false;
};

// Peers by name or key, each looked for once: a list may name them a hundred thousand times.
class Called {
 public:
  explicit Called(std::filesystem::path peers_file) : file_(std::move(peers_file)) {}

  Result<std::vector<PeerKey>> all(const std::vector<std::string>& names) {
    if (names.size() > limits::kMaxTargets) {
      return error(Error::Kind::usage, std::to_string(names.size()) + " targets",
                   "name at most " + std::to_string(limits::kMaxTargets));
    }
    std::vector<PeerKey> peers;
    for (const std::string& name : names) {
      auto at = known_.find(name);
      if (at == known_.end()) {
        const auto peer = peer_called(name, file_);
        if (!peer) return tl::unexpected(peer.error());
        at = known_.emplace(name, *peer).first;
      }
      peers.push_back(at->second);
    }
    return peers;
  }

 private:
  std::filesystem::path file_;
  std::map<std::string, PeerKey> known_;
};

constexpr Duration kKeepWithin = std::chrono::seconds(5);

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::size_t end = text.find_first_of(", \t");
    if (end != 0) words.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return words;
}

Result<std::uint32_t> deadline_of(const FetchFlags& flags) {
  if (flags.deadline.empty()) return 0;
  const auto deadline = parse_duration(flags.deadline);
  if (!deadline) return tl::unexpected(deadline.error());
  const auto ms = deadline->count();
  if (ms < 1 || ms > std::numeric_limits<std::uint32_t>::max()) {
    return error(Error::Kind::usage, "'" + flags.deadline + "' is no deadline",
                 "use 1ms to 49d, or none to wait as long as it takes");
  }
  return static_cast<std::uint32_t>(ms);
}

Class class_of(const std::string& word) {
  for (Class one : {Class::urgent, Class::background}) {
    if (word == name(one)) return one;
  }
  return Class::normal;
}

// The keys of the command line, then those of the file, each with the peers it may be asked of.
Result<std::vector<Fetching::One>> keys_of(const FetchFlags& flags, std::size_t key_length) {
  Called called(flags.common.peers_file());
  const auto targets = called.all(flags.targets);
  if (!targets) return tl::unexpected(targets.error());
  std::vector<Fetching::One> keys;
  for (const std::string& text : flags.keys) {
    auto key = parse_key(text, key_length);
    if (!key) return tl::unexpected(key.error());
    keys.push_back({std::move(*key), *targets});
  }
  if (flags.from.empty()) return keys;
  auto listed = read_key_list(flags.from, key_length);
  if (!listed) return tl::unexpected(listed.error());
  for (ListedKey& one : *listed) {
    if (!flags.all_targeted) {
      keys.push_back({std::move(one.key), *targets});
      continue;
    }
    auto its = called.all(split(one.rest));
    if (its && its->empty()) {
      its = error(Error::Kind::usage, "the key has no targets",
                  "with --all-targeted, write KEY PEER,... in each line");
    }
    if (!its) {
      Error why = its.error();
      why.what = one.where + ": " + why.what;
      return tl::unexpected(std::move(why));
    }
    keys.push_back({std::move(one.key), std::move(*its)});
  }
  return keys;
}

Exit fetch_from(Client& client, Interrupt& interrupt, const FetchFlags& flags,
                control::Fetch like) {
  auto keys = keys_of(flags, client.welcome().key_length);
  if (!keys) return fail(keys.error());
  const bool several = std::any_of(keys->begin(), keys->end(),
                                   [&](const auto& one) { return one.key != keys->front().key; });
  auto to = Destination::choose(flags.output, several, flags.common.json);
  if (!to) return fail(to.error());
  Fetching fetching(client, interrupt, {std::move(*keys), std::move(like), flags.common.json},
                    std::move(*to));
  const auto ended = fetching.run();
  if (ended) return *ended;
  Error why = ended.error();
  why.what += " (" + fetching.tally() + ")";
  return fail(why);
}

// A node that ends with this program has on disk first what it was to keep.
void await_keeps(Client& client) {
  const Time until = bus::now() + kKeepWithin;
  for (bool busy = true; busy && bus::now() < until;) {
    Client::Items answers;
    if (!client.call(control::Status{}, answers)) return;
    busy = std::any_of(answers.begin(), answers.end(), [](const auto& item) {
      const auto* counter = std::get_if<report::Counter>(&item);
      return counter != nullptr && counter->name == "keeps_in_progress" && counter->value > 0;
    });
  }
}

Exit fetch(const FetchFlags& flags) {
  if (flags.keys.empty() && flags.from.empty()) {
    return fail({Error::Kind::usage, "no key was given", "see quarry fetch --help"});
  }
  if (flags.all_targeted && (flags.from.empty() || !flags.keys.empty() || !flags.targets.empty())) {
    return fail({Error::Kind::usage, "--all-targeted is about the lines of --from alone",
                 "write KEY PEER,... in each line, and name no other keys and targets"});
  }
  // Before any node is asked: a typing mistake needs none.
  if (auto peers = Called(flags.common.peers_file()).all(flags.targets); !peers) {
    return fail(peers.error());
  }
  if (flags.tag.size() > limits::kMaxTag) {
    return fail({Error::Kind::usage, "a tag of " + std::to_string(flags.tag.size()) + " bytes",
                 "tags have at most " + std::to_string(limits::kMaxTag)});
  }
  const auto deadline = deadline_of(flags);
  if (!deadline) return fail(deadline.error());
  control::Fetch like;
  like.tag = Tag(flags.tag);
  like.local = !flags.no_local;
  like.keep = flags.keep;
  like.priority = class_of(flags.priority);
  like.deadline_ms = *deadline;
  Interrupt interrupt;
  Client::Options how;
  how.interrupt_fd = interrupt.fd();
  const Home home = flags.common.where();
  std::unique_ptr<TemporaryNode> node;
  if (!flags.common.peers.empty() && home.running() != PidLock::Held::yes) {
    const auto network = network_of(flags.network);
    if (!network) return fail(network.error());
    auto started = TemporaryNode::start(home, *network, flags.common.peers_file());
    if (!started) return fail(started.error());
    node = std::move(*started);
  }
  auto client = node ? Client::connect(node->context(), EmbeddedNode::control_endpoint(), how)
                     : Client::connect(home, how);
  if (!client) return fail(client.error());
  const Exit exit = fetch_from(**client, interrupt, flags, std::move(like));
  if (node && flags.keep) await_keeps(**client);
  return exit;
}

}  // namespace

void add_fetch(CommandLine& to) {
  const auto flags = std::make_shared<FetchFlags>();
  Command made =
      to.command("fetch", "Fetch values by their keys, for as long as it takes",
                 "  quarry fetch 5891b5b5…be03 > hello\n"
                 "  quarry fetch --from keys -o pictures    # keys: what quarry put printed");
  made.home(flags->common)
      .arguments("KEY", flags->keys, "Keys, in hexadecimal", false)
      .option("--from", flags->from, "Keys from a file too, one a line; - for stdin", "FILE")
      .option("-o,--output", flags->output, "A file, or a folder for several", "PATH")
      .option("--target", flags->targets, "Ask only these peers (names or keys)", "PEER,...")
      .flag("--all-targeted", flags->all_targeted, "Each line of --from: KEY PEER,... it may ask")
      .option("--deadline", flags->deadline, "Give up after 500ms, 30s, 5m, ...", "TIME")
      .choice("--class", flags->priority, "urgent, normal or background [normal]", "CLASS",
              {"urgent", "normal", "background"})
      .option("--tag", flags->tag, "What retain knows it by [fetch]", "TAG")
      .flag("--no-local", flags->no_local, "Do not look into the node's storage first")
      .flag("--keep", flags->keep, "Keep the values in the node's storage")
      .peers_file(flags->common, "Peers by name; without a running node, whom to ask")
      .does([flags] { return fetch(*flags); });
  add_network(made, flags->network, false);
}

}  // namespace quarry::cli
