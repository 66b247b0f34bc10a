// What the Engine must say, from maps and loops alone: whatever can be counted is counted anew each
// time, whoever is looked for is looked for among all. The same events as the Core's, one after
// another; ids are its own and count from 1. Walks are done at once, so tables must be small enough
// for the Core to end them in one slice. It pings nobody.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "actors/engine/config.hpp"
#include "actors/engine/core.hpp"
#include "actors/engine/effects.hpp"

namespace quarry::engine {

class Naive {
 public:
  Naive(const Config& config, Self self, Time now) : config_(config), self_(self), started_(now) {}

  void client_greeted(ClientId client, Time now);
  void client_gone(ClientId client, Time now);
  void fetch_asked(ClientId client, control::Fetch ask, Time now);
  void withdraw_asked(ClientId client, const control::Withdraw& ask, Time now);
  void cancel_asked(ClientId client, const control::Cancel& ask, Time now);
  void clear_asked(ClientId client, const control::Clear& ask, Time now);
  void retain_asked(ClientId client, const control::Retain& ask, Time now);
  void put_asked(ClientId client, const control::Put& ask, Time now);
  void remove_asked(ClientId client, const control::Remove& ask, Time now);
  void list_asked(ClientId client, const report::StoredList& ask, Time now);
  void status_asked(ClientId client, const control::Status& ask, Time now);
  void explain_asked(ClientId client, const report::Explain& ask, Time now);
  void peers_commanded(ClientId client, const report::PeerList& ask, Time now);
  void selector_attached(Time now);
  void answer_received(const link::Answer& answer, Time now);
  void waits_received(const link::Waits& waits, Time now);
  void consumer_attached(Time now);
  void verdict_received(const link::Verdict& verdict, Time now);
  void producer_attached(Time now);
  void found_received(const link::Found& found, Time now);
  void no_data_received(const link::NoData& answer, Time now);
  void too_large_received(const link::TooLarge& answer, Time now);
  void workers_attached(const link::Attached& attached, Time now);
  void counter_received(const report::Counter& counter);
  void done_received(Part from, const report::Done& done, Time now);
  void failed_received(Part from, const report::Failed& failed, Time now);
  void stop_asked(Time now);
  void time_passed(Time now);

  // When something is due; a client to be pinged is not.
  Time next_due() const;
  std::vector<Effect> take_effects();
  std::size_t fetches() const { return fetches_.size(); }
  // What somebody still has to answer.
  std::string left() const;

 private:
  struct Subscription {
    std::uint64_t number;  // in the order in which they joined
    ClientId client;       // none: it has outlived it
    Tag tag;
    Class priority;
    bool detached;
    std::optional<Time> until;
  };
  struct Fetch {
    FetchId id;
    Key key;
    Time started;
    std::vector<Subscription> subscriptions;
    std::optional<std::set<PeerKey>> targets;
    FetchState state = FetchState::pending;
    bool keep = false, look_again = false;
    std::uint16_t told = 0;                 // the selector's life
    Terminal last_end = Terminal::stopped;  // of a subscription
  };
  struct Delivery {
    FetchId fetch;
    Key key;
    Value value;
    std::vector<std::uint64_t> delivered;  // subscriptions
    std::optional<Outcome> first;
    bool aborted = false, scored = false;
    CallId call;
    std::optional<Value> held;
  };
  struct LookUp {
    FetchId fetch;
    std::uint32_t room;
  };
  struct Call {
    Call(engine::Call::Kind of, ClientId asker, CallId id, Time at)
        : kind(of), client(asker), theirs(id), until(at) {}
    engine::Call::Kind kind;
    ClientId client;
    CallId theirs;
    Time until;
    std::set<Part> parts;
    std::size_t left = 0;
    std::uint64_t removed = 0;
    std::optional<Reason> failure;
  };
  using Kind = engine::Call::Kind;

