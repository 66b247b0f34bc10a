#include "actors/producer_bridge/actor.hpp"

#include <spdlog/spdlog.h>

#include "bus/clock.hpp"

namespace quarry::producer_bridge {
namespace {
// Replies that were sent are let go before a socket closes.
constexpr int kLingerMs = 1000;
}  // namespace

Result<std::unique_ptr<bus::Actor>> Actor::open(bus::Loop& loop, bus::Context& context,
                                                const Node& node, Config config) {
  auto storages = open_storages(context, node);
  if (!storages) return tl::unexpected(storages.error());
  auto engine = EngineLink::open(context, node.producer_link, node.network);
  if (!engine) return tl::unexpected(engine.error());
  auto selector = SelectorLink::open(context, node.admission_link, node.network);
  if (!selector) return tl::unexpected(selector.error());
  Sockets sockets{{}, {}, std::move(*storages), std::move(*engine), std::move(*selector)};
  if (!node.listen.empty()) {
    auto opened = open_network(sockets, loop, context, node, config);
    if (!opened) return tl::unexpected(opened.error());
  }
  return std::unique_ptr<bus::Actor>(new Actor(loop, std::move(sockets), node, std::move(config)));
}

Result<> Actor::open_network(Sockets& sockets, bus::Loop& loop, bus::Context& context,
                             const Node& node, const Config& config) {
  auto zap = bus::Zap::open(context, loop);
  if (!zap) return tl::unexpected(zap.error());
  sockets.zap = std::move(*zap);
  sockets.zap->hold();
  bus::Socket::Options options;
  options.kind = bus::Socket::Kind::router;
  options.max_frame = limits::max_ask_envelope(node.network);
  options.send_hwm = kNetworkSendHwm;
  options.receive_hwm = kNetworkReceiveHwm;
  options.linger_ms = kLingerMs;
  options.identity = &node.identity;
  auto door = bus::Socket::open(context, options);
  if (!door) return tl::unexpected(door.error());
  if (auto bound = door->bind(node.listen); !bound) return tl::unexpected(bound.error());
  sockets.network.emplace(std::move(*door));
  const std::string endpoint = sockets.network->endpoint();
  spdlog::info("producer_bridge: listens at {}", endpoint);
  if (config.on_listening) config.on_listening(endpoint);
  return {};
}

Result<bus::Socket> Actor::open_storages(bus::Context& context, const Node& node) {
  bus::Socket::Options options;
  options.kind = bus::Socket::Kind::router;
  options.max_frame = std::max(limits::kMaxEnvelope, limits::max_payload(node.network));
  options.send_hwm = kStorageHwm;
  options.receive_hwm = kStorageHwm;
  options.linger_ms = kLingerMs;
  auto door = bus::Socket::open(context, options);
  if (!door) return door;
  for (const std::string& address : node.storage_door) {
    if (auto bound = door->bind(address); !bound) return tl::unexpected(bound.error());
  }
  return door;
}

Actor::Actor(bus::Loop& loop, Sockets sockets, const Node& node, Config config)
    : core_(std::move(config), Self{node.network, node.instance, node.agent}, bus::random_u64()),
      zap_(std::move(sockets.zap)),
      network_(std::move(sockets.network)),
      storages_(std::move(sockets.storages)),
      engine_(std::move(sockets.engine)),
      selector_(std::move(sockets.selector)),
      peer_decoder_(node.network),
      worker_decoder_(node.network),
      to_peers_(node.network.name, reply_budget(node.network)),
      to_workers_(node.network.name, kStorageBudget + node.network.max_value),
      welcome_{node.network.name, node.network.key_length, node.network.max_value, node.agent} {
  loop.watch(storages_, *this);
  loop.watch(engine_.socket(), *this);
  loop.watch(selector_.socket(), *this);
  if (network_) loop.watch(*network_, *this);
}

void Actor::received(bus::Socket& socket, bus::Message message, Time now) {
  if (stopping_) return;
  if (&socket == &storages_) return received_from_worker(std::move(message), now);
  if (&socket == &engine_.socket()) {
    from_engine_.clear();
    engine_.read(std::move(message), from_engine_);
    for (const auto& item : from_engine_) {
      std::visit([&](const auto& said) { on(said, now); }, item);
    }
  } else if (&socket == &selector_.socket()) {
    from_selector_.clear();
    selector_.read(std::move(message), from_selector_);
    for (const auto& item : from_selector_) std::visit([&](const auto& said) { on(said); }, item);
  } else {
    received_from_peer(std::move(message), now);
  }
}

void Actor::received_from_peer(bus::Message message, Time now) {
  const auto peer = message.envelope.peer();
  switch (core_.heard(peer, message.route, now)) {
    case Core::Standing::served:
      break;
    case Core::Standing::refused:
      return;
    case Core::Standing::shut_down:
      return bus::Socket::shut_down(message);
  }
  from_peer_.clear();
  const From from{*peer, message.route};
  const auto unfit =
      peer_decoder_.read(message.envelope.view(), std::move(message.payload), from_peer_);
  if (unfit) return core_.unfit_received(from.route, *unfit);
  for (const auto& item : from_peer_) {
    std::visit([&](const auto& said) { on(from, said, now); }, item);
  }
}

void Actor::received_from_worker(bus::Message message, Time now) {
  from_worker_.clear();
  const WorkerId worker = routes_.id_of(message.route);
  const auto unfit =
      worker_decoder_.read(message.envelope.view(), std::move(message.payload), from_worker_);
  if (unfit) return core_.unfit_received(worker, *unfit, now);
  for (auto& item : from_worker_) {
    std::visit([&](auto& said) { on(worker, said, now); }, item);
  }
  // A message of no items attaches nobody.
  if (from_worker_.empty()) core_.pong_received(worker, {}, now);
}

void Actor::flooded(bus::Socket& socket, const bus::Route& route, Time now) {
  if (&socket == &storages_) {
    if (const auto worker = routes_.find(route)) core_.worker_gone(*worker, now);
  } else {
    core_.connection_gone(route, now);
  }
}

void Actor::flush(Time now) {
  do {
    carry_out_all();
    // Whoever turns out to be gone gives its jobs back, and room for replies lets asks go on.
    flush_workers(now);
    flush_peers(now);
  } while (core_.has_effects());
  // Whom the selector admits it has said with its Hello.
  if (selector_greeted_ && zap_) zap_->let_in();
  const bool engine_waits = engine_.flush(now);
  const bool selector_waits = selector_.flush(now);
  const bool waits = engine_waits || selector_waits || !to_peers_.empty() || !to_workers_.empty();
  retry_at_ = waits ? now + bus::kRetryFull : kNever;
}

void Actor::flush_workers(Time now) {
  for (const auto& [route, gone] : to_workers_.flush(storages_)) {
    const auto worker = routes_.find(route);
    if (!worker) continue;
    if (!gone) spdlog::warn("producer_bridge: a storage does not read and is given up");
    core_.worker_gone(*worker, now);
  }
}

void Actor::flush_peers(Time now) {
  if (!network_) return;
  for (const auto& [route, gone] : to_peers_.flush(*network_)) {
    if (!gone) spdlog::warn("producer_bridge: a peer does not take its replies and is given up");
    replied_.erase(route);
    core_.connection_gone(route, now);
  }
  for (auto at = replied_.begin(); at != replied_.end();) {
    const std::size_t bytes = to_peers_.bytes(*at);
    core_.replies_waiting(*at, bytes, now);
    at = bytes == 0 ? replied_.erase(at) : std::next(at);
  }
}

void Actor::carry_out_all() {
  for (const Effect& effect : core_.take_effects()) {
    std::visit([&](const auto& said) { carry_out(said); }, effect);
  }
}

void Actor::carry_out(const ToPeer<peer::Value>& to) {
  const bus::Route route(to.route.view());
  to_peers_.add(route, to.item);
  replied_.insert(route);
}

void Actor::carry_out(const DropReplies& drop) { to_peers_.drop(bus::Route(drop.route.view())); }

void Actor::carry_out(const Admit& admit) {
  if (zap_) zap_->admit(admit.peer);
}

void Actor::carry_out(const Expel& expel) {
  if (zap_) zap_->expel(expel.peer);
}

void Actor::carry_out(const link::Attached& attached) {
  spdlog::info("producer_bridge: {} storages attached", attached.workers);
  engine_.add(attached);
}

void Actor::carry_out(const workers::Refuse& refuse) {
  tell(refuse.worker, worker::Refused{refuse.reason, refuse.detail});
  if (refuse.reason == Reason::unknown) return;  // it says hello next
  spdlog::warn("producer_bridge: a storage is refused ({}): {}", quarry::name(refuse.reason),
               refuse.detail);
}

}  // namespace quarry::producer_bridge
