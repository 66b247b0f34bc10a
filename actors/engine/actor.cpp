#include "actors/engine/actor.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "bus/clock.hpp"
#include "msg/limits.hpp"

namespace quarry::engine {
namespace {

constexpr std::string_view kNames[] = {"", "peer selector", "consumer bridge", "",
                                       "producer bridge"};

Self self_of(const Node& node) {
  return {node.identity.key, node.instance,
          node.network,      node.name,
          node.agent,        node.advertised.empty() ? node.listen : node.advertised};
}

Result<bus::Socket> open_door(bus::Context& context, const Node& node) {
  bus::Socket::Options options;
  options.kind = bus::Socket::Kind::router;
  options.max_frame =
      std::max(quarry::limits::kMaxEnvelope, quarry::limits::max_payload(node.network));
  options.send_hwm = limits::kDoorSendHwm;
  options.receive_hwm = limits::kDoorReceiveHwm;
  options.linger_ms = limits::kDoorLingerMs;
  auto door = bus::Socket::open(context, options);
  if (!door) return door;
  for (const std::string& address : node.control_door) {
    if (auto bound = door->bind(address); !bound) return tl::unexpected(bound.error());
  }
  return door;
}

}  // namespace

Result<std::unique_ptr<bus::Actor>> Actor::open(bus::Loop& loop, bus::Context& context,
                                                const Node& node, Config config) {
  if (config.answer_bytes < node.network.max_value) {
    return error(Error::Kind::config, "there is no room for an answer of the largest value",
                 "raise answer_bytes to at least the network's max_value");
  }
  if (config.max_fetches > quarry::limits::kFetchSlots) {
    return error(Error::Kind::config, "too many fetches",
                 "max_fetches may be at most " + std::to_string(quarry::limits::kFetchSlots));
  }
  auto selector = SelectorLink::open(context, node.selector_link, node.network);
  if (!selector) return tl::unexpected(selector.error());
  auto consumer = ConsumerLink::open(context, node.consumer_link, node.network);
  if (!consumer) return tl::unexpected(consumer.error());
  auto producer = ProducerLink::open(context, node.producer_link, node.network);
  if (!producer) return tl::unexpected(producer.error());
  auto door = open_door(context, node);
  if (!door) return tl::unexpected(door.error());
  Links links{std::move(*selector), std::move(*consumer), std::move(*producer)};
  return std::unique_ptr<bus::Actor>(
      new Actor(loop, std::move(*door), std::move(links), node, config));
}

Actor::Actor(bus::Loop& loop, bus::Socket door, Links links, const Node& node, const Config& config)
    : core_(config, self_of(node), bus::random_u64(), bus::now()),
      door_(std::move(door)),
      links_(std::move(links)),
      decoder_(node.network),
      outbox_(node.network.name, config.client_outbox_bytes + node.network.max_value) {
  loop.watch(links_.selector.socket(), *this);
  loop.watch(links_.consumer.socket(), *this);
  loop.watch(links_.producer.socket(), *this);
  loop.watch(door_, *this);
}

void Actor::received(bus::Socket& socket, bus::Message message, Time now) {
  const auto from = [&](Part part, auto& link, auto& items) {
    items.clear();
    link.read(std::move(message), items);
    for (auto& item : items) std::visit([&](auto& said) { on(part, said, now); }, item);
  };
  if (&socket == &links_.selector.socket()) {
    from(Part::selector, links_.selector, from_selector_);
  } else if (&socket == &links_.consumer.socket()) {
    from(Part::consumer, links_.consumer, from_consumer_);
  } else if (&socket == &links_.producer.socket()) {
    from(Part::producer, links_.producer, from_producer_);
  } else {
    client_said(std::move(message), now);
  }
}

void Actor::client_said(bus::Message message, Time now) {
  from_client_.clear();
  const auto unfit =
      decoder_.read(message.envelope.view(), std::move(message.payload), from_client_);
  if (unfit) return outbox_.add(message.route, control::Refused{unfit->reason, unfit->detail});
  for (control::FromClient& item : from_client_) {
    ClientId client = known(message.route);
    if (!client && std::holds_alternative<control::Hello>(item)) {
      client = ClientId{++last_client_};
      clients_.emplace(message.route, client);
      routes_.emplace(client, message.route);
    }
    if (!client) {
      return outbox_.add(message.route, control::Refused{Reason::unknown, "say hello first"});
    }
    std::visit([&](auto& said) { on(client, said, now); }, item);
  }
}

void Actor::flooded(bus::Socket&, const bus::Route& route, Time now) {
  if (const ClientId client = known(route)) gone(client, now);
}

void Actor::on(ClientId client, const control::Hello&, Time now) {
  core_.client_greeted(client, now);
}
void Actor::on(ClientId client, control::Fetch& ask, Time now) {
  core_.fetch_asked(client, std::move(ask), now);
}
void Actor::on(ClientId client, const control::Withdraw& ask, Time now) {
  core_.withdraw_asked(client, ask, now);
}
void Actor::on(ClientId client, const control::Cancel& ask, Time now) {
  core_.cancel_asked(client, ask, now);
}
void Actor::on(ClientId client, const control::Clear& ask, Time now) {
  core_.clear_asked(client, ask, now);
}
void Actor::on(ClientId client, const control::Retain& ask, Time now) {
  core_.retain_asked(client, ask, now);
}
void Actor::on(ClientId client, control::Put& ask, Time now) {
  core_.put_asked(client, std::move(ask), now);
}
void Actor::on(ClientId client, const control::Remove& ask, Time now) {
  core_.remove_asked(client, ask, now);
}
void Actor::on(ClientId client, const report::StoredList& ask, Time now) {
  core_.list_asked(client, ask, now);
}
void Actor::on(ClientId client, const control::Status& ask, Time now) {
  core_.status_asked(client, ask, now);
}

void Actor::on(Part from, const link::Hello&, Time now) {
  spdlog::info("engine: the {} is attached", kNames[static_cast<std::size_t>(from)]);
  switch (from) {
    case Part::selector:
      return core_.selector_attached(now);
    case Part::consumer:
      return core_.consumer_attached(now);
    case Part::producer:
      return core_.producer_attached(now);
  }
}

void Actor::flush(Time now) {
  carry_out_all();
  // What a client that is gone had asked for is to be ended at the other actors.
  for (auto lost = outbox_.flush(door_); !lost.empty(); lost = outbox_.flush(door_)) {
    for (const auto& [route, gone_by_itself] : lost) {
      const ClientId client = known(route);
      if (!client) continue;
      gone(client, now);
      if (gone_by_itself) continue;
      spdlog::warn("engine: a client does not read and is put out");
      outbox_.add(route, control::Refused{Reason::full, "more waits for you than may"});
    }
    carry_out_all();
  }
  const bool selector_waits = links_.selector.flush();
  const bool consumer_waits = links_.consumer.flush();
  const bool producer_waits = links_.producer.flush();
  const bool waits = selector_waits || consumer_waits || producer_waits || !outbox_.empty();
  retry_at_ = waits ? now + bus::kRetryFull : kNever;
  stopped_ = (core_.stopped() && !waits) || now >= stop_until_;
}

Time Actor::next_deadline() const {
  return std::min({core_.next_deadline(), retry_at_, stopped_ ? kNever : stop_until_});
}

void Actor::stop(Time now) {
  core_.stop_asked(now);
  stop_until_ = now + limits::kStopWithin;
}

void Actor::carry_out_all() {
  for (const Effect& effect : core_.take_effects()) {
    std::visit([&](const auto& what) { carry_out(what); }, effect);
  }
}

void Actor::carry_out(const ToClient& to) {
  const auto route = routes_.find(to.client);
  if (route == routes_.end()) return;
  // A ping is to provoke a send; what waits for a full pipe already does.
  if (std::holds_alternative<control::Ping>(to.item) && outbox_.bytes(route->second) > 0) return;
  std::visit([&](const auto& item) { outbox_.add(route->second, item); }, to.item);
}

void Actor::carry_out(const ToSelector& to) {
  std::visit([&](const auto& item) { links_.selector.add(item); }, to.item);
}
void Actor::carry_out(const ToConsumer& to) {
  std::visit([&](const auto& item) { links_.consumer.add(item); }, to.item);
}
void Actor::carry_out(const ToProducer& to) {
  std::visit([&](const auto& item) { links_.producer.add(item); }, to.item);
}

void Actor::gone(ClientId client, Time now) {
  forget(client);
  core_.client_gone(client, now);
}

void Actor::forget(ClientId client) {
  const auto route = routes_.find(client);
  if (route == routes_.end()) return;
  clients_.erase(route->second);
  routes_.erase(route);
}

ClientId Actor::known(const bus::Route& route) const {
  const auto client = clients_.find(route);
  return client == clients_.end() ? ClientId{} : client->second;
}

}  // namespace quarry::engine
