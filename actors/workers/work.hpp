// What a worker does, apart from how it is attached: WorkerActor gives it jobs one by one and sends
// its answers. It runs on the actor's thread; what takes long there makes everything else on that
// loop wait, so it goes to a thread of its own and is answered later.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "msg/worker.hpp"

namespace quarry::workers {

class Work {
 public:
  using Answer = std::variant<worker::Verdict, worker::Found, worker::NoData, worker::TooLarge,
                              worker::Done, worker::Failed, worker::Listed>;
  struct About {
    WorkerRole role = WorkerRole::verifier;
    std::uint8_t abilities = 0;  // of a storage
    std::uint32_t credit = 0;    // jobs that it takes at a time
    std::string name;
    std::vector<KeyRange> keys = {};  // it is given jobs for these alone; none: for all keys
  };

  virtual ~Work() = default;
  virtual About about() const = 0;

  // One job. Nullopt: the answer comes out of take_answers() some time. Each job is answered once.
  virtual std::optional<Answer> judge(const worker::Judge& job) { return cannot(job.job); }
  virtual std::optional<Answer> look_up(const worker::LookUp& job) { return cannot(job.job); }
  virtual std::optional<Answer> keep(const worker::Keep& job) { return cannot(job.job); }
  virtual std::optional<Answer> remove(const worker::Remove& job) { return cannot(job.job); }
  virtual std::optional<Answer> list(const worker::List& job) { return cannot(job.job); }
  // The jobs of this turn have been given: nothing is to be held on to until the next.
  virtual void turn_ended() {}

  // Readable while take_answers() has something; asked once. -1: every job is answered at once.
  virtual int ready_descriptor() const { return -1; }
  // Appends the answers that were put off and are there now. Called each turn.
  virtual void take_answers(std::vector<Answer>&) {}

 private:
  static Answer cannot(JobId job) { return worker::Failed{job, "this worker does not do that"}; }
};

}  // namespace quarry::workers
