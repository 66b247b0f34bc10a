#include "cli/scenario/board.hpp"

#include <algorithm>

namespace quarry::cli::scenario {
namespace {

// Values that are fetched while there is load: so many of the latest.
constexpr std::size_t kLatest = 100;
// Of what was wrong: enough to see what it is about.
constexpr std::size_t kMostWrong = 20;

}  // namespace

Board::Phase Board::phase() const {
  const std::lock_guard lock(mutex_);
  return phase_;
}

void Board::set_phase(Phase phase) {
  const std::lock_guard lock(mutex_);
  phase_ = phase;
}

void Board::asked() {
  const std::lock_guard lock(mutex_);
  ++out_;
}

Second& Board::at(Time now) {
  const auto number = static_cast<std::size_t>((now - began_) / std::chrono::seconds(1));
  if (number >= timeline_.size()) timeline_.resize(number + 1);
  return timeline_[number];
}

void Board::resolved(Time now, Duration took) {
  const std::lock_guard lock(mutex_);
  --out_;
  // What is fetched at rest tells nothing of the trouble.
  if (phase_ != Phase::load) return;
  at(now).took_ms.push_back(std::chrono::duration<float, std::milli>(took).count());
}

void Board::gave_up(std::size_t fetches) {
  const std::lock_guard lock(mutex_);
  out_ -= fetches;
}

void Board::confirmed(Key key, const std::string& node) {
  const std::lock_guard lock(mutex_);
  confirmed_.push_back({std::move(key), node});
}

void Board::not_kept(const std::string& node) {
  const std::lock_guard lock(mutex_);
  ++not_kept_[node];
}

void Board::wrong(std::string what) {
  const std::lock_guard lock(mutex_);
  if (wrong_.size() < kMostWrong) wrong_.push_back(std::move(what));
}

std::optional<Key> Board::elsewhere(const std::string& node, std::uint64_t number) const {
  const std::lock_guard lock(mutex_);
  std::vector<const Confirmed*> some;
  const std::size_t from = confirmed_.size() > kLatest ? confirmed_.size() - kLatest : 0;
  for (std::size_t i = from; i < confirmed_.size(); ++i) {
    if (confirmed_[i].node != node) some.push_back(&confirmed_[i]);
  }
  if (some.empty()) return std::nullopt;
  return some[number % some.size()]->key;
}

std::optional<Key> Board::told(std::uint32_t caller) {
  const std::lock_guard lock(mutex_);
  auto& keys = told_[caller];
  if (keys.empty()) return std::nullopt;
  Key key = std::move(keys.front());
  keys.pop_front();
  return key;
}

void Board::tell(std::uint32_t caller, const Key& key) {
  const std::lock_guard lock(mutex_);
  told_[caller].push_back(key);
  ++out_;
}

void Board::take_away(const std::string& node) {
  const std::lock_guard lock(mutex_);
  taken_away_.insert(node);
}

bool Board::taken_away(const std::string& node) const {
  const std::lock_guard lock(mutex_);
  return taken_away_.contains(node);
}

std::size_t Board::out() const {
  const std::lock_guard lock(mutex_);
  return out_;
}

std::vector<Board::Confirmed> Board::all_confirmed() const {
  const std::lock_guard lock(mutex_);
  return confirmed_;
}

std::size_t Board::not_kept_by(const std::string& node) const {
  const std::lock_guard lock(mutex_);
  const auto at = not_kept_.find(node);
  return at == not_kept_.end() ? 0 : at->second;
}

std::vector<std::string> Board::all_wrong() const {
  const std::lock_guard lock(mutex_);
  return wrong_;
}

void Board::event(Time now, std::string what) {
  const std::lock_guard lock(mutex_);
  at(now).events.push_back(std::move(what));
}

void Board::memory(Time now, std::vector<Memory> memory) {
  const std::lock_guard lock(mutex_);
  at(now).memory = std::move(memory);
}

Second Board::second(std::size_t number) const {
  const std::lock_guard lock(mutex_);
  return number < timeline_.size() ? timeline_[number] : Second{};
}

Timeline Board::timeline(std::size_t seconds) const {
  const std::lock_guard lock(mutex_);
  Timeline all = timeline_;
  all.resize(seconds);
  return all;
}

}  // namespace quarry::cli::scenario
