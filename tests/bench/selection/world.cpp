#include "tests/bench/selection/world.hpp"

#include <algorithm>
#include <cmath>

namespace quarry::bench {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kSettle = seconds(8);               // what is still out may come
constexpr Duration kBegin = milliseconds(500);         // connections are made
constexpr double kNearest = 0.0025, kFarthest = 0.04;  // seconds, one way

// What every client may hedge before its budget counts.
constexpr double kBurst = 10;

Duration seconds_of(double s) { return Duration(static_cast<std::int64_t>(s * 1e9)); }
std::uint64_t mixed(std::uint64_t seed) { return Random(seed).next(); }

}  // namespace

World::World(const Scenario& scenario, const MakeClient& make, std::uint64_t seed)
    : scenario_(scenario), seed_(mixed(seed)) {
  Random random(seed_);
  const auto servers = static_cast<std::size_t>(scenario.servers);
  const auto clients = static_cast<std::size_t>(scenario.clients);
  std::vector<Behaviour> behaviours(servers);
  if (scenario.behave) scenario.behave(behaviours, scenario_);
  servers_.resize(servers);
  for (std::size_t s = 0; s < servers; ++s) servers_[s].is = behaviours[s];
  distances_.resize(servers * clients);
  for (std::size_t c = 0; c < clients; ++c) {
    for (std::size_t s = 0; s < servers; ++s) {
      Duration& distance = distances_[c * servers + s];
      distance = seconds_of(kNearest + (kFarthest - kNearest) * random.unit());
      if (scenario.same_distances && c > 0) distance = distances_[s];
      if (behaviours[s].distance > Duration::zero()) distance = behaviours[s].distance;
    }
  }
  clients_.resize(clients);
  for (std::size_t c = 0; c < clients; ++c) {
    clients_[c].client = make(*this, static_cast<int>(c), random.next());
    clients_[c].arrivals = Random(random.next());
    for (std::size_t s = 0; s < servers; ++s) {
      const Behaviour& is = behaviours[s];
      Event event{};
      event.client = static_cast<std::uint16_t>(c);
      event.server = static_cast<std::uint16_t>(s);
      event.what = What::join;
      push(std::max(is.joins, Time{}), event);
      event.what = What::leave;
      if (is.leaves != kNever) push(is.leaves, event);
    }
    Event first{};
    first.client = static_cast<std::uint16_t>(c);
    first.what = What::fetch;
    push(Time(kBegin) + between_fetches(clients_[c].arrivals, Time{}), first);
  }
}

void World::push(Time at, Event event) {
  event.at = at;
  event.order = ++order_;
  events_.push(event);
}

Figures World::run() {
  const Time end = Time(scenario_.length) + kSettle;
  while (!events_.empty() && events_.top().at < end) {
    const Event event = events_.top();
    events_.pop();
    now_ = event.at;
    handle(event, now_);
    arm(event.client);
  }
  return figures();
}

void World::handle(const Event& event, Time now) {
  Client& client = *clients_[event.client].client;
  Server& server = servers_[event.server];
  switch (event.what) {
    case What::fetch:
      if (now >= Time(scenario_.length)) return;
      fetches_.push_back({now, kNever});
      client.want(static_cast<std::uint32_t>(fetches_.size() - 1), now);
      return push(now + between_fetches(clients_[event.client].arrivals, now), event);
    case What::ask:
      return arrived(server, event, now);
    case What::served:
      --server.busy;
      send_back(server, event, now);
      if (server.queue.empty()) return;
      serve(server, server.queue.front(), now);
      return server.queue.pop_front();
    case What::reply:
      return client.replied(event.server, event.request, event.reply, now);
    case What::pong:
      return client.ponged(event.server, event.request, now);
    case What::timer:
      clients_[event.client].armed = kNever;
      return client.time_passed(now);
    case What::join:
      return client.joined(event.server, now);
    case What::leave:
      return client.left(event.server, now);
  }
}

// Another timer only where the one that is set is too late.
void World::arm(int index) {
  One& one = clients_[static_cast<std::size_t>(index)];
  const Time due = one.client->next_deadline();
  if (due >= one.armed) return;
  one.armed = due;
  Event event{};
  event.client = static_cast<std::uint16_t>(index);
  event.what = What::timer;
  push(due, event);
}

void World::ask(int client, int server, std::uint64_t request, std::uint32_t key,
                std::uint32_t room) {
  Event event{};
  event.what = What::ask;
  event.request = request;
  event.key = key;
  event.room = room;
  event.client = static_cast<std::uint16_t>(client);
  event.server = static_cast<std::uint16_t>(server);
  ++asks_;
  if (now_ >= scenario_.half()) {
    ++late_asks_;
    watched_asks_ += server == scenario_.watched;
    twin_asks_ += server == scenario_.twin;
  }
  push(now_ + distance(client, server), event);
}

void World::ping(int client, int server, std::uint64_t nonce) {
  Event event{};
  event.what = What::pong;
  event.request = nonce;
  event.client = static_cast<std::uint16_t>(client);
  event.server = static_cast<std::uint16_t>(server);
  push(now_ + 2 * distance(client, server), event);
}

void World::resolved(std::uint32_t key, Time now) {
  if (fetches_[key].done == kNever) fetches_[key].done = now;
}

