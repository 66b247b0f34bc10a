#include "cli/scenario/stage.hpp"

#include <poll.h>

#include <algorithm>

#include "bus/clock.hpp"
#include "cli/bench/usage.hpp"
#include "cli/node_view.hpp"

namespace quarry::cli::scenario {
namespace {

using Kind = Trouble::Kind;

constexpr int kRestMs = 10;
// After everything was healed: until each fetch that was out, and then each value, has come. A node
// that was cut off looks again within seconds; sanitizers on a busy machine take the rest.
constexpr Duration kHealsWithin = std::chrono::seconds(90);

// Brings back whom this takes away.
std::optional<Kind> opposite(Kind kind) {
  if (kind == Kind::kill) return Kind::start;
  if (kind == Kind::pause) return Kind::resume;
  return std::nullopt;
}

}  // namespace

Stage::Stage(Options options)
    : options_(std::move(options)), random_(options_.seed), net_(options_.directory) {
  for (const Happening& one : options_.script.happenings) plan_.push_back({one, one.first, 0});
  workers_ = options_.script.workers;
  for (const std::string& liar : options_.script.liars) {
    workers_.push_back({"liar" + liar.substr(4), liar, {"store", "--exec", "echo lie"}});
  }
}

Stage::~Stage() {
  callers_.reset();
  static_cast<void>(net_.stop());
  static_cast<void>(net_.remove());
}

Milliseconds Stage::elapsed() const {
  return std::chrono::duration_cast<Milliseconds>(bus::now() - began_);
}

Result<> Stage::set_up() {
  const Script& script = options_.script;
  auto made = net_.make({script.nodes, "one", script.relayed(), options_.image});
  if (!made) return made;
  for (const auto& [name, seconds] : script.clocks) {
    auto told = net_.configure(*net_.find(name), "clock-offset = " + std::to_string(seconds));
    if (!told) return told;
  }
  // A node that knows of no digest has no verifier of its own, and takes any bytes from a storage.
  for (const Testnet::Worker& worker : workers_) {
    auto told = net_.configure(*net_.find(worker.node), "digest = \"none\"");
    if (!told) return told;
  }
  for (const auto& [name, bytes] : script.disks) net_.find(name)->disk_bytes = bytes;
  return {};
}

Result<> Stage::start() {
  if (auto set = set_up(); !set) return set;
  if (auto started = net_.start(); !started) return started;
  for (const Testnet::Worker& worker : workers_) {
    if (auto started = net_.start(worker); !started) return started;
  }
  context_.emplace();
  const Time until = bus::now() + kReadyWithin;
  for (const Testnet::Node& node : net_.nodes()) {
    auto ready = wait_ready(*context_, net_, node, net_.nodes().size() - 1, until);
    if (!ready) return tl::unexpected(ready.error());
  }
  return start_callers();
}

// One for each client, one for each node that comes later, and one that only looks in the end for
// each node that has none.
Result<> Stage::start_callers() {
  const Script& script = options_.script;
  const auto add = [&](const std::string& name, std::uint32_t per_second, bool puts) {
    calling_.push_back({static_cast<std::uint32_t>(calling_.size()), name,
                        Home(net_.directory() / name), per_second, script.load.largest, puts,
                        options_.seed});
  };
  std::vector<std::string> honest;
  for (const std::string& name : node_names()) {
    if (!script.liars.contains(name)) honest.push_back(name);
  }
  for (std::uint32_t i = 0; i < script.load.clients; ++i) {
    add(honest[i % honest.size()], script.load.per_second, true);
  }
  for (std::size_t i = script.load.clients; i < honest.size(); ++i) add(honest[i], 0, false);
  for (std::uint32_t i = script.nodes; i < script.most_nodes(); ++i) {
    add("node" + std::to_string(i + 1), script.load.per_second, false);
  }
  began_ = bus::now();
  board_ = std::make_shared<Board>(began_);
  std::vector<bus::Thread::Make> callers;
  for (const Caller::Options& one : calling_) {
    callers.push_back([this, one](bus::Loop& loop) -> Result<std::unique_ptr<bus::Actor>> {
      return std::make_unique<Caller>(loop, *context_, board_, one);
    });
  }
  auto thread = bus::Thread::start("callers", std::move(callers));
  if (!thread) return tl::unexpected(thread.error());
  callers_ = std::move(*thread);
  return {};
}

std::vector<std::string> Stage::node_names() {
  std::vector<std::string> names;
  for (const Testnet::Node& node : net_.nodes()) names.push_back(node.name);
  return names;
}

bool Stage::runs(const std::string& name) {
  if (const auto* node = net_.find(name)) return node->home.pid().has_value();
  return std::any_of(workers_.begin(), workers_.end(), [&](const Testnet::Worker& worker) {
    return worker.name == name && net_.runs(worker);
  });
}

std::vector<std::string> Stage::whom(Planned& planned, Kind kind) {
  const Whom& whom = planned.happening.whom;
  std::vector<std::string> names = whom.names.empty() ? node_names() : whom.names;
  if (kind == Kind::heal) return {};
  if (whom.how == Whom::How::next) names = {names[planned.turn++ % names.size()]};
  // Who is away, or is about to come back, cannot be taken away.
  if (kind == Kind::kill || kind == Kind::pause || kind == Kind::restart) {
    std::erase_if(names, [&](const auto& name) { return away_.contains(name) || !runs(name); });
  }
  if (whom.how == Whom::How::random && !names.empty()) names = {names[below(names.size())]};
  return names;
}

void Stage::draw_others(Trouble& trouble) {
  auto others = node_names();
  std::erase(others, trouble.nodes.front());
  const std::size_t most = 1 + others.size() / 2;
  while (others.size() > most) {
    others.erase(others.begin() + static_cast<std::ptrdiff_t>(below(others.size())));
  }
  trouble.others = others;
}

void Stage::draw_amount(Trouble& trouble) {
  if (trouble.kind == Kind::slow) trouble.delay = Milliseconds(5 + below(196));
  if (trouble.kind == Kind::loss) trouble.percent = static_cast<unsigned>(1 + below(10));
  if (trouble.kind == Kind::partition) draw_others(trouble);
}

std::optional<Trouble> Stage::draw(Planned& planned) {
  const Happening& happening = planned.happening;
  const bool drawn = happening.kinds.size() > 1;
  Trouble trouble = happening.like;
  trouble.kind = happening.kinds[below(happening.kinds.size())];
  const bool takes_away = opposite(trouble.kind).has_value();
  if (drawn && takes_away && !away_.empty()) {  // first somebody comes back
    return Trouble{.kind = away_.begin()->second, .nodes = {away_.begin()->first}};
  }
  if (trouble.kind == Kind::scale) return trouble;
  trouble.nodes = whom(planned, trouble.kind);
  if (trouble.kind != Kind::heal && trouble.nodes.empty()) return std::nullopt;
  if (drawn) draw_amount(trouble);
  const bool random = happening.whom.how == Whom::How::random;
  if (random && takes_away && 2 * (away_.size() + 1) > net_.nodes().size()) return std::nullopt;
  return trouble;
}

Result<> Stage::cause(const Trouble& trouble) {
  if (trouble.kind == Kind::scale) {
    const auto names = node_names();
    for (std::size_t i = trouble.count; i < names.size(); ++i) board_->take_away(names[i]);
  }
  board_->event(bus::now(), trouble.text());
  if (auto caused = cli::cause(net_, trouble, workers_); !caused) return caused;
  for (const std::string& name : trouble.nodes) {
    if (const auto back = opposite(trouble.kind)) {
      away_[name] = *back;
    } else if (trouble.kind <= Kind::restart) {
      away_.erase(name);
    }
  }
  return {};
}

Result<> Stage::happen(Planned& planned) {
  const auto trouble = draw(planned);
  if (!trouble) return {};
  if (auto caused = cause(*trouble); !caused) return caused;
  if (planned.happening.lasts.count() > 0) {
    undo_.emplace(elapsed() + planned.happening.lasts,
                  Trouble{.kind = *opposite(trouble->kind), .nodes = trouble->nodes});
  }
  return {};
}

Result<> Stage::undo_due(Milliseconds at) {
  while (!undo_.empty() && undo_.begin()->first <= at) {
    const Trouble trouble = undo_.begin()->second;
    undo_.erase(undo_.begin());
    if (auto caused = cause(trouble); !caused) return caused;
  }
  return {};
}

Result<> Stage::happen(Milliseconds at) {
  if (auto undone = undo_due(at); !undone) return undone;
  for (Planned& planned : plan_) {
    if (!planned.due || *planned.due > at) continue;
    const Milliseconds next = *planned.due + planned.happening.every;
    const bool again = planned.happening.every.count() > 0 && next < planned.happening.until;
    planned.due = again ? std::optional(next) : std::nullopt;
    if (auto happened = happen(planned); !happened) return happened;
  }
  return {};
}

void Stage::tick() {
  while (elapsed() >= std::chrono::seconds(ticks_ + 1)) {
    std::vector<Memory> memory;
    for (const Testnet::Node& node : net_.nodes()) {
      if (const auto pid = node.home.pid()) {
        memory.push_back({node.name, *pid, bench::allocated_mib(*pid)});
      }
    }
    board_->memory(began_ + std::chrono::seconds(ticks_), std::move(memory));
    options_.tell(line_of(ticks_ + 1, board_->second(ticks_)));
    ++ticks_;
  }
}

bool Stage::rest() {
  pollfd interrupted{options_.interrupt_fd, POLLIN, 0};
  return ::poll(&interrupted, 1, kRestMs) <= 0;
}

bool Stage::rest_until_nothing_is_out() {
  const Time until = bus::now() + kHealsWithin;
  while (board_->out() > 0 && bus::now() < until) {
    if (!rest()) return false;
  }
  return true;
}

// The links heal, and whoever is away comes back.
Result<> Stage::heal() {
  if (net_.relayed()) {
    if (auto healed = cli::cause(net_, {}); !healed) return healed;
  }
  for (const auto& [name, back] : away_) {
    auto done = cli::cause(net_, {.kind = back, .nodes = {name}}, workers_);
    if (!done) return done;
  }
  away_.clear();
  return {};
}

// Every confirmed value, asked of a node that has not confirmed it.
void Stage::check_values() {
  for (const auto& [key, node] : board_->all_confirmed()) {
    std::vector<std::uint32_t> others;
    for (const Caller::Options& one : calling_) {
      if (one.node != node && !board_->taken_away(one.node)) others.push_back(one.number);
    }
    if (!others.empty()) board_->tell(others[below(others.size())], key);
  }
}

void Stage::check_nodes() {
  const Script& script = options_.script;
  std::set<std::string> blocked;
  const Time until = bus::now() + kReadyWithin;
  for (const Testnet::Node& node : net_.nodes()) {
    if (script.liars.contains(node.name)) continue;
    const auto view = wait_ready(*context_, net_, node, 0, until);
    if (!view) {
      wrong_.push_back(view.error().what);
      continue;
    }
    for (const report::PeerInfo& peer : view->peers) {
      const bool bad = peer.state == PeerState::blocked || peer.invalid > 0;
      if (!bad) continue;
      if (peer.state == PeerState::blocked) blocked.insert(peer.peer.name);
      if (!script.liars.contains(peer.peer.name)) {
        wrong_.push_back(node.name + " thinks badly of " + peer.peer.name + ", which is honest");
      }
    }
  }
  for (const std::string& name : script.blocked) {
    if (!blocked.contains(name)) wrong_.push_back("nobody has blocked " + name);
  }
}

void Stage::check_expectations() {
  const Script& script = options_.script;
  for (const std::string& name : script.full) {
    if (board_->not_kept_by(name) == 0) wrong_.push_back(name + " has kept everything: not full");
  }
  const std::size_t fetched = all_took_ms(board_->timeline(ticks_)).size();
  if (fetched < script.fetches) {
    wrong_.push_back("only " + std::to_string(fetched) + " fetches of at least " +
                     std::to_string(script.fetches));
  }
}

Result<std::optional<Outcome>> Stage::run() {
  const auto interrupted = std::optional<Outcome>();
  if (auto started = start(); !started) return tl::unexpected(started.error());
  while (elapsed() < options_.script.lasts) {
    if (!rest()) return interrupted;
    if (auto happened = happen(elapsed()); !happened) return tl::unexpected(happened.error());
    tick();
  }
  // All that is planned happens, also where it takes longer than its time.
  if (auto happened = happen(options_.script.lasts); !happened) {
    return tl::unexpected(happened.error());
  }
  board_->set_phase(Board::Phase::rest);
  if (auto healed = heal(); !healed) return tl::unexpected(healed.error());
  if (!rest_until_nothing_is_out()) return interrupted;
  if (const std::size_t out = board_->out(); out > 0) {
    wrong_.push_back(std::to_string(out) + " fetches never ended");
  }
  check_values();
  if (!rest_until_nothing_is_out()) return interrupted;
  if (const std::size_t out = board_->out(); out > 0) {
    wrong_.push_back(std::to_string(out) + " confirmed values never came");
  }
  check_nodes();
  check_expectations();
  Outcome outcome{board_->timeline(ticks_), {}, board_->all_confirmed().size(), wrong_};
  for (std::uint32_t i = 1; i <= options_.script.most_nodes(); ++i) {
    outcome.nodes.push_back("node" + std::to_string(i));
  }
  const auto more = board_->all_wrong();
  outcome.wrong.insert(outcome.wrong.end(), more.begin(), more.end());
  return std::optional(std::move(outcome));
}

}  // namespace quarry::cli::scenario
