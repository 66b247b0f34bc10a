#include "cli/bench/load.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "bus/clock.hpp"

namespace quarry::cli::bench {
namespace {

// As long as this nothing may happen: a node that starts has connected by then, also on a machine
// that has much to do.
constexpr Duration kSilence = std::chrono::seconds(60);
constexpr Duration kWarmUp = std::chrono::milliseconds(500);
// Fetches that nobody can answer are begun in steps of so many.
constexpr std::uint32_t kFillStep = 4096;

Tag tag_of(std::uint64_t number) {
  std::array<std::byte, sizeof number> bytes;
  std::memcpy(bytes.data(), &number, sizeof number);
  return Tag(ByteView(bytes));
}

std::uint64_t number_of(const Tag& tag) {
  std::uint64_t number = UINT64_MAX;
  if (tag.size() == sizeof number) std::memcpy(&number, tag.view().data(), sizeof number);
  return number;
}

// A key that no value has: no digest ends with 24 zeros.
Key missing_key(std::uint64_t number) {
  std::array<std::byte, 32> bytes{};
  std::memcpy(bytes.data(), &number, sizeof number);
  return Key(ByteView(bytes));
}

// Nobody's key.
PeerKey absent_peer() {
  PeerKey peer;
  peer.bytes.fill(std::byte{0xff});
  return peer;
}

}  // namespace

double Point::latency_us(double quantile) const {
  if (latencies_us.empty()) return 0;
  const auto at = static_cast<std::size_t>(quantile * static_cast<double>(latencies_us.size()));
  return latencies_us[std::min(at, latencies_us.size() - 1)];
}

Result<std::unique_ptr<bus::Actor>> Load::open(bus::Loop& loop, bus::Context& context,
                                               std::shared_ptr<const Values> values,
                                               Options options, Done done) {
  QUARRY_CHECK(options.window > 0 && options.window < values->count());
  bus::Socket::Options how;
  how.kind = bus::Socket::Kind::dealer;
  how.max_frame = std::max(limits::kMaxEnvelope, values->size() + limits::kBatchBytes);
  how.linger_ms = 200;
  auto socket = bus::Socket::open(context, how);
  if (!socket) return tl::unexpected(socket.error());
  if (auto connected = socket->connect(options.door); !connected) {
    return tl::unexpected(connected.error());
  }
  return std::unique_ptr<bus::Actor>(
      new Load(loop, std::move(*socket), std::move(values), std::move(options), std::move(done)));
}

Load::Load(bus::Loop& loop, bus::Socket socket, std::shared_ptr<const Values> values,
           Options options, Done done)
    : values_(std::move(values)),
      options_(std::move(options)),
      done_(std::move(done)),
      socket_(std::move(socket)),
      asked_(options_.window),
      give_up_(bus::now() + kSilence) {
  loop.watch(socket_, *this);
  outbox_.add(control::Hello{"quarry/" QUARRY_VERSION});
}

void Load::received(bus::Socket&, bus::Message message, Time) {
  items_.clear();
  time_ = bus::now();
  give_up_ = time_ + kSilence;
  if (const auto unfit =
          decoder_.read(message.envelope.view(), std::move(message.payload), items_)) {
    return finish(
        error(Error::Kind::internal, "the node says what does not fit: " + unfit->detail));
  }
  for (const auto& item : items_) std::visit([&](const auto& said) { on(said); }, item);
}

void Load::on(const control::Welcome& welcome) {
  if (phase_ != Phase::greeting) return;
  decoder_.learn({welcome.network, welcome.key_length, welcome.max_value, welcome.digest});
  begin_round();
}

void Load::on(const control::Resolved& value) {
  const std::uint64_t slot = number_of(value.tag);
  if (slot >= asked_.size() || value.key != values_->key(asked_[slot].number) ||
      value.value.size() != values_->size()) {
    return finish(error(Error::Kind::internal, "the node resolved what was not asked"));
  }
  --outstanding_;
  if (phase_ == Phase::warming && phase_ends_ == kNever) phase_ends_ = time_ + kWarmUp;
  if (phase_ == Phase::measuring) {
    ++point_.fetches;
    point_.latencies_us.push_back(
        std::chrono::duration<float, std::micro>(time_ - asked_[slot].at).count());
  }
  if (phase_ == Phase::draining) {
    if (outstanding_ == 0) end_round();
    return;
  }
  ask(static_cast<std::uint32_t>(slot));
}

void Load::on(const control::Ended& ended) {
  finish(error(Error::Kind::refused,
               "a fetch ended without its value: " + std::string(quarry::name(ended.how))));
}
void Load::on(const control::FetchRefused& refused) {
  finish(error(Error::Kind::refused,
               "the node refuses a fetch: " + std::string(quarry::name(refused.reason)) + " " +
                   refused.detail));
}
void Load::on(const control::Refused& refused) {
  finish(error(Error::Kind::refused,
               "the node refuses the client: " + std::string(quarry::name(refused.reason)) + " " +
                   refused.detail));
}

// The node knows all that was sent so far.
void Load::on(const report::Done&) {
  if (phase_ == Phase::filling) fill();
}

void Load::ask(std::uint32_t slot) {
  control::Fetch fetch;
  fetch.tag = tag_of(slot);
  fetch.key = values_->key(next_);
  fetch.local = false;
  if (options_.target) fetch.targets.push_back(*options_.target);
  outbox_.add(fetch);
  asked_[slot] = {next_, time_};
  next_ = (next_ + 1) % values_->count();
  ++outstanding_;
}

void Load::begin_round() {
  phase_ = Phase::warming;
  phase_ends_ = kNever;  // the first value says that the nodes are connected
  for (std::uint32_t slot = 0; slot < options_.window; ++slot) ask(slot);
}

void Load::elapsed(Time now) {
  retry_at_ = kNever;
  if (now >= give_up_) {
    return finish(
        error(Error::Kind::unavailable,
              "nothing was resolved for " + std::to_string(kSilence.count() / 1000000000) + " s"));
  }
  if (now < phase_ends_) return;
  if (phase_ == Phase::warming) {
    phase_ = Phase::measuring;
    point_ = {};
    before_asking_ = usage_of(options_.asking);
    before_serving_ = usage_of(options_.serving);
    began_ = bus::now();
    phase_ends_ = began_ + options_.lasts;
  } else if (phase_ == Phase::measuring) {
    phase_ = Phase::draining;
    phase_ends_ = kNever;
    point_.seconds = std::chrono::duration<double>(bus::now() - began_).count();
    point_.asking = usage_of(options_.asking);
    point_.serving = usage_of(options_.serving);
    point_.asking.cpu_s -= before_asking_.cpu_s;
    point_.serving.cpu_s -= before_serving_.cpu_s;
  }
}

void Load::end_round() {
  if (point_.fetches == 0) {
    return finish(error(Error::Kind::unavailable, "nothing was resolved in the time measured",
                        "give it more --seconds, or a smaller --window"));
  }
  std::sort(point_.latencies_us.begin(), point_.latencies_us.end());
  if (phase_ == Phase::draining && filled_ < options_.pending) {
    outcome_.alone = std::move(point_);
    phase_ = Phase::filling;
    before_asking_ = usage_of(options_.asking);
    return fill();
  }
  (filled_ == 0 ? outcome_.alone : outcome_.beside_pending.emplace()) = std::move(point_);
  finish(std::move(outcome_));
}

void Load::fill() {
  if (filled_ == options_.pending) {
    outcome_.pending_bytes = usage_of(options_.asking).rss_bytes - before_asking_.rss_bytes;
    return begin_round();
  }
  control::Fetch fetch;
  fetch.local = false;
  fetch.targets = {absent_peer()};
  for (std::uint32_t i = 0; i < kFillStep && filled_ < options_.pending; ++i) {
    fetch.tag = tag_of(UINT32_MAX + std::uint64_t{filled_});
    fetch.key = missing_key(filled_++);
    outbox_.add(fetch);
  }
  outbox_.add(control::Status{CallId{filled_}, {fetch.key}});
}

void Load::finish(Result<Outcome> outcome) {
  if (phase_ == Phase::over) return;
  phase_ = Phase::over;
  phase_ends_ = give_up_ = kNever;
  done_(std::move(outcome));
}

void Load::flush(Time now) {
  retry_at_ = outbox_.flush(socket_) == bus::Socket::Sent::full ? now + bus::kRetryFull : kNever;
}

Time Load::next_deadline() const { return std::min({retry_at_, phase_ends_, give_up_}); }

void Load::stop(Time) {
  stopping_ = true;
  if (phase_ != Phase::greeting) outbox_.add(control::Bye{});
}

}  // namespace quarry::cli::bench
