#include "actors/consumer_bridge/actor.hpp"

#include <spdlog/spdlog.h>

#include "bus/clock.hpp"

namespace quarry::consumer_bridge {

Result<std::unique_ptr<bus::Actor>> Actor::open(bus::Loop& loop, bus::Context& context,
                                                const Node& node, Config config) {
  bus::Socket::Options options;
  options.kind = bus::Socket::Kind::router;
  options.max_frame = limits::kMaxEnvelope;  // verifiers send no values
  options.send_hwm = kDoorSendHwm;
  options.receive_hwm = kDoorReceiveHwm;
  auto door = bus::Socket::open(context, options);
  if (!door) return tl::unexpected(door.error());
  for (const std::string& address : node.verifier_door) {
    if (auto bound = door->bind(address); !bound) return tl::unexpected(bound.error());
  }
  auto link = Link::open(context, node.consumer_link, node.network);
  if (!link) return tl::unexpected(link.error());
  return std::unique_ptr<bus::Actor>(
      new Actor(loop, std::move(*link), std::move(*door), node, config));
}

Actor::Actor(bus::Loop& loop, Link link, bus::Socket door, const Node& node, Config config)
    : core_(config, bus::random_u64()),
      link_(std::move(link)),
      door_(std::move(door)),
      decoder_(node.network),
      outbox_(node.network.name, kDoorBudget + node.network.max_value),
      welcome_{node.network.name, node.network.key_length, node.network.max_value, node.agent} {
  loop.watch(link_.socket(), *this);
  loop.watch(door_, *this);
}

void Actor::received(bus::Socket& socket, bus::Message message, Time now) {
  if (&socket == &link_.socket()) {
    from_engine_.clear();
    link_.read(std::move(message), from_engine_);
    for (auto& item : from_engine_) std::visit([&](auto& said) { on(said, now); }, item);
    return;
  }
  from_worker_.clear();
  const WorkerId worker = routes_.id_of(message.route);
  const auto unfit =
      decoder_.read(message.envelope.view(), std::move(message.payload), from_worker_);
  if (unfit) return core_.unfit_received(worker, *unfit, now);
  for (const auto& item : from_worker_) {
    std::visit([&](const auto& said) { on(worker, said, now); }, item);
  }
  // A message of no items attaches nobody.
  if (from_worker_.empty()) core_.pong_received(worker, {}, now);
}

void Actor::flooded(bus::Socket&, const bus::Route& route, Time now) {
  const auto worker = routes_.find(route);
  if (!worker) return;
  routes_.forget(*worker);
  core_.worker_gone(*worker, now);
}

void Actor::on(WorkerId worker, const worker::Hello& hello, Time now) {
  core_.hello_received(worker, hello, now);
}

void Actor::on(WorkerId worker, const worker::Verdict& verdict, Time now) {
  core_.verdict_received(worker, verdict, now);
}

void Actor::on(WorkerId worker, const worker::Failed& failed, Time now) {
  core_.failed_received(worker, failed, now);
}

void Actor::on(WorkerId worker, const worker::Pong& pong, Time now) {
  core_.pong_received(worker, pong, now);
}

void Actor::on(WorkerId worker, const worker::Bye&, Time now) { core_.bye_received(worker, now); }

void Actor::flush(Time now) {
  carry_out_all();
  // Whoever turns out to be gone gives its jobs back, which are to be sent to others.
  for (auto lost = outbox_.flush(door_); !lost.empty(); lost = outbox_.flush(door_)) {
    for (const auto& [route, gone] : lost) {
      const auto worker = routes_.find(route);
      if (!worker) continue;
      if (!gone) spdlog::warn("consumer_bridge: a verifier does not read and is given up");
      routes_.forget(*worker);
      core_.worker_gone(*worker, now);
    }
    carry_out_all();
  }
  const bool link_waits = link_.flush(now);
  retry_at_ = link_waits || !outbox_.empty() ? now + bus::kRetryFull : kNever;
}

void Actor::carry_out_all() {
  for (const Effect& effect : core_.take_effects()) {
    std::visit([&](const auto& said) { carry_out(said); }, effect);
  }
}

void Actor::carry_out(const link::Attached& attached) {
  spdlog::info("consumer_bridge: {} verifiers attached", attached.workers);
  link_.add(attached);
}

void Actor::carry_out(const workers::Refuse& refuse) {
  tell(refuse.worker, worker::Refused{refuse.reason, refuse.detail});
  forget_unless_known(refuse.worker);
  if (refuse.reason == Reason::unknown) return;  // it says hello next
  spdlog::warn("consumer_bridge: a verifier is refused ({}): {}", quarry::name(refuse.reason),
               refuse.detail);
}

// In the same turn it may have said hello again.
void Actor::forget_unless_known(WorkerId worker) {
  if (!core_.knows(worker)) routes_.forget(worker);
}

void Actor::carry_out(const Alarm& alarm) {
  spdlog::warn("consumer_bridge: key {} from peer {} lost {} verdicts and is poison; the last: {}",
               to_hex(alarm.key.view()), to_z85(alarm.peer), kLossesOfPoison, alarm.detail);
}

}  // namespace quarry::consumer_bridge
