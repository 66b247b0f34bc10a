#include <unistd.h>

#include <limits>
#include <map>
#include <set>

#include "bus/clock.hpp"
#include "cli/client.hpp"
#include "cli/command_line.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/describe.hpp"
#include "cli/destination.hpp"
#include "cli/interrupt.hpp"
#include "cli/output.hpp"
#include "cli/peers_file.hpp"
#include "cli/values.hpp"

namespace quarry::cli {
namespace {

struct FetchFlags {
  Common common;
  std::vector<std::string> keys;
  std::string output;
  std::vector<std::string> targets;
  std::string deadline;
  bool no_local = false;
  bool keep = false;
};

constexpr std::string_view kTag = "fetch";
// A person who has waited this long is told why.
constexpr Duration kExplainAfter = std::chrono::seconds(2);
constexpr std::size_t kExplainKeys = 3;
// After Ctrl-C, how long the node has to confirm.
constexpr Duration kWithdrawWithin = std::chrono::seconds(1);

// One run of the command: which keys are still out, and what came of the others.
class Fetching {
 public:
  Fetching(Client& client, Interrupt& interrupt, const FetchFlags& flags, Destination to)
      : client_(client), interrupt_(interrupt), flags_(flags), to_(std::move(to)), tag_(kTag) {}
  Result<> ask(const std::vector<PeerKey>& targets, std::uint32_t deadline_ms);
  Result<Exit> run();
  std::string tally() const {
    return std::to_string(resolved_) + " of " + std::to_string(asked_) + " keys resolved";
  }

 private:
  Result<> on(const control::Resolved& item);
  Result<> on(const control::Ended& item);
  Result<> on(const control::FetchRefused& item);
  Result<> on(const control::FetchInfo& item);
  template <class Other>
  Result<> on(const Other&) {
    return {};
  }
  bool over(const Tag& tag, const Key& key) { return tag == tag_ && pending_.erase(key) == 1; }
  Result<> tell(const Key& key, Terminal how, std::string_view detail);
  Result<> handle(const Client::Items& items);
  void explain();
  Result<Exit> withdraw();

