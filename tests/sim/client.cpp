#include "tests/sim/client.hpp"

#include "tests/sim/node.hpp"

namespace quarry::sim {
namespace {
constexpr std::size_t kRemembered = 64;
}  // namespace

Client::Client(Node& node, int number) : node_(node), world_(node.world), number_(number) {
  wish();
}

bool Client::takes(engine::ClientId name, const control::FromNode& item) {
  if (name != connection_) return false;
  if (const auto* ping = std::get_if<control::Ping>(&item)) say(control::Pong{ping->nonce});
  return true;
}

void Client::leave(bool politely) {
  if (politely && connection_) say(control::Bye{});
  connection_ = {};
}

void Client::say(control::FromClient item) {
  EngineShell& engine = node_.engine;
  if (!engine.alive()) return;
  const Time when = world_.events.now() + kWay;
  const auto send = [&](control::FromClient said) {
    engine.hears(when, [&engine, life = engine.life(), name = connection_, said = std::move(said)] {
      if (engine.life() == life) engine.client_says(name, said);
    });
  };
  if (!connection_) {
    connection_ = engine.connected(*this);
    send(control::Hello{"sim"});
  }
  send(std::move(item));
}

void Client::wish() {
  const double mean_s = 1 / world_.settings.fetches_per_s;
  const Duration pause(static_cast<std::int64_t>(mean_s * 2e9 * world_.random.unit()));
  world_.events.after(pause, [this] {
    if (resting_) return;
    act();
    wish();
  });
}

void Client::act() {
  Random& random = world_.random;
  const std::size_t what = random.below(100);
  if (what < 80 || asked_.empty()) return fetch();
  const control::Fetch& asked = random.any(asked_);
  if (what < 86) {
    say(control::Withdraw{asked.tag, asked.key});
  } else if (what < 89) {
    command(control::Cancel{{}, {asked.key}});
  } else if (what < 91) {
    retain(asked);
  } else if (what < 95) {
    const bool right = random.chance(0.8);
    const int key = Truth::number(asked.key);
    command(control::Put{{}, asked.key, right ? world_.truth.right(key) : world_.truth.wrong(key)});
  } else if (what < 96) {
    command(report::PeerList{});
  } else if (what < 97) {
    command(report::StoredList{{}, Prefix(asked.key.view().first(5))});
  } else if (what < 98) {
    // Only what nobody fetches: all else is there for those who are to find it.
    command(control::Remove{{}, {Truth::key(world_.truth.keys())}});
  } else if (what < 99) {
    command(report::Explain{{}, asked.key});
  } else {
    command(control::Status{{}, {asked.key}});
  }
}

// Ends what is like this, or, seldom, everything else; more seldom, everything.
void Client::retain(const control::Fetch& like) {
  Random& random = world_.random;
  if (random.chance(0.05)) return command(control::Clear{});
  control::Retain retain;
  retain.negated = random.chance(0.9);
  retain.by = static_cast<control::Predicate>(random.from(1, 4));
  if (retain.by == control::Predicate::keys) {
    retain.keys = {like.key, random.any(asked_).key};
  } else if (retain.by == control::Predicate::range) {
    retain.keys = {like.key, random.any(asked_).key};
    std::ranges::sort(retain.keys);
  } else if (retain.by == control::Predicate::prefix) {
    retain.prefix = Prefix(like.key.view().first(5));
  } else {
    retain.tag = like.tag;
  }
  command(retain);
}

void Client::wait_for(const Key& key) {
  control::Fetch ask;
  ask.tag = Tag("late");
  ask.key = key;
  say(ask);
}

void Client::fetch() {
  Random& random = world_.random;
  control::Fetch ask;
  if (!asked_.empty() && random.chance(0.1)) {
    ask = random.any(asked_);  // the same again: known, over, or with other targets
  } else {
    ask.tag = Tag(std::to_string(number_) + "." + std::to_string(++tags_));
    ask.key = Truth::key(random.from(0, world_.truth.keys() - 1));
  }
  ask.targets.clear();
  if (random.chance(0.2)) {
    for (int i = random.from(1, 4); i > 0; --i) {
      ask.targets.push_back(peer_key(random.from(0, world_.settings.nodes)));
    }
  }
  ask.local = random.chance(0.6);
  ask.keep = random.chance(0.2);
  ask.detached = random.chance(0.05);
  ask.priority = random.one_of(Class::normal, Class::normal, Class::urgent, Class::background);
  if (random.chance(0.1)) ask.deadline_ms = static_cast<std::uint32_t>(random.from(50, 5000));
  asked_.push_back(ask);
  if (asked_.size() > kRemembered) asked_.pop_front();
  say(ask);
}

}  // namespace quarry::sim
