#include "actors/workers/exec_verifier.hpp"

#include <unordered_map>

#include "msg/text.hpp"

namespace quarry::workers {
namespace {

std::optional<Outcome> outcome_of(const ExecRuns::Ended& end) {
  if (end.how != ExecRuns::Ended::How::exited) return std::nullopt;
  switch (end.code) {
    case ExecVerifier::kComplete:
      return Outcome::complete;
    case ExecVerifier::kInvalid:
      return Outcome::invalid;
    case ExecVerifier::kUnresolved:
      return Outcome::unresolved;
    case ExecVerifier::kIgnored:
      return Outcome::ignored;
    case ExecVerifier::kWithheld:
      return Outcome::withheld;
    default:
      return std::nullopt;
  }
}

bus::Children::Program program_for(const worker::Judge& job) {
  std::string tags;
  for (const Tag& tag : job.subscribers) tags += (tags.empty() ? "" : " ") + to_hex(tag.view());
  bus::Children::Program program;
  program.environment = {"QUARRY_OP=judge", "QUARRY_KEY=" + to_hex(job.key.view()),
                         "QUARRY_PEER=" + to_z85(job.peer),
                         "QUARRY_SIZE=" + std::to_string(job.value.size()), "QUARRY_TAGS=" + tags};
  program.input = job.value.kept();
  return program;
}

class Verifier : public Work {
 public:
  Verifier(ExecOptions options, ExecRuns runs)
      : about_{WorkerRole::verifier, 0, options.credit, std::move(options.name)},
        runs_(std::move(runs)) {}

  About about() const override { return about_; }
  int ready_descriptor() const override { return runs_.ready_descriptor(); }

  std::optional<Answer> judge(const worker::Judge& job) override {
    if (!runs_.add(job.job, program_for(job))) {
      return worker::Failed{job.job, "more jobs than this worker's credit"};
    }
    keys_.emplace(job.job, job.key);
    return std::nullopt;
  }

  void take_answers(std::vector<Answer>& to) override {
    ended_.clear();
    runs_.take_ended(ended_);
    for (const ExecRuns::Ended& end : ended_) {
      const auto key = keys_.extract(JobId{end.id});
      if (const auto outcome = outcome_of(end)) {
        to.push_back(worker::Verdict{JobId{end.id}, *outcome, {}});
        continue;
      }
      const std::string told = fit_text(runs_.told(end), limits::kMaxText);
      runs_.report(key.mapped(), told);
      to.push_back(worker::Failed{JobId{end.id}, told});
    }
  }

 private:
  About about_;
  ExecRuns runs_;
  std::unordered_map<JobId, Key> keys_;
  std::vector<ExecRuns::Ended> ended_;
};

}  // namespace

Result<std::unique_ptr<Work>> ExecVerifier::open(ExecOptions options) {
  auto runs = ExecRuns::open(options);
  if (!runs) return tl::unexpected(runs.error());
  return std::make_unique<Verifier>(std::move(options), std::move(*runs));
}

}  // namespace quarry::workers
