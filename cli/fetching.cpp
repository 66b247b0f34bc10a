#include "cli/fetching.hpp"

#include <unistd.h>

#include <algorithm>
#include <map>

#include "bus/clock.hpp"
#include "cli/commands/describe.hpp"
#include "cli/values.hpp"

namespace quarry::cli {
namespace {

// A person who has waited this long is told why.
constexpr Duration kExplainAfter = std::chrono::seconds(2);
constexpr std::size_t kExplainKeys = 3;
// After Ctrl-C, how long the node has to confirm.
constexpr Duration kWithdrawWithin = std::chrono::seconds(1);

// Values that may be on their way to us: half of what the node keeps for a client that does not
// read. How large they are is known once some have come.
constexpr std::uint64_t kWindowBytes = 32 << 20;
constexpr std::size_t kFirstWindow = 16, kLeastWindow = 8, kMostWindow = 4096;
// A key that has not come by then waits for a peer, and not for us.
constexpr Duration kYoung = std::chrono::milliseconds(500);

// A key that is named twice may be asked of all targets that either names.
std::vector<Fetching::One> without_twins(std::vector<Fetching::One> all) {
  std::map<Key, std::size_t> seen;
  std::size_t count = 0;
  for (Fetching::One& one : all) {
    const auto [at, fresh] = seen.emplace(one.key, count);
    if (fresh) {
      if (&all[count] != &one) all[count] = std::move(one);
      ++count;
      continue;
    }
    std::vector<PeerKey>& targets = all[at->second].targets;
    for (const PeerKey& peer : one.targets) {
      const bool known = std::find(targets.begin(), targets.end(), peer) != targets.end();
      if (!known && targets.size() < limits::kMaxTargets) targets.push_back(peer);
    }
  }
  all.resize(count);
  return all;
}

}  // namespace

Fetching::Fetching(Client& client, Interrupt& interrupt, Wish wish, Destination to)
    : client_(client),
      interrupt_(interrupt),
      wish_(std::move(wish)),
      to_(std::move(to)),
      progress_(wish_.keys.size() > 1 && !(wish_.json && on_terminal(STDOUT_FILENO))),
      began_(bus::now()),
      explain_at_(on_terminal(STDERR_FILENO) ? began_ + kExplainAfter : kNever) {
  wish_.keys = without_twins(std::move(wish_.keys));
}

std::string Fetching::tally() const {
  return std::to_string(resolved_) + " of " + std::to_string(wish_.keys.size()) + " keys resolved";
}

void Fetching::ask_more(Time now) {
  while (!young_.empty() &&
         (young_.front().asked + kYoung <= now || !pending_.contains(young_.front().key))) {
    young_.pop_front();
  }
  const std::size_t window = resolved_ == 0
                                 ? kFirstWindow
                                 : std::clamp<std::size_t>(kWindowBytes / (bytes_ / resolved_ + 1),
                                                           kLeastWindow, kMostWindow);
  while (next_ < wish_.keys.size() && young_.size() < window) {
    const One& one = wish_.keys[next_++];
    pending_.insert(one.key);
    young_.push_back({one.key, now});
    control::Fetch fetch = wish_.like;
    fetch.key = one.key;
    fetch.targets = one.targets;
    client_.send(fetch);
  }
}

Time Fetching::next_look() const {
  Time next = std::min(explain_at_, progress_.next_draw());
  if (next_ < wish_.keys.size() && !young_.empty()) {
    next = std::min(next, young_.front().asked + kYoung);
  }
  return next;
}

Result<Exit> Fetching::run() {
  for (;;) {
    const Time now = bus::now();
    ask_more(now);
    if (pending_.empty()) break;
    if (now >= explain_at_) explain();
    progress_.update({resolved_ + failed_, wish_.keys.size(), bytes_, now - began_}, now);
    Client::Items items;
    const auto woken = client_.wait(items, next_look());
    if (!woken) return tl::unexpected(woken.error());
    if (*woken == Client::Woken::interrupted) return withdraw();
    if (auto handled = handle(items); !handled) return tl::unexpected(handled.error());
  }
  last_words();
  return sum_.code();
}

// Whoever watched is told what came of it.
void Fetching::last_words() {
  if (!progress_.shown()) return;
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(bus::now() - began_);
  say(tally() + ", " + format_size(bytes_) + " in " + format_duration(took));
}

void Fetching::say(std::string_view line) {
  progress_.hide();
  note(line);
}

bool Fetching::over(const Tag& tag, const Key& key) {
  return tag == wish_.like.tag && pending_.erase(key) == 1;
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
    ++failed_;
    progress_.hide();
    sum_.add(fail(written.error()));
    if (to_.is_stdout()) return {};
  } else {
    ++resolved_;
    bytes_ += item.value.size();
  }
  if (!wish_.json) return {};
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
  ++failed_;
  sum_.add(item.how == Terminal::stopped ? Exit::unavailable : Exit::partial);
  return tell(item.key, item.how, "");
}

Result<> Fetching::on(const control::FetchRefused& item) {
  if (!over(item.tag, item.key)) return {};
  ++failed_;
  sum_.add(exit_for(kind_of(item.reason)));
  std::string detail(name(item.reason));
  if (!item.detail.empty()) detail += " (" + item.detail + ")";
  return tell(item.key, Terminal::refused, detail);
}

Result<> Fetching::tell(const Key& key, Terminal how, std::string_view detail) {
  if (wish_.json) {
    Json json;
    json.begin().add("key", to_hex(key.view())).add("result", name(how));
    if (!detail.empty()) json.add("detail", detail);
    return print(json.end().line());
  }
  const std::string line = "key " + to_hex(key.view()) + ": " + std::string(name(how)) + ": ";
  say(line + std::string(detail.empty() ? sentence(how) : detail));
  return {};
}

Result<> Fetching::on(const control::FetchInfo& item) {
  if (item.call == explaining_ && pending_.contains(item.key)) {
    say("waiting for " + to_hex(item.key.view()) + ": " + describe(item));
  }
  return {};
}

void Fetching::explain() {
  explain_at_ = kNever;
  // While others come there is nothing to explain.
  if (wish_.keys.size() > 1 && resolved_ > 0) return;
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
  for (const Key& key : pending_) client_.send(control::Withdraw{wish_.like.tag, key});
  const Time until = bus::now() + kWithdrawWithin;
  while (!pending_.empty()) {
    Client::Items items;
    const auto woken = client_.wait(items, until);
    if (!woken || *woken != Client::Woken::items) break;
    if (auto handled = handle(items); !handled) return tl::unexpected(handled.error());
  }
  std::string line = "interrupted: " + tally();
  if (withdrawn_ != 0) line += ", " + std::to_string(withdrawn_) + " withdrawn";
  if (const std::size_t unasked = wish_.keys.size() - next_; unasked != 0) {
    line += ", " + std::to_string(unasked) + " not asked for";
  }
  if (!pending_.empty()) {
    line += "; the node did not confirm the end of " + std::to_string(pending_.size()) +
            ", and ends them when it sees that this program is gone";
  }
  say(line);
  return Exit::interrupted;
}

}  // namespace quarry::cli
