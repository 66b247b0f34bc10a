#include "actors/workers/exec_runs.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "bus/clock.hpp"

namespace quarry::workers {
namespace {

constexpr Duration kReportEvery = std::chrono::seconds(1);
constexpr int kCannotRun = 126;

}  // namespace

Result<ExecRuns> ExecRuns::open(ExecOptions options) {
  auto children = bus::Children::open();
  if (!children) return tl::unexpected(children.error());
  return ExecRuns(std::move(options), std::move(*children));
}

bool ExecRuns::holds(JobId job) const {
  return children_.runs(job.value) ||
         std::any_of(waiting_.begin(), waiting_.end(),
                     [&](const Waiting& waiting) { return waiting.job == job; });
}

bool ExecRuns::add(JobId job, bus::Children::Program program) {
  if (holds(job)) return true;
  if (children_.running() + waiting_.size() >= options_.credit) return false;
  program.arguments = {"/bin/sh", "-c", options_.command};
  program.environment.insert(program.environment.end(), options_.environment.begin(),
                             options_.environment.end());
  program.timeout = options_.timeout;
  waiting_.push_back({job, std::move(program)});
  return true;
}

void ExecRuns::start_some(std::vector<Ended>& failed) {
  while (!waiting_.empty() && children_.running() < options_.concurrency) {
    Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    const auto started = children_.start(next.job.value, std::move(next.program));
    if (started) continue;
    Ended end;
    end.id = next.job.value;
    end.code = kCannotRun;
    end.complaint = started.error().line();
    failed.push_back(std::move(end));
  }
}

void ExecRuns::take_ended(std::vector<Ended>& to) {
  children_.take_ended(to);
  start_some(to);
}

std::string ExecRuns::told(const Ended& end) const {
  using How = Ended::How;
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(options_.timeout);
  std::string text;
  if (end.how == How::exited) text = "exit code " + std::to_string(end.code);
  if (end.how == How::signalled) text = "ended by signal " + std::to_string(end.code);
  if (end.how == How::timed_out) text = "took longer than " + std::to_string(ms.count()) + " ms";
  if (end.how == How::flooded) text = "printed more than the largest value";
  if (end.complaint.empty()) return text;
  // It may be made of a stranger's bytes.
  std::string complaint = end.complaint;
  std::replace_if(
      complaint.begin(), complaint.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; },
      '?');
  return text + ": " + complaint;
}

void ExecRuns::report(const Key& key, const std::string& told) {
  const Time now = bus::now();
  if (now < report_at_) {
    ++unreported_;
    return;
  }
  report_at_ = now + kReportEvery;
  const std::string others =
      unreported_ == 0 ? "" : " (and " + std::to_string(unreported_) + " more before)";
  unreported_ = 0;
  spdlog::warn("{}: key {}: {}{}", options_.name, to_hex(key.view()), told, others);
}

}  // namespace quarry::workers