void World::arrived(Server& server, const Event& event, Time now) {
  const Behaviour& is = server.is;
  ++server.asked;
  if (now >= is.silent_from) return;
  const bool stalls = is.stalls_after != UINT64_MAX;
  if (stalls && server.asked > is.stalls_after) return;
  if (is.empty || stalls) return send_back(server, event, now);
  if (server.busy < scenario_.slots) return serve(server, event, now);
  server.queue.push_back(event);
  server.longest = std::max(server.longest, server.queue.size());
}

void World::serve(Server& server, const Event& event, Time now) {
  ++server.busy;
  const bool slow = now >= server.is.slow_from && now < server.is.slow_until;
  const Duration mean =
      slow ? Duration(static_cast<std::int64_t>(static_cast<double>(scenario_.service.count()) *
                                                server.is.slow_by))
           : scenario_.service;
  Event done = event;
  done.what = What::served;
  Random work(mixed(seed_ + event.key) + event.server);
  push(now + exponential(mean, work), done);
}

void World::send_back(Server& server, Event event, Time now) {
  event.what = What::reply;
  event.reply = server.is.lies ? Reply::wrong : Reply::value;
  if (server.is.empty || !holds(event.key, event.server)) {
    event.reply = Reply::no_data;
  } else if (size_of(event.key) > event.room) {
    event.reply = Reply::too_large;
  }
  const bool bytes = event.reply == Reply::value || event.reply == Reply::wrong;
  const double size = bytes ? size_of(event.key) : 64;
  Time sent = now;
  if (server.is.bytes_per_s > 0) {
    server.uplink_free =
        std::max(server.uplink_free, now) + seconds_of(size / server.is.bytes_per_s);
    sent = server.uplink_free;
  }
  Time arrives = sent + distance(event.client, event.server);
  if (scenario_.client_bytes_per_s > 0) {
    One& one = clients_[event.client];
    const bool halved = scenario_.client_halved && arrives >= scenario_.half() &&
                        arrives < scenario_.half() + seconds(10);
    const double rate = scenario_.client_bytes_per_s / (halved ? 2 : 1);
    one.link_free = std::max(one.link_free, arrives) + seconds_of(size / rate);
    arrives = one.link_free;
  }
  push(arrives, event);
}

bool World::holds(std::uint32_t key, int server) const {
  if (scenario_.holders == 0) return true;
  // So many in a row, from a random place on.
  const auto first = static_cast<int>(mixed(key) % static_cast<std::uint64_t>(scenario_.servers));
  return (server - first + scenario_.servers) % scenario_.servers < scenario_.holders;
}

std::uint32_t World::size_of(std::uint32_t key) const {
  return scenario_.sizes[mixed(key + 7) % scenario_.sizes.size()];
}

Duration World::distance(int client, int server) const {
  return distances_[static_cast<std::size_t>(client * scenario_.servers + server)];
}

Duration World::exponential(Duration mean, Random& random) {
  return Duration(
      static_cast<std::int64_t>(-static_cast<double>(mean.count()) * std::log(1 - random.unit())));
}

Duration World::between_fetches(Random& arrivals, Time now) const {
  const double slots = scenario_.servers * scenario_.slots;
  const double service = std::chrono::duration<double>(scenario_.service).count();
  double rate = scenario_.load * scenario_.useful * slots / service / scenario_.clients;
  if (now >= scenario_.half()) rate *= scenario_.overload_by;
  return exponential(seconds_of(1 / rate), arrivals);
}

Figures World::figures() const {
  std::vector<double> ms;
  Figures figures;
  for (const Fetch& fetch : fetches_) {
    if (fetch.started < scenario_.half()) continue;
    const bool done = fetch.done != kNever;
    figures.unfinished += done ? 0 : 1;
    const Time end = done ? fetch.done : Time(scenario_.length) + kSettle;
    ms.push_back(std::chrono::duration<double, std::milli>(end - fetch.started).count());
  }
  std::sort(ms.begin(), ms.end());
  const auto at = [&](double q) {
    return ms.empty() ? 0.0 : ms[static_cast<std::size_t>(q * static_cast<double>(ms.size() - 1))];
  };
  figures.p50_ms = at(0.5);
  figures.p99_ms = at(0.99);
  figures.p999_ms = at(0.999);
  double hedges = 0, won = 0;
  for (const One& one : clients_) {
    figures.timeouts += static_cast<double>(one.client->timeouts());
    hedges += static_cast<double>(one.client->hedges());
    won += static_cast<double>(one.client->hedges_won());
  }
  figures.won = won / std::max(hedges, 1.0);
  hedges = std::max(0.0, hedges - kBurst * static_cast<double>(clients_.size()));
  figures.hedged = hedges / static_cast<double>(std::max<std::uint64_t>(asks_, 1));
  figures.asks_per_fetch = static_cast<double>(late_asks_) / static_cast<double>(ms.size());
  const auto of_late_asks = [&](std::uint64_t asks) {
    return static_cast<double>(asks) / static_cast<double>(std::max<std::uint64_t>(late_asks_, 1));
  };
  figures.share = of_late_asks(watched_asks_);
  figures.fair = of_late_asks(twin_asks_);
  for (const Server& server : servers_) {
    figures.longest_queue = std::max(figures.longest_queue, static_cast<double>(server.longest));
  }
  return figures;
}

}  // namespace quarry::bench
