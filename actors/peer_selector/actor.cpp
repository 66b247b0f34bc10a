#include "actors/peer_selector/actor.hpp"

#include <spdlog/spdlog.h>

#include "bus/clock.hpp"

namespace quarry::peer_selector {

Result<std::unique_ptr<bus::Actor>> Actor::open(bus::Loop& loop, bus::Context& context,
                                                const Node& node, Config config,
                                                std::filesystem::path state) {
  auto producer = ProducerLink::open(context, node.admission_link, node.network);
  if (!producer) return tl::unexpected(producer.error());
  auto engine = EngineLink::open(context, node.selector_link, node.network);
  if (!engine) return tl::unexpected(engine.error());
  StateFile file(std::move(state));
  config.remembered = file.read();
  return std::unique_ptr<bus::Actor>(new Actor(loop, context, std::move(*engine),
                                               std::move(*producer), node, std::move(config),
                                               std::move(file)));
}

Actor::Actor(bus::Loop& loop, bus::Context& context, EngineLink engine, ProducerLink producer,
             const Node& node, Config config, StateFile state)
    : loop_(loop),
      context_(context),
      network_(node.network),
      identity_(node.identity),
      core_(std::move(config), {node.network, node.identity.key, node.instance, node.agent},
            bus::random_u64(), bus::now()),
      engine_(std::move(engine)),
      producer_(std::move(producer)),
      decoder_(node.network),
      state_(std::move(state)) {
  loop.watch(engine_.socket(), *this);
  loop.watch(producer_.socket(), *this);
}

void Actor::received(bus::Socket& socket, bus::Message message, Time now) {
  if (&socket == &engine_.socket()) {
    from_engine_.clear();
    engine_.read(std::move(message), from_engine_);
    for (const auto& item : from_engine_) {
      std::visit([&](const auto& said) { on(said, now); }, item);
    }
  } else if (&socket == &producer_.socket()) {
    from_producer_.clear();
    producer_.read(std::move(message), from_producer_);
    for (const auto& item : from_producer_) {
      std::visit([&](const auto& said) { on_producer(said); }, item);
    }
  } else if (const auto peer = peer_of_.find(&socket); peer != peer_of_.end()) {
    received_from(peer->second, std::move(message), now);
  }
}

void Actor::received_from(PeerIndex peer, bus::Message message, Time now) {
  from_peer_.clear();
  const auto unfit = decoder_.read(message.envelope.view(), std::move(message.payload), from_peer_);
  if (unfit) return core_.nonsense_received(peer, unfit->detail, now);
  for (auto& item : from_peer_) {
    std::visit([&](auto& said) { on(peer, said, now); }, item);
  }
}

void Actor::flooded(bus::Socket& socket, const bus::Route&, Time now) {
  const auto peer = peer_of_.find(&socket);
  if (peer != peer_of_.end()) core_.nonsense_received(peer->second, "too many frames", now);
}

void Actor::on(PeerIndex peer, peer::Hello& item, Time now) {
  core_.hello_received(peer, item, now);
}
void Actor::on(PeerIndex peer, peer::Pong& item, Time now) { core_.pong_received(peer, item, now); }
void Actor::on(PeerIndex peer, peer::Value& item, Time now) {
  core_.value_received(peer, item.request, std::move(item.value), now);
}
void Actor::on(PeerIndex peer, peer::NoData& item, Time now) {
  core_.no_data_received(peer, item.request, std::chrono::milliseconds(item.remembered_ms), now);
}
void Actor::on(PeerIndex peer, peer::Overloaded& item, Time now) {
  core_.overloaded_received(peer, item.request, std::chrono::milliseconds(item.retry_after_ms),
                            now);
}
void Actor::on(PeerIndex peer, peer::TooLarge& item, Time now) {
  core_.too_large_received(peer, item.request, item.size, now);
}
void Actor::on(PeerIndex peer, peer::Refused& item, Time now) {
  core_.refused_received(peer, item, now);
}

void Actor::flush(Time now) {
  core_.dispatch(now);
  carry_out_all(now);
  send_to_peers(now);
  carry_out_all(now);
  if (state_.kept()) {
    // Before anybody is told: whoever was told of a block finds it again.
    if (now >= save_at_ || core_.blocks_changed() != saved_blocks_) save_state(now);
    if (save_at_ == kNever && core_.asked() != saved_asked_) save_at_ = now + limits::kSaveEvery;
  }
  const bool engine_waits = engine_.flush(now);
  const bool producer_waits = producer_.flush();
  retry_at_ = engine_waits || producer_waits ? now + bus::kRetryFull : kNever;
}

void Actor::stop(Time now) {
  stopping_ = true;
  save_state(now);
}

void Actor::save_state(Time now) {
  state_.write(core_.remembered(now));
  save_at_ = kNever;
  saved_asked_ = core_.asked();
  saved_blocks_ = core_.blocks_changed();
}

// Opening a line may fail, which has effects again; it is tried again only later.
void Actor::carry_out_all(Time now) {
  for (auto effects = core_.take_effects(); !effects.empty(); effects = core_.take_effects()) {
    for (const Effect& effect : effects) {
      std::visit([&](const auto& it) { carry_out(it, now); }, effect);
    }
  }
}

// What a full pipe does not take becomes due at once for others: the next turn asks them.
void Actor::send_to_peers(Time now) {
  for (const PeerIndex peer : std::exchange(unsent_, {})) {
    const auto line = lines_.find(peer);
    if (line == lines_.end()) continue;
    line->second->send(failed_);
    report_failed(peer, now);
  }
}

void Actor::report_failed(PeerIndex peer, Time now) {
  for (const RequestId request : failed_) core_.send_failed(peer, request, now);
  failed_.clear();
}

void Actor::carry_out(const Open& open, Time now) {
  auto line = PeerLine::open(context_, network_, identity_, open.key, open.endpoint, open.ipv6);
  if (!line) {
    spdlog::info("peer_selector: {}", line.error().line());
    return core_.open_failed(open.peer, line.error().what, now);
  }
  loop_.watch((*line)->socket(), *this);
  peer_of_[&(*line)->socket()] = open.peer;
  lines_[open.peer] = std::move(*line);
}

void Actor::carry_out(const Close& close, Time) {
  const auto line = lines_.find(close.peer);
  if (line == lines_.end()) return;
  peer_of_.erase(&line->second->socket());
  lines_.erase(line);
}

void Actor::carry_out(const ToPeer& to, Time now) {
  const auto line = lines_.find(to.peer);
  if (line == lines_.end()) return;
  if (unsent_.empty() || unsent_.back() != to.peer) unsent_.push_back(to.peer);
  std::visit([&](const auto& item) { line->second->add(item, failed_); }, to.item);
  report_failed(to.peer, now);
}

void Actor::carry_out(const ToEngine& to, Time) {
  std::visit([&](const auto& item) { engine_.add(item); }, to.item);
}

void Actor::carry_out(const ToProducer& to, Time) {
  std::visit([&](const auto& item) { producer_.add(item); }, to.item);
}

void Actor::carry_out(const Alarm& alarm, Time) { spdlog::warn("peer_selector: {}", alarm.text); }

}  // namespace quarry::peer_selector
