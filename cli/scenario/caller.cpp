#include "cli/scenario/caller.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "bus/clock.hpp"
#include "cli/digest.hpp"

namespace quarry::cli::scenario {
namespace {

constexpr Duration kLookEvery = std::chrono::milliseconds(50);
// With something out a node pings four times a second; one that is silent for so long has lost us.
constexpr Duration kSilence = std::chrono::seconds(5);
// Fetches out at a time; where they all wait no more are begun.
constexpr std::size_t kWindow = 64;
// Values are written once and fetched often.
constexpr std::uint64_t kFetchesPerPut = 10;
// A load that fell behind does not make up for more than this.
constexpr Duration kCatchUp = std::chrono::milliseconds(500);

Tag tag_of(std::uint64_t number) {
  std::array<std::byte, sizeof number> bytes;
  std::memcpy(bytes.data(), &number, sizeof number);
  return Tag(ByteView(bytes));
}

std::uint64_t number_of(const Tag& tag) {
  std::uint64_t number = 0;
  if (tag.size() == sizeof number) std::memcpy(&number, tag.view().data(), sizeof number);
  return number;
}

}  // namespace

Caller::Caller(bus::Loop& loop, bus::Context& context, std::shared_ptr<Board> board,
               Options options)
    : loop_(loop),
      context_(context),
      board_(std::move(board)),
      options_(std::move(options)),
      random_(options_.seed + options_.number),
      act_at_(options_.per_second == 0 ? kNever : bus::now()) {}

void Caller::connect(Time now) {
  bus::Socket::Options how;
  how.kind = bus::Socket::Kind::dealer;
  how.max_frame = limits::kMaxEnvelope + options_.largest + limits::kBatchBytes;
  auto socket = bus::Socket::open(context_, how);
  if (!socket || !socket->connect(options_.home.control_endpoint())) return;
  socket_.emplace(std::move(*socket));
  loop_.watch(*socket_, *this);
  decoder_ = Decoder<control::Protocol>{Network{.name = ""}};
  outbox_.add(control::Hello{"quarry/" QUARRY_VERSION});
  heard_ = now;
}

// What was not confirmed is nobody's loss; what is out is asked for again.
void Caller::disconnect() {
  socket_.reset();
  outbox_.clear();
  putting_.clear();
  again_.clear();
  welcome_ = lost_ = false;
}

void Caller::look_after_node(Time now) {
  if (board_->taken_away(options_.node)) {
    disconnect();
    board_->gave_up(std::exchange(out_, {}).size());
    pid_.reset();
    return;
  }
  const auto pid = options_.home.pid();
  if (pid != pid_ || lost_ || (socket_ && now - heard_ > kSilence)) disconnect();
  pid_ = pid;
  if (pid_ && !socket_) connect(now);
}

void Caller::received(bus::Socket&, bus::Message message, Time now) {
  items_.clear();
  heard_ = now;
  if (const auto unfit =
          decoder_.read(message.envelope.view(), std::move(message.payload), items_)) {
    board_->wrong(options_.node + " says what does not fit: " + unfit->detail);
    lost_ = true;
    return;
  }
  for (const auto& item : items_) std::visit([&](const auto& said) { on(said); }, item);
}

void Caller::on(const control::Welcome& welcome) {
  decoder_.learn({welcome.network, welcome.key_length, welcome.max_value, welcome.digest});
  welcome_ = true;
  for (const auto& [tag, out] : out_) ask(tag, out.key);
}

void Caller::on(const control::Resolved& value) {
  const auto out = out_.find(number_of(value.tag));
  if (out == out_.end()) return;
  const auto digest = digest_of(value.value.view(), Network{});
  if (!digest || value.key != out->second.key || *digest != value.key) {
    board_->wrong("wrong bytes for " + to_hex(value.key.view()) + " at " + options_.node);
  }
  const Time now = bus::now();
  board_->resolved(now, now - out->second.since);
  out_.erase(out);
  ask_as_told();
}

// A node that stops says so to each; it is asked again when it is back.
void Caller::on(const control::Ended& ended) {
  if (ended.how == Terminal::stopped) return;
  const auto out = out_.find(number_of(ended.tag));
  if (out == out_.end()) return;
  board_->wrong("the fetch of " + to_hex(ended.key.view()) + " at " + options_.node +
                " ended: " + std::string(quarry::name(ended.how)));
  board_->gave_up(1);
  out_.erase(out);
}

void Caller::on(const control::FetchRefused& refused) { again_.push_back(number_of(refused.tag)); }

void Caller::on(const report::Done& done) {
  const auto put = putting_.find(done.call.value);
  if (put == putting_.end()) return;
  board_->confirmed(put->second, options_.node);
  putting_.erase(put);
}

void Caller::on(const report::Failed& failed) {
  if (putting_.erase(failed.call.value) > 0) board_->not_kept(options_.node);
}

void Caller::put() {
  std::vector<std::byte> bytes(random_() % (options_.largest + 1));
  for (std::size_t i = 0; i < bytes.size(); i += sizeof(std::uint64_t)) {
    const std::uint64_t some = random_();
    std::memcpy(bytes.data() + i, &some, std::min(sizeof some, bytes.size() - i));
  }
  auto key = digest_of(bytes, Network{});
  if (!key) return;
  putting_.emplace(++last_, *key);
  outbox_.add(control::Put{CallId{last_}, *key, Payload::of(std::string(text_of(bytes)))});
}

void Caller::ask(std::uint64_t tag, const Key& key) {
  control::Fetch fetch;
  fetch.tag = tag_of(tag);
  fetch.key = key;
  outbox_.add(fetch);
}

void Caller::fetch(const Key& key) {
  out_.emplace(++last_, Out{key, bus::now()});
  if (welcome_) ask(last_, key);
}

void Caller::act() {
  const auto key = board_->elsewhere(options_.node, random_());
  const bool first = !key || acts_++ % kFetchesPerPut == 0;
  if (first && options_.puts && putting_.size() < kWindow) put();
  if (!key) return;
  board_->asked();
  fetch(*key);
}

void Caller::ask_as_told() {
  while (out_.size() < kWindow) {
    const auto key = board_->told(options_.number);
    if (!key) return;
    fetch(*key);
  }
}

void Caller::elapsed(Time now) {
  retry_at_ = kNever;
  if (now >= look_at_) {
    look_at_ = now + kLookEvery;
    look_after_node(now);
    for (; !again_.empty(); again_.pop_front()) {
      const auto out = out_.find(again_.front());
      if (out != out_.end() && welcome_) ask(out->first, out->second.key);
    }
    ask_as_told();
  }
  if (now < act_at_) return;
  const auto period = Duration(std::chrono::seconds(1)) / options_.per_second;
  act_at_ = std::max(act_at_, now - kCatchUp);
  for (; act_at_ <= now; act_at_ += period) {
    if (welcome_ && out_.size() < kWindow && board_->phase() == Board::Phase::load) act();
  }
}

void Caller::flush(Time now) {
  if (!socket_) return;
  retry_at_ = outbox_.flush(*socket_) == bus::Socket::Sent::full ? now + bus::kRetryFull : kNever;
}

Time Caller::next_deadline() const { return std::min({retry_at_, act_at_, look_at_}); }

void Caller::stop(Time) {
  stopping_ = true;
  if (welcome_) outbox_.add(control::Bye{});
}

}  // namespace quarry::cli::scenario