  Client& client_;
  Interrupt& interrupt_;
  const FetchFlags& flags_;
  Destination to_;
  Tag tag_;
  std::set<Key> pending_;
  CallId explaining_;
  std::size_t asked_ = 0;
  std::size_t resolved_ = 0;
  std::size_t withdrawn_ = 0;
  bool withdrawing_ = false;
  ExitSum sum_;
};

Result<> Fetching::ask(const std::vector<PeerKey>& targets, std::uint32_t deadline_ms) {
  std::vector<Key> keys;
  for (const std::string& text : flags_.keys) {
    auto key = parse_key(text, client_.welcome().key_length);
    if (!key) return tl::unexpected(key.error());
    if (pending_.insert(*key).second) keys.push_back(std::move(*key));
  }
  asked_ = keys.size();
  for (const Key& key : keys) {
    control::Fetch fetch;
    fetch.tag = tag_;
    fetch.key = key;
    fetch.targets = targets;
    fetch.local = !flags_.no_local;
    fetch.keep = flags_.keep;
    fetch.deadline_ms = deadline_ms;
    client_.send(fetch);
  }
  return {};
}

Result<Exit> Fetching::run() {
  const Time began = bus::now();
  bool explained = !on_terminal(STDERR_FILENO);
  while (!pending_.empty()) {
    Client::Items items;
    const auto woken = client_.wait(items, explained ? kNever : began + kExplainAfter);
    if (!woken) return tl::unexpected(woken.error());
    if (*woken == Client::Woken::interrupted) return withdraw();
    if (auto handled = handle(items); !handled) return tl::unexpected(handled.error());
    if (*woken == Client::Woken::time && !explained) {
      explain();
      explained = true;
    }
  }
  return sum_.code();
}

Result<> Fetching::handle(const Client::Items& items) {
  for (const auto& item : items) {
    auto done = std::visit([&](const auto& each) { return on(each); }, item);
    if (!done) return done;
  }
  return {};
}

Result<> Fetching::on(const control::Resolved& item) {
  if (!over(item.tag, item.key)) return {};
  const auto written = to_.write(item.key, item.value.view());
  if (!written) {
    sum_.add(fail(written.error()));
    if (to_.is_stdout()) return {};
  } else {
    ++resolved_;
  }
  if (!flags_.common.json) return {};
  Json json;
  json.begin().add("key", to_hex(item.key.view())).add("result", "resolved");
  json.add("size", item.value.size()).add("peer", to_z85(item.peer));
  if (const auto file = to_.file(item.key); !file.empty()) json.add("file", file.string());
  if (!written) json.add("error", written.error().what);
  return print(json.end().line());
}

Result<> Fetching::on(const control::Ended& item) {
  if (!over(item.tag, item.key)) return {};
  if (withdrawing_ && item.how == Terminal::cancelled) {
    ++withdrawn_;
    return {};
  }
  sum_.add(item.how == Terminal::stopped ? Exit::unavailable : Exit::partial);
  return tell(item.key, item.how, "");
}

Result<> Fetching::on(const control::FetchRefused& item) {
  if (!over(item.tag, item.key)) return {};
  sum_.add(exit_for(kind_of(item.reason)));
  std::string detail(name(item.reason));
  if (!item.detail.empty()) detail += " (" + item.detail + ")";
  return tell(item.key, Terminal::refused, detail);
}

Result<> Fetching::tell(const Key& key, Terminal how, std::string_view detail) {
  if (flags_.common.json) {
    Json json;
    json.begin().add("key", to_hex(key.view())).add("result", name(how));
    if (!detail.empty()) json.add("detail", detail);
    return print(json.end().line());
  }
  std::string line = "key " + to_hex(key.view()) + ": " + std::string(name(how)) + ": ";
  note(line + std::string(detail.empty() ? sentence(how) : detail));
  return {};
}

Result<> Fetching::on(const control::FetchInfo& item) {
  if (item.call == explaining_ && pending_.contains(item.key)) {
    note("waiting for " + to_hex(item.key.view()) + ": " + describe(item));
  }
  return {};
}

void Fetching::explain() {
  explaining_ = client_.next_call();
  control::Status status{explaining_, {}};
  for (const Key& key : pending_) {
    if (status.keys.size() == kExplainKeys) break;
    status.keys.push_back(key);
  }
  client_.send(status);
}

Result<Exit> Fetching::withdraw() {
  interrupt_.clear();
  withdrawing_ = true;
  for (const Key& key : pending_) client_.send(control::Withdraw{tag_, key});
  const Time until = bus::now() + kWithdrawWithin;
  while (!pending_.empty()) {
    Client::Items items;
    const auto woken = client_.wait(items, until);
    if (!woken || *woken != Client::Woken::items) break;
    if (auto handled = handle(items); !handled) return tl::unexpected(handled.error());
  }
  std::string line = "interrupted: " + tally();
  if (withdrawn_ != 0) line += ", " + std::to_string(withdrawn_) + " withdrawn";
  if (!pending_.empty()) {
    line += "; the node did not confirm the end of " + std::to_string(pending_.size()) +
            ", and ends them when it sees that this program is gone";
  }
  note(line);
  return Exit::interrupted;
}

Result<std::vector<PeerKey>> targets_of(const FetchFlags& flags) {
  std::vector<PeerKey> targets;
  if (flags.targets.size() > limits::kMaxTargets) {
    return error(Error::Kind::usage, std::to_string(flags.targets.size()) + " targets",
                 "name at most " + std::to_string(limits::kMaxTargets));
  }
  for (const std::string& text : flags.targets) {
    auto peer = peer_called(text, flags.common.peers_file());
    if (!peer) return tl::unexpected(peer.error());
    targets.push_back(*peer);
  }
  return targets;
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

Exit fetch(const FetchFlags& flags) {
  const auto deadline = deadline_of(flags);
  if (!deadline) return fail(deadline.error());
  const auto targets = targets_of(flags);
  if (!targets) return fail(targets.error());
  Interrupt interrupt;
  Client::Options how;
  how.interrupt_fd = interrupt.fd();
  auto client = Client::connect(flags.common.where(), how);
  if (!client) return fail(client.error());
  const std::set<std::string> different(flags.keys.begin(), flags.keys.end());
  auto to = Destination::choose(flags.output, different.size() > 1, flags.common.json);
  if (!to) return fail(to.error());
  Fetching fetching(**client, interrupt, flags, std::move(*to));
  if (auto asked = fetching.ask(*targets, *deadline); !asked) return fail(asked.error());
  const auto ended = fetching.run();
  if (ended) return *ended;
  Error why = ended.error();
  why.what += " (" + fetching.tally() + ")";
  return fail(why);
}

}  // namespace

void add_fetch(CommandLine& to) {
  const auto flags = std::make_shared<FetchFlags>();
  to.command("fetch", "Fetch values by their keys, for as long as it takes (Ctrl-C ends it)",
             "  quarry fetch 5891b5b5…be03 > hello\n"
             "  quarry fetch $(cut -d' ' -f1 keys) -o pictures")
      .home(flags->common)
      .arguments("KEY", flags->keys, "Keys, in hexadecimal")
      .option("-o,--output", flags->output, "Where values go: a file, or a folder for several",
              "PATH")
      .option("--target", flags->targets, "Ask only these peers (names or keys)", "PEER")
      .option("--deadline", flags->deadline, "Give up after this long: 500ms, 30s, 5m", "TIME")
      .flag("--no-local", flags->no_local, "Do not look into the node's own storage first")
      .flag("--keep", flags->keep, "Keep the value in the node's storage")
      .peers_file(flags->common, "Peers file for names (otherwise DIR/peers)")
      .does([flags] { return fetch(*flags); });
}

}  // namespace quarry::cli
