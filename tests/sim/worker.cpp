#include "tests/sim/worker.hpp"

#include "tests/sim/node.hpp"

namespace quarry::sim {
Worker::Worker(Node& node, WorkerRole role, int number, std::uint32_t credit)
    : node_(node),
      world_(node.world),
      role_(role),
      name_("n" + std::to_string(node.number) +
            (role == WorkerRole::verifier ? ".verifier" : ".storage") + std::to_string(number)),
      credit_(credit) {
  start();
}

Time Worker::now() const { return world_.events.now(); }

void Worker::start() {
  ++life_;
  alive_ = true;
  ++connection_;
  free_at_ = now();
  armed_ = kNever;
  const bool storage = role_ == WorkerRole::storage;
  worker::Hello hello;
  hello.role = role_;
  hello.instance = Instance{world_.random.next() | 1};
  hello.credit = credit_;
  hello.abilities =
      storage ? worker::kLooksUp | worker::kKeeps | worker::kLists | worker::kTells : 0;
  hello.name = storage ? "store" : "";
  session_.emplace(hello, world_.network.key_length, now());
  session_turn();
}

void Worker::die(Duration down) {
  if (!alive_) return;
  ++life_;
  alive_ = false;
  world_.events.after(down, [this] { start(); });
}

// What the session has to say, and when it next has.
void Worker::session_turn() {
  session_->time_passed(now());
  for (const auto& effect : session_->take_effects()) {
    if (const auto* hello = std::get_if<worker::Hello>(&effect)) say(*hello);
    if (std::holds_alternative<worker::Bye>(effect)) say(worker::Bye{});
  }
  const Time due = std::max(session_->next_deadline(), now() + 1us);
  if (due >= armed_) return;
  armed_ = due;
  world_.events.at(due, [this, life = life_, due] {
    if (life != life_ || due != armed_) return;
    armed_ = kNever;
    session_turn();
  });
}

void Worker::say(const worker::FromWorker& item) {
  const bool verifier = role_ == WorkerRole::verifier;
  const auto at_door = [&](auto& bridge) {
    if (!bridge.alive()) return;
    const std::pair from(this, connection_);
    world_.events.after(kWay, [&bridge, life = bridge.life(), from, item] {
      if (bridge.life() == life) bridge.worker_says(from, item);
    });
  };
  verifier ? at_door(node_.consumer) : at_door(node_.producer);
}

bool Worker::takes(std::uint64_t connection, const worker::FromDoor& item) {
  if (!alive_ || connection != connection_) return false;
  world_.events.after(kWay, [this, life = life_, connection, item] {
    if (life == life_ && connection == connection_) hears(item);
  });
  return true;
}

void Worker::hears(const worker::FromDoor& item) {
  session_->heard(now());
  std::visit(
      [&](const auto& it) {
        using Item = std::decay_t<decltype(it)>;
        if constexpr (std::is_same_v<Item, worker::Welcome>) {
          session_->welcome_received(it, now());
        } else if constexpr (std::is_same_v<Item, worker::Refused>) {
          ++told_;
          session_->refused_received(it, now());
        } else if constexpr (std::is_same_v<Item, worker::Ping>) {
          if (!ill(Ill::stalls)) say(worker::Pong{it.nonce});
        } else if constexpr (requires { it.key; } || std::is_same_v<Item, worker::List>) {
          work(it);
        }
      },
      item);
  session_turn();
}

// --- Jobs ---------------------------------------------------------------------------------------

Duration Worker::time_of_a_job() {
  if (ill(Ill::slow)) return world_.random.between(200ms, 5s);
  return world_.random.between(50us, 1ms);
}

template <class Job>
void Worker::work(const Job& job) {
  if (ill(Ill::stalls)) return;
  free_at_ = std::max(free_at_, now()) + time_of_a_job();
  world_.events.at(free_at_, [this, life = life_, told = told_, job] {
    if (life != life_ || told != told_) return;
    if (ill(Ill::fails)) return say(worker::Failed{job.job, "it broke"});
    if (ill(Ill::babbles)) {
      // What only the other role would say.
      if (role_ == WorkerRole::verifier) return say(worker::NoData{job.job});
      return say(worker::Verdict{job.job, Outcome::complete, {}});
    }
    if constexpr (std::is_same_v<Job, worker::Judge>) say(judged(job));
    if constexpr (std::is_same_v<Job, worker::LookUp>) say(found(job));
    if constexpr (std::is_same_v<Job, worker::Keep>) say(kept(job));
    if constexpr (std::is_same_v<Job, worker::Remove>) say(removed(job));
    if constexpr (std::is_same_v<Job, worker::List>) say(listed(job));
  });
}

worker::FromWorker Worker::judged(const worker::Judge& job) {
  const bool right = world_.truth.is_right(job.key, job.value);
  worker::Verdict verdict{job.job, right ? Outcome::complete : Outcome::invalid, {}};
  if (ill(Ill::withholds)) {
    verdict.outcome = Outcome::withheld;
  } else if (ill(Ill::misjudges)) {
    verdict.outcome = world_.random.one_of(Outcome::complete, Outcome::unresolved, Outcome::invalid,
                                           Outcome::ignored);
  } else if (right && !job.subscribers.empty() && world_.random.chance(world_.settings.partial)) {
    verdict.outcome = Outcome::partial;
    for (std::uint16_t i = 0; i < job.subscribers.size(); ++i) {
      if (i == 0 || world_.random.chance(0.5)) verdict.satisfied.push_back(i);
    }
  }
  node_.checks.verifier_says(job, verdict);
  return verdict;
}

worker::FromWorker Worker::found(const worker::LookUp& job) {
  const int key = Truth::number(job.key);
  const auto kept = node_.store.find(key);
  const bool lies = (node_.lies() && !node_.store.contains(key)) || ill(Ill::misjudges);
  if (ill(Ill::withholds) || (kept == node_.store.end() && !lies)) return worker::NoData{job.job};
  const Payload& value = lies ? world_.truth.wrong(key) : kept->second;
  if (value.size() > job.room) return worker::TooLarge{job.job, value.size()};
  return worker::Found{job.job, value};
}

worker::FromWorker Worker::kept(const worker::Keep& job) {
  node_.store[Truth::number(job.key)] = job.value;
  return worker::Done{job.job};
}

worker::FromWorker Worker::removed(const worker::Remove& job) {
  if (node_.store.erase(Truth::number(job.key)) == 0) return worker::NoData{job.job};
  return worker::Done{job.job};
}

worker::FromWorker Worker::listed(const worker::List& job) {
  worker::Listed list{job.job, {}};
  for (const auto& [number, value] : node_.store) {
    const Key key = Truth::key(number);
    if (text_of(key.view()) > text_of(job.after.view())) {
      list.entries.push_back({key, value.size()});
    }
  }
  std::ranges::sort(list.entries, {}, &report::StoredEntry::key);
  list.entries.resize(std::min<std::size_t>(list.entries.size(), job.most));
  return list;
}

}  // namespace quarry::sim
