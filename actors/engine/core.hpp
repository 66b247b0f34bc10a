// The Engine's core: which keys are wanted, by whom, until when; what is being looked up or judged;
// targets as asked. Events come in, effects come out. It never chooses a peer, never judges a
// value, and keeps no value beyond its verdict.
//
// One fetch per key, however many subscribe (R1); every subscription gets exactly one terminal
// event (R24). A fetch goes
//
//     looking ──► pending ◄──► validating ──► over
//        └───────────────────────▲
//
// where `pending` is the PeerSelector's business (for it: pending or active) until an answer comes.
// One value of a fetch is judged at a time. A value given for judgement is a delivery; it is known
// until its verdict, even when its fetch is over, for a first verdict counts for the peer (R21).
//
// The Engine is the truth: an actor that attaches anew is told again what concerns it. Long walks
// (ends of many subscriptions, telling a million wants) go in slices: next_deadline() is then now.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "actors/engine/calls.hpp"
#include "actors/engine/clients.hpp"
#include "actors/engine/config.hpp"
#include "actors/engine/deadlines.hpp"
#include "actors/engine/deliveries.hpp"
#include "actors/engine/effects.hpp"
#include "actors/engine/errands.hpp"
#include "actors/engine/look_ups.hpp"
#include "actors/engine/subscriptions.hpp"
#include "actors/engine/sweeps.hpp"
#include "msg/histogram.hpp"

namespace quarry::engine {

// What clients are told about the node.
struct Self {
  PeerKey node;
  Instance instance;
  Network network;
  std::string name;
  std::string agent;
  std::string listen;
};

using PeersCommand = std::variant<report::PeerSet, report::PeerAdd, report::PeerRemove,
                                  report::PeerBlock, report::PeerUnblock, report::PeerList>;

class Core {
 public:
  Core(const Config& config, Self self, std::uint64_t seed, Time now);
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  // Clients. What an unknown client asks is dropped: it left meanwhile.
  void client_greeted(ClientId client, Time now);
  void client_gone(ClientId client, Time now);
  void fetch_asked(ClientId client, control::Fetch ask, Time now);
  void withdraw_asked(ClientId client, const control::Withdraw& ask, Time now);
  void cancel_asked(ClientId client, const control::Cancel& ask, Time now);
  void clear_asked(ClientId client, const control::Clear& ask, Time now);
  void retain_asked(ClientId client, const control::Retain& ask, Time now);
  void put_asked(ClientId client, control::Put ask, Time now);
  void remove_asked(ClientId client, const control::Remove& ask, Time now);
  void list_asked(ClientId client, const report::StoredList& ask, Time now);
  void status_asked(ClientId client, const control::Status& ask, Time now);
  void explain_asked(ClientId client, const report::Explain& ask, Time now);
  void peers_commanded(ClientId client, PeersCommand command, Time now);

  // PeerSelector.
  void selector_attached(Time now);
  void answer_received(link::Answer answer, Time now);
  void waits_received(const link::Waits& waits, Time now);

  // ConsumerBridge.
  void consumer_attached(Time now);
  void verdict_received(const link::Verdict& verdict, Time now);

  // ProducerBridge.
  void producer_attached(Time now);
  void found_received(const link::Found& found, Time now);
  void no_data_received(const link::NoData& answer, Time now);
  void too_large_received(const link::TooLarge& answer, Time now);

  // What more than one of them says.
  void workers_attached(const link::Attached& attached, Time now);
  void peer_info_received(report::PeerInfo info);
  void ask_info_received(report::AskInfo info);
  void worker_info_received(report::WorkerInfo info);
  void counter_received(report::Counter counter);
  void stored_received(report::Stored stored);
  void done_received(Part from, const report::Done& done, Time now);
  void failed_received(Part from, const report::Failed& failed, Time now);

  // Ends every subscription with `stopped` (R39); what is asked from now on is refused.
  void stop_asked(Time now);
  bool stopped() const;

  Time next_deadline() const;
  void time_passed(Time now);
  std::vector<Effect> take_effects();

  std::size_t fetches() const { return fetches_.size(); }
  void check_invariants() const;

 private:
  // How often each thing happened: what counters in status say.
  struct Totals {
    std::uint64_t fetches = 0;
    std::array<std::uint64_t, 9> ended{};  // subscriptions, by Terminal
    std::array<std::uint64_t, 9> over{};   // fetches, by how their last subscription ended
    std::uint64_t look_ups = 0, found = 0;
    std::uint64_t puts = 0, kept = 0, keeps_failed = 0, removed = 0;
    std::uint64_t answers = 0;
    std::uint64_t unmatched = 0;  // answers, verdicts and results that name nothing known
  };

