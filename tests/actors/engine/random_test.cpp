// The Engine among partners that do anything they may, in any order, and a naive model of what
// clients are owed. A seed replays a run.
#include <map>
#include <random>
#include <set>

#include "tests/actors/engine/fixture.hpp"

namespace quarry::engine {
namespace {

using Triple = std::tuple<ClientId, Tag, Key>;

template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};
template <class... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;

class World {
 public:
  explicit World(std::uint64_t seed) : random_(seed), engine_(config(), seed) {
    for (int i = 0; i < 3; ++i) clients_.push_back(engine_.client());
    obey();
  }

  void act() {
    const std::uint64_t what = random_() % 100;
    if (what < 40) {
      fetch();
    } else if (what < 45) {
      engine_.withdraw(any(clients_), name(), tag());
    } else if (what < 60) {
      answer();
    } else if (what < 75) {
      verdict();
    } else if (what < 83) {
      look_up();
    } else if (what < 86) {
      engine_.pass(std::chrono::milliseconds(random_() % 60));
    } else if (what < 89) {
      engine_.put(any(clients_), name(), "value");
    } else if (what < 93) {
      errand();
    } else {
      rare();
    }
    obey();
  }

  // All comes to an end: nothing may be left anywhere.
  void finish() {
    if (life_ == 0) engine_.attach_selector();
    obey();
    engine_.clear(clients_[0]);
    obey();
    engine_.finish_walks();
    obey();
    while (!deliveries_.empty() || !errands_.empty()) {
      while (!errands_.empty()) errand();
      obey();
      if (deliveries_.empty()) continue;
      const DeliveryId delivery = *deliveries_.begin();
      deliveries_.erase(delivery);
      engine_.verdict(delivery, Outcome::complete);
      obey();
    }
    CHECK(owed_.empty());
    CHECK(wanted_.empty());
    CHECK(unjudged_.empty());
    CHECK(engine_.core().fetches() == 0);
    CHECK(slots_ == config().answer_slots);
    CHECK(bytes_ == config().answer_bytes);
  }

 private:
  static Config config() {
    Config config;
    config.max_fetches = 7;
    config.answer_slots = 6;
    config.answer_bytes = 1000;
    return config;
  }
  template <class List>
  typename List::value_type any(const List& list) {
    return *std::next(list.begin(), static_cast<long>(random_() % list.size()));
  }
  std::string name() { return std::to_string(random_() % 9); }
  std::string tag() { return std::to_string(random_() % 3); }

