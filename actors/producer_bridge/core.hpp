// Serving: looks values up for peers that ask and for the Engine, and has them kept. It decides who
// is answered (Askers), which storage works (Storages), and joins the two by look-ups in progress.
// It never asks a peer, never judges a value, and owes each ask and each look-up one answer.
//
// A look-up asks one storage after another until one has the value; nothing found, nobody there and
// no time left are all "no data". Peers that ask for one key at a time share a look-up. The
// Engine's are its own, and wait behind nobody's (R38).
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "actors/producer_bridge/askers.hpp"
#include "actors/producer_bridge/config.hpp"
#include "actors/producer_bridge/effects.hpp"
#include "actors/producer_bridge/limits.hpp"
#include "actors/producer_bridge/storages.hpp"

namespace quarry::producer_bridge {

// Who answers, for `hello` and `pong`.
struct Self {
  Network network;
  Instance instance;
  std::string agent;
};

class Core {
 public:
  using Standing = Askers::Standing;

  Core(Config config, Self self, std::uint64_t seed);
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  // Events of the network door. Each message begins with heard(): only what is served is read.

  Standing heard(const std::optional<PeerKey>& peer, const Route& route, Time now);
  void hello_received(const Route& route);
  void ping_received(const Route& route, const peer::Ping& ping);
  void ask_received(const PeerKey& peer, const Route& route, const peer::Ask& ask, Time now);
  void forget_received(const PeerKey& peer, const peer::Forget& forget);
  void unfit_received(const Route& route, const Unfit& unfit);
  void connection_gone(const Route& route, Time now);
  // So many bytes wait for this connection, now that all that was said has been tried. To be told
  // for each connection that a value was sent to, until none wait.
  void replies_waiting(const Route& route, std::uint64_t bytes, Time now);

  // Events of the storage door.

  void hello_received(WorkerId worker, const worker::Hello& hello, Time now);
  void found_received(WorkerId worker, const worker::Found& found, Time now);
  void no_data_received(WorkerId worker, const worker::NoData& no_data, Time now);
  void too_large_received(WorkerId worker, const worker::TooLarge& too_large, Time now);
  void done_received(WorkerId worker, const worker::Done& done, Time now);
  void failed_received(WorkerId worker, const worker::Failed& failed, Time now);
  void listed_received(WorkerId worker, worker::Listed listed, Time now);
  void have_received(WorkerId worker, const worker::Have& have, Time now);
  // An answer that only a verifier gives.
  void nonsense_received(WorkerId worker, JobId job, Time now);
  void pong_received(WorkerId worker, const worker::Pong& pong, Time now);
  void bye_received(WorkerId worker, Time now);
  // Its message was none: nothing that it says is trusted any more until it says hello again.
  void unfit_received(WorkerId worker, const Unfit& unfit, Time now);
  // Its connection is gone, or it does not read.
  void worker_gone(WorkerId worker, Time now);

  // Events of the Engine's link. On its Hello, what it wanted before is dropped.

  void engine_attached(Time now);
  void look_up_received(const link::LookUp& look_up, Time now);
  void keep_received(const link::Keep& keep, Time now);
  void remove_received(const link::Remove& remove, Time now);
  void list_received(const report::StoredList& list, Time now);
  void survey_received(const link::Survey& survey, Time now);

  // Events of the selector's link. On its Hello nobody is admitted until it says so.

  void selector_attached();
  void admission_received(const link::Admission& admission);
  void sync_received(const link::Sync& sync);

  Time next_deadline() const;
  void time_passed(Time now);

  Effects take_effects() { return std::exchange(effects_, {}); }
  bool has_effects() const { return !effects_.empty(); }
  std::size_t look_ups() const { return look_ups_.size(); }
  std::size_t keeps() const { return keeps_.size(); }
  std::size_t lists() const { return lists_.size(); }
  void check_invariants() const;

 private:
  // Ids rise with time and all have the same time: the first is the next to run out.
  struct LookUp {
    Key key;
    std::uint32_t room = 0;
    Time until;
    LookUpId engine;        // none: for peers
    std::vector<Ask> asks;  // of peers, that still wait
    std::optional<Storages::Place> last;
    JobId job;
    std::uint64_t before =
        0;                  // the ticket of an earlier one of this key, for peers, with less room
    bool appeared = false;  // the value came while it was looked for
    bool sure = true;       // each storage that is for the key has said that it has not got it
    bool will_tell = true;  // each of them says so when it gets it
  };
  using LookUps = PooledMap<std::uint64_t, LookUp>;
  struct Keep {
    CallId call;
    JobId job;
    std::size_t bytes = 0;
    Time until;
  };

  // What the storage that keeps has: of all its parts, merged.
  struct List {
    CallId call;
    Prefix after;
    Time until;
    std::optional<Storages::Place> last;
    JobId job;
    std::vector<report::StoredEntry> entries;
  };
  using Lists = std::map<std::uint64_t, List>;
  static constexpr const char* kNonsense = "the storage answered something else";

  void serve(Time now);
  Duration patience_of(const peer::Ask& ask) const;
  void begin(const Ask& ask, Time now);
  void answer_impatient(Time now);
  void look_further(LookUps::iterator at, Time now);
  LookUps::iterator look_up_of(const Work& work);
  std::optional<LookUps::iterator> look_up_answered(WorkerId worker, JobId job, Time now);
  void found(LookUps::iterator at, const Payload& value, Time now);
  void no_data(LookUps::iterator at, Time now);
  void too_large(LookUps::iterator at, std::uint64_t size, Time now);
  void appeared(const Key& key, Time now);
  LookUp end(LookUps::iterator at);

  void change(CallId call, Work work, Time now);
  // Takes it out of the table; the call to be answered.
  CallId end_keep(std::uint64_t ticket);
  void list_further(Lists::iterator at, Time now);
  // Goes on without what this job was to bring.
  void not_done(const Work& work, Reason reason, std::string detail, Time now);
  // Goes on with work that its worker did not do.
  void orphaned(std::vector<Work> orphans, Time now);

  Config config_;
  Self self_;
  Effects effects_;
  Askers askers_;
  Storages storages_;
  LookUps look_ups_;
  Time impatient_at_ = kNever;  // when to look for asks whose time is over
  std::uint64_t next_ticket_ = 1;
  std::size_t engine_look_ups_ = 0;
  PooledHashMap<Key, std::uint64_t, SaltedHash> shared_;  // by key, of peers
  std::map<std::uint64_t, Keep> keeps_;                   // by ticket, as with look-ups
  std::size_t keep_bytes_ = 0;
  Lists lists_;  // likewise
  struct {
    std::uint64_t shared = 0;
    std::uint64_t timed_out = 0;  // look-ups
    std::uint64_t impatient = 0;  // asks
    std::uint64_t nonsense = 0;
    std::uint64_t haves = 0;         // of storages
    std::uint64_t unfit_asked = 0;   // messages
    std::uint64_t unfit_stored = 0;  // messages
  } totals_;
};

}  // namespace quarry::producer_bridge
