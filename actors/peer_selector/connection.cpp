#include "actors/peer_selector/connection.hpp"

#include <algorithm>

namespace quarry::peer_selector {
namespace {

constexpr int kMaxDoublings = 16;
constexpr double kJitter = 0.25;

Duration doubled(Duration first, int times, Duration most, Random& random) {
  const Duration exact = std::min(Duration(first * (1LL << std::min(times, kMaxDoublings))), most);
  return Duration(
      static_cast<std::int64_t>(static_cast<double>(exact.count()) * random.around_one(kJitter)));
}

}  // namespace

void Connection::dialled(Time now) {
  if (wanted_) return;
  wanted_ = true;
  open_at_ = now;
  silent_dealers_ = 0;
  refusals_ = 0;
  refusal_.clear();
}

bool Connection::hung_up() {
  wanted_ = false;
  connected_ = false;
  return std::exchange(open_, false);
}

void Connection::opened(Time now, const Config& config, Random& random) {
  open_ = true;
  connected_ = false;
  opened_at_ = now;
  quiet_since_ = now;
  next_ping_ = now;
  patience_ = doubled(config.patience, silent_dealers_, config.patience_cap, random);
  if (nonce_ == 0) nonce_ = random.next();
}

Connection::Step Connection::time_passed(Time now, bool busy, const Config& config,
                                         Random& random) {
  Step step;
  if (!wanted_) return step;
  if (open_ && quiet_since_) {
    const Duration quiet = now - *quiet_since_;
    if (connected_ && quiet >= config.silence) {
      connected_ = false;
      step.lost = true;
      patience_ = config.patience_cap;
    }
    if (!connected_ && quiet >= patience_) {
      ++silent_dealers_;
      step.close = true;
      open_ = false;
      open_at_ = now;
    }
  }
  if (!open_ && now >= open_at_) {
    step.open = true;
    opened(now, config, random);
  }
  if (open_ && now >= next_ping_) {
    step.ping = ++nonce_;
    last_ping_ = now;
    next_ping_ = now + (busy || !connected_ ? config.ping_busy : config.ping_idle);
    if (!quiet_since_) quiet_since_ = now;
  }
  return step;
}

Time Connection::next_deadline(const Config& config) const {
  if (!wanted_) return kNever;
  if (!open_) return open_at_;
  if (!quiet_since_) return next_ping_;
  return std::min(next_ping_, *quiet_since_ + (connected_ ? config.silence : patience_));
}

Connection::Pong Connection::pong_received(std::uint64_t nonce, Instance instance, Time now) {
  Pong pong;
  // An earlier ping's pong proves no more than any message; only the last one can tell which
  // requests went to which life of the peer.
  if (!open_ || nonce != nonce_) return pong;
  if (instance_ && instance_ != instance) pong.new_life = last_ping_;
  instance_ = instance;
  pong.now_connected = !connected_;
  if (!connected_) next_ping_ = std::max(next_ping_, now);
  connected_ = true;
  silent_dealers_ = 0;
  refusals_ = 0;
  refusal_.clear();
  return pong;
}

bool Connection::refused(std::string detail, Time now, const Config& config, Random& random) {
  refusal_ = std::move(detail);
  connected_ = false;
  open_at_ = now + doubled(config.redial, refusals_++, config.redial_cap, random);
  return std::exchange(open_, false);
}

void Connection::became_busy(Time now, const Config& config) {
  next_ping_ = std::min(next_ping_, now + config.ping_busy);
}

}  // namespace quarry::peer_selector
