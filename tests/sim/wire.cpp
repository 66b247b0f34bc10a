#include "tests/sim/wire.hpp"

#include "tests/sim/node.hpp"

namespace quarry::sim {
namespace {

Route route_of(const Line& line) {
  return Route(std::to_string(line.id) + "." + std::to_string(line.server_life));
}

std::size_t size_of(const peer::FromServer& item) {
  const auto* value = std::get_if<peer::Value>(&item);
  return value == nullptr ? 0 : value->value.size();
}

}  // namespace

Wire::Wire(World& world) : world_(world) {}

// --- From the asker -----------------------------------------------------------------------------

void Wire::open(int asker, peer_selector::PeerIndex peer, int server) {
  auto line = std::make_shared<Line>();
  line->asker = asker;
  line->server = server;
  line->peer = peer;
  line->id = ++lines_made_;
  line->asker_life = world_.nodes[static_cast<std::size_t>(asker)]->selector.life();
  if (!lines_.emplace(std::pair(asker, peer), line).second) {
    world_.fail("a second DEALER to one peer");
  }
}

void Wire::close(int asker, peer_selector::PeerIndex peer) { lines_.erase({asker, peer}); }

void Wire::close_all(int asker) {
  std::erase_if(lines_, [&](const auto& line) { return line.first.first == asker; });
}

bool Wire::is_open(int asker, peer_selector::PeerIndex peer, std::uint64_t line) const {
  const auto at = lines_.find({asker, peer});
  return at != lines_.end() && at->second->id == line && !at->second->dead;
}

int Wire::server_of(int asker, peer_selector::PeerIndex peer) const {
  const auto at = lines_.find({asker, peer});
  return at == lines_.end() ? -1 : at->second->server;
}

void Wire::ask(int asker, peer_selector::PeerIndex peer, const peer::FromAsker& item) {
  const auto at = lines_.find({asker, peer});
  if (at == lines_.end()) return;
  const std::shared_ptr<Line>& line = at->second;
  carry(asker, line->server, line->there, [this, line, item] { came_to_server(line, item); });
}

void Wire::came_to_server(const std::shared_ptr<Line>& line, const peer::FromAsker& item) {
  ProducerShell& server = world_.nodes[static_cast<std::size_t>(line->server)]->producer;
  if (line->dead || !server.alive()) return;
  if (during(silent_until_, line->server) && std::holds_alternative<peer::Ask>(item)) return;
  if (line->server_life != server.life()) {
    // A new connection: CURVE and ZAP let nobody in who is not admitted.
    if (!server.admits(peer_key(line->asker))) {
      line->dead = true;
      return;
    }
    line->server_life = server.life();
    line->route = route_of(*line);
    line->waiting = 0;
    routes_[line->route] = line;
  }
  server.peer_says(peer_key(line->asker), line->route, item);
}

// --- From the server ----------------------------------------------------------------------------

Line* Wire::find(const Route& route) {
  const auto at = routes_.find(route);
  const auto line = at == routes_.end() ? nullptr : at->second.lock();
  return line != nullptr && is_open(line->asker, line->peer, line->id) ? line.get() : nullptr;
}

bool Wire::answer(const Route& route, peer::FromServer item) {
  Line* found = find(route);
  if (found == nullptr || found->route != route) return false;
  const std::shared_ptr<Line> line = lines_.at({found->asker, found->peer});
  if (during(confused_until_, line->server)) confuse(item);
  const std::size_t size = size_of(item);
  constexpr double kBytesPerSecond = 20e6;
  const Duration sending(
      static_cast<std::int64_t>(static_cast<double>(size) / kBytesPerSecond * 1e9));
  line->uplink = std::max(line->uplink, world_.events.now()) + sending;
  line->waiting += size;
  world_.events.at(line->uplink, [this, line, drops = line->drops, size, item = std::move(item)] {
    if (drops != line->drops) return;
    line->waiting -= size;
    carry(line->server, line->asker, line->back, [this, line, item] { came_to_asker(line, item); });
    if (size == 0) return;
    ProducerShell& from = world_.nodes[static_cast<std::size_t>(line->server)]->producer;
    if (from.life() == line->server_life) from.sent_on(line->route, line->waiting);
  });
  return true;
}

void Wire::came_to_asker(const std::shared_ptr<Line>& line, const peer::FromServer& item) {
  if (!is_open(line->asker, line->peer, line->id)) return;
  world_.nodes[static_cast<std::size_t>(line->asker)]->selector.peer_says(line->peer, line->server,
                                                                          line->id, item);
}

void Wire::drop_waiting(const Route& route) {
  if (Line* line = find(route)) {
    ++line->drops;
    line->waiting = 0;
  }
}

void Wire::cut(const Route& route) {
  if (Line* line = find(route)) line->dead = true;
}

// --- Faults -------------------------------------------------------------------------------------

bool Wire::during(const std::map<int, Time>& times, int node) const {
  const auto at = times.find(node);
  return at != times.end() && world_.events.now() < at->second;
}

bool Wire::parted(int from, int to) const {
  const auto at = parted_until_.find({from, to});
  return at != parted_until_.end() && world_.events.now() < at->second;
}

Duration Wire::way(int from, int to) {
  const auto [at, fresh] = ways_.try_emplace({from, to});
  if (fresh) at->second = world_.random.between(100us, world_.settings.longest_way);
  Duration way = at->second + world_.random.between(0us, at->second / 4);
  if (during(slow_until_, from) || during(slow_until_, to)) way *= 30;
  return way;
}

void Wire::carry(int from, int to, Time& last, const Events::What& what) {
  const Settings& settings = world_.settings;
  const Time when = world_.events.now() + way(from, to);
  if (healed_) {
    last = std::max(last, when);
    return world_.events.at(last, what);
  }
  if (parted(from, to) || world_.random.chance(settings.lost)) return;
  const bool overtakes = world_.random.chance(settings.overtaking);
  if (!overtakes) last = std::max(last, when);
  world_.events.at(overtakes ? when : last, what);
  if (world_.random.chance(settings.doubled)) {
    world_.events.at(when + world_.random.between(0ms, 3s), what);
  }
}

// A peer that says anything, as long as it is a message.
void Wire::confuse(peer::FromServer& item) {
  Random& random = world_.random;
  RequestId request;
  std::visit(
      [&](const auto& it) {
        if constexpr (requires { it.request; }) request = it.request;
      },
      item);
  if (!request || random.chance(0.5)) return;
  if (random.chance(0.2)) request.value += random.below(3);
  switch (random.below(8)) {
    case 0:
      item = peer::NoData{request, static_cast<std::uint32_t>(random.below(100'000))};
      return;
    case 1:
      item = peer::Overloaded{request, static_cast<std::uint32_t>(random.below(3000))};
      return;
    case 2:
      item = peer::TooLarge{request, random.below(2 * world_.network.max_value)};
      return;
    case 3:
      item = peer::Refused{request, Reason::failed, "no"};
      return;
    case 4:
      item = peer::Refused{RequestId{}, Reason::blocked, "go away"};
      return;
    case 5:
      item = peer::Pong{random.next(), Instance{random.next()}};
      return;
    case 6:
      item = peer::Have{Truth::key(static_cast<int>(random.below(world_.truth.keys())))};
      return;
    default:
      item = peer::Value{request, Payload::of(std::string(random.below(9000), 'x'))};
      return;
  }
}

void Wire::reset_lines_of(int node) {
  for (auto& [at, line] : lines_) {
    if (line->asker == node || line->server == node) line->dead = true;
  }
}

void Wire::heal() {
  healed_ = true;
  for (auto* times : {&slow_until_, &silent_until_, &confused_until_}) times->clear();
  parted_until_.clear();
}

}  // namespace quarry::sim