  // Found by looking at all.
  Fetch* find(const Key& key);
  Fetch* find(FetchId id);
  Subscription* find(Fetch& fetch, ClientId client, const Tag& tag);
  Subscription* find(Fetch& fetch, std::uint64_t number);
  std::map<DeliveryId, Delivery>::iterator delivery_of(FetchId fetch);
  // Counted by counting.
  Class class_of(const Fetch& fetch) const;
  std::size_t subscriptions() const;
  Held held(Origin of) const;
  Held held(Errand::Kind of) const;
  std::size_t in_state(FetchState state) const;
  bool told(const Fetch& fetch) const { return life_ != 0 && fetch.told == life_; }

  void tell(ClientId client, control::FromNode item);
  void to_selector(link::EngineToSelector item) { effects_.push_back(ToSelector{std::move(item)}); }
  void to_consumer(link::EngineToConsumer item) { effects_.push_back(ToConsumer{std::move(item)}); }
  void to_producer(link::EngineToProducer item) { effects_.push_back(ToProducer{std::move(item)}); }
  bool too_many(Fetch* fetch, const control::Fetch& ask) const;
  void join(Fetch& fetch, ClientId client, const control::Fetch& ask);
  void retarget(Fetch& fetch, const std::set<PeerKey>& targets);
  void want(Fetch& fetch);
  void tell_want(const Fetch& fetch);
  void send_look_ups();
  void drop(Fetch& fetch, std::uint64_t number, Terminal how);
  void drop_and_end(Fetch& fetch, std::uint64_t number, Terminal how);
  void end_all(Fetch& fetch, Terminal how);
  void over(Fetch& fetch);
  void erase(Fetch& fetch, bool selector_knows);
  template <class Condemned>
  void sweep(ClientId client, CallId theirs, Condemned condemned);

  void judge(Fetch& fetch, Value value);
  void deliver(Fetch& fetch, DeliveryId id);
  void judged(DeliveryId id, Outcome outcome, const std::vector<std::uint16_t>& named);
  bool apply(Fetch& fetch, DeliveryId id, Outcome outcome, const std::vector<std::uint16_t>& named);
  void put_judged(DeliveryId id, Outcome outcome);
  void abandoned_judged(DeliveryId id, Outcome outcome);
  bool abandon(DeliveryId id);
  bool score(Delivery& delivery, bool again);
  void dismiss(FetchId fetch, const Value& value, bool again);
  void give_back(const Value& value);

  bool may_call(ClientId client, CallId theirs);
  CallId open(Kind kind, ClientId client, CallId theirs, Duration within);
  void fail(CallId id, Reason reason);
  void finish_status(CallId id);
  void part_done(CallId id, Part part);
  void describe(const Call& call, const Fetch& fetch, const link::Waits& waits);
  void count(const Call& call);
  void errand_done(CallId id, std::uint64_t count, std::optional<Reason> failed);
  void remove_done(const Errand& errand, std::uint64_t count, std::optional<Reason> failed);
  void was_put(const Errand& errand);

  const Config config_;
  const Self self_;
  const Time started_;
  Time now_{};
  std::uint64_t last_ = 0;  // of all ids
  std::set<ClientId> clients_;
  std::vector<Fetch> fetches_;  // the oldest first
  std::vector<Duration> took_;  // until a value was accepted
  std::map<DeliveryId, Delivery> deliveries_;
  std::deque<LookUp> waiting_;
  std::map<LookUpId, LookUp> out_;
  std::vector<std::pair<Time, FetchId>> look_until_, look_again_;
  std::map<CallId, Errand> errands_;
  std::map<CallId, Call> calls_;
  Held owed_;
  std::uint16_t life_ = 0;
  bool consumer_ = false, producer_ = false, stopping_ = false;
  std::uint32_t verifiers_ = 0, storages_ = 0;
  std::map<std::string, std::uint64_t> totals_;
  std::vector<Effect> effects_;
};

}  // namespace quarry::engine
