// The storages attached, and their jobs: which storage is asked next, which of its workers gets the
// job, what waits for free credit, and what becomes of the jobs of a worker that is gone. It knows
// of a job only for whom it is done (a ticket), never what the answer means.
//
// Workers of one name, and for the same keys, are one storage. A job waits in one of its storage's
// lines: what the Engine looks up goes before what peers look up, and a part of the credit is left
// to it (R38). A storage that let a job run out while it answered nothing is passed over until it
// answers again, but for a trial now and then: nobody new waits in its lines.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tl/expected.hpp>
#include <unordered_map>
#include <vector>

#include "actors/producer_bridge/effects.hpp"
#include "actors/producer_bridge/limits.hpp"
#include "msg/pooled.hpp"
#include "msg/time.hpp"

namespace quarry::producer_bridge {

// Whose job it is, and so which line it waits in.
enum class Line : std::uint8_t { keeps, lists, engine, peers };
constexpr bool looks_up(Line line) { return line == Line::engine || line == Line::peers; }

struct Work {
  Line line = Line::peers;
  std::uint64_t ticket = 0;  // of whoever waits for it
  Key key = {};
  std::uint32_t room = 0;             // of a look-up, in bytes; of a list, in entries
  std::optional<Payload> value = {};  // of a job in Line::keeps: kept; none: removed
  Prefix after = {};                  // of a list
};

class Storages {
 public:
  // A storage's place in the order in which storages are asked: the built-in one has the first, the
  // others follow as they attached.
  using Place = std::uint64_t;

  // `keep_in` names the storage that keeps.
  Storages(std::string built_in, std::string keep_in, std::uint64_t seed, Effects& effects);

  // Jobs.

  // Has the storage after `last` look it up, and makes that the last one. None: no storage is left.
  // `all`: false where one was passed over; `tell`: false where one may get it without a word.
  std::optional<JobId> look_up(const Work& work, std::optional<Place>& last, Time now, bool& all,
                               bool& tell);
  // Has the storage that keeps do it, or remove. Otherwise why nobody is attached who could.
  tl::expected<JobId, std::string> keep(const Work& work, Time now);
  // Has the part of the storage that keeps which comes after `last` list what it has, and makes
  // that the last one. None: no part is left.
  std::optional<JobId> list(const Work& work, std::optional<Place>& last, Time now);
  // Whether the storage that keeps is attached, whatever it can.
  bool keeper_attached() const;
  // Whether a storage that looks up is there that was not when this was last asked.
  bool arrived() { return std::exchange(arrived_, false); }
  // Nobody waits for it any more.
  void forget(JobId job);
  // The same, because its time is over.
  void ran_out(JobId job, Time now);

  // Events of the storages' door. Whoever is not attached is told to say hello.

  void hello_received(WorkerId worker, const worker::Hello& hello, Time now);
  void pong_received(WorkerId worker, std::uint64_t nonce, Time now);
  // An answer to a job. None: the worker does not hold it (counted), or nobody waits for it.
  std::optional<Work> answered(WorkerId worker, JobId job, Time now);
  // Whether it is attached; otherwise it is told to say hello.
  bool attached(WorkerId worker);
  // Likewise, and whether it may have the value of this key.
  bool is_for(WorkerId worker, const Key& key);
  // The worker left, or is gone. The jobs that nobody has now, for their owners to go on with.
  std::vector<Work> said_bye(WorkerId worker, Time now);
  std::vector<Work> gone(WorkerId worker, Time now);

  Time next_deadline() const;
  // The jobs that nobody has now.
  std::vector<Work> time_passed(Time now);

  // Says how many workers are attached, and for which keys; it says changes by itself.
  void say_attached();
  std::vector<report::WorkerInfo> describe(CallId call, Time now) const {
    return workers_.describe(call, now);
  }
  std::uint64_t unmatched() const { return unmatched_; }
  std::uint64_t refused() const { return refused_ + workers_.refused_total(); }
  std::uint64_t duplicates() const { return workers_.duplicates_total(); }
  std::size_t jobs() const { return jobs_.size(); }
  void check_invariants() const;

 private:
  struct Job {
    Work work;
    Place place;
    WorkerId worker;  // none: waits
    Time given;
    bool forgotten = false;
  };
  struct Storage {
    std::string name;
    std::vector<KeyRange> keys;
    std::uint32_t looking_credit = 0;  // of all its workers that look up
    bool tells = true;                 // all those do
    std::uint32_t keepers = 0;
    std::uint32_t listers = 0;
    std::uint32_t peer_jobs = 0;  // of Line::peers, out
    bool silent = false;
    std::array<std::set<JobId>, 4> lines;  // what waits, by Line, in order: ids rise
    std::set<JobId>& line(Line of) { return lines[static_cast<std::size_t>(of)]; }
    // Whether a worker of it takes jobs of this line.
    bool staffed(Line of) const;
  };
  struct Known {
    Place place;
    std::uint8_t abilities = 0;
    std::uint32_t credit = 0;
    Time answered;
  };
  using Table = std::map<Place, Storage>;
  static constexpr Place kBuiltIn = 0;

  Place place_of(const worker::Hello& hello);
  std::optional<JobId> enter(const Work& work, Table::iterator at, Time now);
  bool give(JobId id, Job& job, Storage& storage, Time now);
  void send(WorkerId worker, JobId id, const Work& work);
  void fill(Storage& storage, Time now);
  // Takes the job out of all tables; its work goes to `orphans` if somebody waits for it.
  void end(JobId id, std::vector<Work>* orphans);
  // Says what the table of workers says, and knows those that it welcomed.
  void absorb();
  // Storages as their workers now are; jobs of one that has none become orphans.
  void recount(std::vector<Work>& orphans);
  void settle(Time now, std::vector<Work>& orphans);

  std::string built_in_;
  std::string keep_in_;
  workers::Attached workers_;
  std::unordered_map<WorkerId, Known> known_;
  Table storages_;
  PooledMap<JobId, Job> jobs_;  // in order of age
  std::set<std::pair<Time, JobId>> forgotten_;
  std::uint64_t next_job_;
  Place last_place_ = kBuiltIn;
  link::Attached said_{WorkerRole::storage};
  bool arrived_ = false;
  std::uint64_t unmatched_ = 0;
  std::uint64_t refused_ = 0;
  Effects& effects_;
};

}  // namespace quarry::producer_bridge
