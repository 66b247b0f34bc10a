#include "actors/workers/exec_storage.hpp"

#include <unordered_map>

#include "actors/workers/digest.hpp"
#include "msg/text.hpp"

namespace quarry::workers {
namespace {

class Storage : public Work {
 public:
  Storage(ExecOptions options, const Network& network, bool keeps, ExecRuns runs,
          std::optional<Digest> digest)
      : about_{WorkerRole::storage, worker::kLooksUp, options.credit, std::move(options.name)},
        max_value_(network.max_value),
        runs_(std::move(runs)),
        digest_(std::move(digest)) {
    if (keeps) about_.abilities |= worker::kKeeps;
  }

  About about() const override { return about_; }
  int ready_descriptor() const override { return runs_.ready_descriptor(); }

  std::optional<Answer> look_up(const worker::LookUp& job) override {
    bus::Children::Program program;
    program.environment = {"QUARRY_OP=look_up", "QUARRY_ROOM=" + std::to_string(job.room)};
    // What is more than the room is read to its end, to say how large it is.
    program.keep_output = job.room;
    program.most_output = max_value_;
    return run(job.job, {Op::look_up, job.key, job.room}, std::move(program));
  }
  std::optional<Answer> keep(const worker::Keep& job) override {
    bus::Children::Program program;
    program.environment = {"QUARRY_OP=keep", "QUARRY_SIZE=" + std::to_string(job.value.size())};
    program.input = job.value.kept();
    return run(job.job, {Op::keep, job.key, 0}, std::move(program));
  }
  std::optional<Answer> remove(const worker::Remove& job) override {
    bus::Children::Program program;
    program.environment = {"QUARRY_OP=remove"};
    return run(job.job, {Op::remove, job.key, 0}, std::move(program));
  }

  void take_answers(std::vector<Answer>& to) override {
    ended_.clear();
    runs_.take_ended(ended_);
    for (ExecRuns::Ended& end : ended_) {
      const auto job = jobs_.extract(JobId{end.id});
      to.push_back(answer(JobId{end.id}, job.mapped(), end));
    }
  }

 private:
  enum class Op { look_up, keep, remove };
  struct Job {
    Op op;
    Key key;
    std::uint32_t room;
  };

  std::optional<Answer> run(JobId id, Job job, bus::Children::Program program) {
    program.environment.push_back("QUARRY_KEY=" + to_hex(job.key.view()));
    if (!runs_.add(id, std::move(program))) {
      return worker::Failed{id, "more jobs than this worker's credit"};
    }
    jobs_.emplace(id, std::move(job));
    return std::nullopt;
  }

  Answer answer(JobId id, const Job& job, ExecRuns::Ended& end) {
    const bool exited = end.how == ExecRuns::Ended::How::exited;
    if (exited && end.code == ExecStorage::kNoData && job.op != Op::keep) {
      return worker::NoData{id};
    }
    if (exited && end.code == ExecStorage::kDone) {
      return job.op == Op::look_up ? found(id, job, end) : worker::Done{id};
    }
    const std::string told = fit_text(runs_.told(end), limits::kMaxText);
    runs_.report(job.key, told);
    return worker::Failed{id, told};
  }

  Answer found(JobId id, const Job& job, ExecRuns::Ended& end) {
    if (end.output_bytes > job.room) return worker::TooLarge{id, end.output_bytes};
    if (digest_ && digest_->of(bytes_of(end.output)) != job.key) {
      runs_.report(job.key,
                   "what it printed has not this " + digest_->name() + ", and counts as no data");
      return worker::NoData{id};
    }
    return worker::Found{id, Payload::of(std::move(end.output))};
  }

  About about_;
  std::uint32_t max_value_;
  ExecRuns runs_;
  std::optional<Digest> digest_;  // where keys are digests
  std::unordered_map<JobId, Job> jobs_;
  std::vector<ExecRuns::Ended> ended_;
};

}  // namespace

Result<std::unique_ptr<Work>> ExecStorage::open(ExecOptions options, const Network& network,
                                                bool keeps) {
  std::optional<Digest> digest;
  if (!network.digest.empty()) {
    auto opened = Digest::open(network.digest, network.key_length);
    if (!opened) return tl::unexpected(opened.error());
    digest.emplace(std::move(*opened));
  }
  auto runs = ExecRuns::open(options);
  if (!runs) return tl::unexpected(runs.error());
  return std::make_unique<Storage>(std::move(options), network, keeps, std::move(*runs),
                                   std::move(digest));
}

}  // namespace quarry::workers