  // core.cpp: the life of a fetch.
  void settle(const Key& key, Slot client, const Tag& tag);
  const char* why_full(Slot known, const control::Fetch& ask) const;
  void refuse(ClientId client, const control::Fetch& ask, Reason reason, std::string detail);
  void join(Slot fetch, Slot client, const control::Fetch& ask);
  void retarget(Slot fetch, const std::vector<PeerKey>& targets);
  void untarget(Slot fetch);
  void look(Slot fetch);
  void want(Slot fetch);
  void tell_want(const Fetch& fetch);
  bool told(const Fetch& fetch) const { return life_ != 0 && fetch.told == life_; }
  void end_subscription(Slot subscription, Terminal how);
  void end_fetch(Slot fetch, Terminal how);
  void drop(Slot subscription, Terminal how);
  void over(Slot fetch);
  void erase(Slot fetch, bool ended_at_selector);
  void send_look_ups();

  // core_judging.cpp: values and verdicts.
  void judge(Slot fetch, Value value, const Payload& as_it_came);
  void judge(Slot fetch, Value value);
  void deliver(Slot fetch, Delivery& delivery, const Payload& bytes);
  Outcome checked(const Delivery& delivery, const link::Verdict& verdict) const;
  void fetch_judged(Delivery& delivery, Outcome outcome, const std::vector<std::uint16_t>& named);
  void put_judged(DeliveryId id, Outcome outcome);
  void abandoned_judged(Delivery& delivery, Outcome outcome);
  enum class Next : std::uint8_t { ask_again, deliver_again };
  Next apply(Slot fetch, Delivery& delivery, Outcome outcome,
             const std::vector<std::uint16_t>& named);
  void resolve(Slot subscription, const Delivery& delivery);
  void ask_again(Slot fetch, DeliveryId id);
  void conclude(Slot fetch, DeliveryId id);
  bool abandon(Delivery& delivery);
  bool score(Delivery& delivery, bool again);
  void dismiss(FetchId fetch, const Value& value, bool again);
  void release(const Value& value);
  void keep(const Key& key, const Payload& value);
  void remove(const Key& key);

  // core_commands.cpp: what has a call.
  bool may_call(ClientId client, CallId theirs);
  CallId open_call(Call::Kind kind, ClientId client, CallId theirs, Duration within);
  void close_call(CallId id);
  void fail_call(CallId id, Reason reason, std::string detail);
  void finish_status(CallId id);
  void part_done(Call& call, Part part);
  // Why nobody can judge a value of this key; empty: somebody can.
  std::string_view unjudged(const Key& key) const;
  void describe(const Call& call, Slot fetch, const link::Waits& waits);
  void count(const Call& call);
  void errand_done(CallId id, std::uint64_t count, const report::Failed* failed);
  void remove_done(const Errand& errand, std::uint64_t count, const report::Failed* failed);
  void was_put(const Errand& errand);
  void give_put(const Delivery& put);
  template <class Item>
  void pass_on(Item item);

  // core_walks.cpp: what goes in slices.
  void begin_sweep(ClientId client, Sweep sweep);
  bool unfinished() const;
  void walk();
  void walk_leaving(std::uint32_t& steps);
  void walk_stopping(std::uint32_t& steps);
  void walk_wants(std::uint32_t& steps);
  void walk_sweeps(std::uint32_t& steps);
  bool step(Sweep& sweep, std::uint32_t& steps);

  // core_check.cpp
  void check_fetches() const;
  void check_budgets() const;
  void check_calls() const;

  template <class Item>
  void tell(ClientId client, Item item) {
    if (clients_.find(client) != kNone) effects_.push_back(ToClient{client, std::move(item)});
  }

  const Config config_;
  const Self self_;
  const Time started_;
  Time now_;

  Fetches fetches_;
  Clients clients_;
  Subscriptions subscriptions_;
  std::unordered_map<FetchId, std::vector<PeerKey>> targets_;
  std::uint32_t targets_in_all_ = 0;
  Deadlines deadlines_;
  LookUps look_ups_;
  Deliveries deliveries_;
  Calls calls_;
  Errands errands_;
  std::deque<Sweep> sweeps_;

  Budget answers_;
  Held owed_;  // room to be given back to the selector with the next effects
  Budget puts_;

  std::uint16_t life_ = 0;                    // of the selector; 0: none has attached
  bool consumer_ = false, producer_ = false;  // has attached
  // As the bridges said last. One that attaches anew says so again in a moment; until then nothing
  // is refused that waits for its workers.
  link::Attached verifiers_{WorkerRole::verifier}, storages_{WorkerRole::storage};
  std::uint64_t nonce_ = 0;
  Slot retell_ = kNone;  // how far a new selector has been told
  Slot stop_ = kNone;    // how far subscriptions have been told `stopped`
  bool stopping_ = false;
  Totals totals_;
  Histogram fetch_time_;                   // until a value is accepted
  Terminal last_end_ = Terminal::stopped;  // of a subscription
  std::vector<Effect> effects_;
};

}  // namespace quarry::engine