  void fetch() {
    control::Fetch ask;
    const ClientId client = any(clients_);
    ask.tag = Tag(tag());
    ask.key = key(name());
    ask.local = random_() % 2 == 0;
    ask.keep = random_() % 4 == 0;
    ask.detached = random_() % 8 == 0;
    ask.priority = static_cast<Class>(1 + random_() % 3);
    ask.deadline_ms = random_() % 8 == 0 ? 30 : 0;
    for (std::uint64_t i = random_() % 4; i > 1; --i) {
      ask.targets.push_back(peer(static_cast<int>(random_() % 5)));
    }
    owed_.insert({client, ask.tag, ask.key});
    engine_.fetch(client, ask);
  }
  void answer() {
    std::vector<FetchId> open;
    for (const auto& [fetch, priority] : wanted_) {
      if (!unjudged_.contains(fetch)) open.push_back(fetch);
    }
    if (open.empty() || slots_ == 0 || bytes_ < 7) return;
    const FetchId fetch = any(open);
    --slots_;
    bytes_ -= 7;
    unjudged_[fetch] = RequestId{};
    unjudged_[fetch] = engine_.answer(fetch, "answer!");
  }
  void verdict() {
    if (deliveries_.empty()) return;
    const DeliveryId delivery = any(deliveries_);
    const auto outcome = static_cast<Outcome>(1 + random_() % 7);
    std::vector<std::uint16_t> named;
    if (outcome == Outcome::partial) named.push_back(static_cast<std::uint16_t>(random_() % 2));
    deliveries_.erase(delivery);
    engine_.verdict(delivery, outcome, named);
  }
  void look_up() {
    if (look_ups_.empty()) return;
    const auto [id, room] = any(look_ups_);
    look_ups_.erase(id);
    switch (random_() % 3) {
      case 0:
        return engine_.found(id, "mine");
      case 1:
        return engine_.no_data(id);
      default:
        return engine_.too_large(id, random_() % (room + 100'000));
    }
  }
  void errand() {
    if (errands_.empty()) return;
    const CallId id = any(errands_);
    errands_.erase(id);
    if (random_() % 3 == 0) return engine_.failed(Part::producer, id, Reason::failed, "disk full");
    engine_.done(Part::producer, id);
  }
  void rare() {
    switch (random_() % 8) {
      case 0:
        return engine_.cancel(any(clients_), {key(name()), key(name())});
      case 1: {
        control::Retain ask;
        ask.by = control::Predicate::tag;
        ask.negated = true;
        ask.tag = Tag(tag());
        return engine_.retain(any(clients_), ask);
      }
      case 2: {
        const ClientId gone = any(clients_);
        std::erase(clients_, gone);
        std::erase_if(owed_, [&](const Triple& its) { return std::get<0>(its) == gone; });
        engine_.gone(gone);
        clients_.push_back(engine_.client());
        return;
      }
      case 3:
        ++life_;
        wanted_.clear();
        unjudged_.clear();
        slots_ = bytes_ = 0;
        return engine_.attach_selector();
      case 4:
        deliveries_.clear();
        return engine_.attach_verifiers(1);
      case 5:
        look_ups_.clear();
        errands_.clear();
        storages_ = random_() % 4 != 0;
        return engine_.attach_storages(storages_ ? 1 : 0);
      case 6:
        return engine_.status(any(clients_));
      default:
        return engine_.turn();
    }
  }

  // Takes what the Engine said, as its partners would, and checks that it may be said.
  void obey() {
    for (Effect& effect : std::exchange(engine_.effects(), {})) {
      std::visit(Overloaded{[&](ToClient& to) { to_client(to.client, to.item); },
                            [&](ToSelector& to) { to_selector(to.item); },
                            [&](ToConsumer& to) { to_consumer(to.item); },
                            [&](ToProducer& to) { to_producer(to.item); }, [](Forget&) {}},
                 effect);
    }
  }
  void to_client(ClientId client, control::FromNode& item) {
    const auto ended = [&](const Tag& tag, const Key& key) {
      INFO("exactly one terminal event for each subscription");
      CHECK(owed_.erase({client, tag, key}) == 1);
    };
    std::visit(
        Overloaded{[&](control::Resolved& its) { ended(its.tag, its.key); },
                   [&](control::Ended& its) { ended(its.tag, its.key); },
                   [&](control::FetchRefused& its) { ended(its.tag, its.key); }, [](auto&) {}},
        item);
  }
  void to_selector(link::EngineToSelector& item) {
    std::visit(Overloaded{[&](link::Want& want) {
                            const auto [at, fresh] = wanted_.emplace(want.fetch, want.priority);
                            INFO("it is said again only of another class");
                            if (!fresh) CHECK(at->second != want.priority);
                            at->second = want.priority;
                          },
                          [&](link::AddTargets& its) { CHECK(wanted_.contains(its.fetch)); },
                          [&](link::ClearTargets& its) { CHECK(wanted_.contains(its.fetch)); },
                          [&](link::End& end) { CHECK(wanted_.erase(end.fetch) == 1); },
                          [&](link::Judged& judged) {
                            REQUIRE(unjudged_.contains(judged.fetch));
                            const RequestId request = unjudged_[judged.fetch];
                            CHECK((!request || request == judged.request));
                            unjudged_.erase(judged.fetch);
                            if (judged.again) CHECK(wanted_.contains(judged.fetch));
                            if (!judged.again) wanted_.erase(judged.fetch);
                          },
                          [&](link::Room& room) { slots_ += room.slots, bytes_ += room.bytes; },
                          [](auto&) {}},
               item);
  }
  void to_consumer(link::EngineToConsumer& item) {
    if (auto* judge = std::get_if<link::Judge>(&item)) {
      CHECK(!judge->subscribers.empty());
      CHECK(deliveries_.insert(judge->delivery).second);
    }
  }
  void to_producer(link::EngineToProducer& item) {
    std::visit(
        Overloaded{
            [&](link::LookUp& its) { CHECK(look_ups_.emplace(its.look_up, its.room).second); },
            [&](link::Keep& keep) { CHECK(errands_.insert(keep.call).second); },
            [&](link::Remove& its) { CHECK(errands_.insert(its.call).second); }, [](auto&) {}},
        item);
  }

  std::mt19937_64 random_;
  Engine engine_;
  std::vector<ClientId> clients_;
  std::set<Triple> owed_;
  std::map<FetchId, Class> wanted_;
  std::map<FetchId, RequestId> unjudged_;
  std::set<DeliveryId> deliveries_;
  std::map<LookUpId, std::uint32_t> look_ups_;
  std::set<CallId> errands_;
  std::uint64_t slots_ = 0, bytes_ = 0;
  bool storages_ = false;
  int life_ = 0;
};

}  // namespace

TEST_CASE("R24 whatever its partners do, each subscription ends once, each answer is judged once") {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    World world(seed);
    for (int step = 0; step < 400; ++step) world.act();
    world.finish();
  }
}

}  // namespace quarry::engine
