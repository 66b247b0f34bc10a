// A Work on other terms than its own: called otherwise, given fewer jobs at a time, or only certain
// keys. All else is as it was.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "actors/workers/work.hpp"

namespace quarry::workers {

struct Terms {
  std::uint32_t credit = 0;         // jobs; 0: the work's own
  std::vector<KeyRange> keys = {};  // none: the work's own
  std::string name = {};            // empty: the work's own
};

class OnTerms : public Work {
 public:
  OnTerms(std::unique_ptr<Work> work, Terms terms)
      : work_(std::move(work)), terms_(std::move(terms)) {}

  About about() const override {
    About about = work_->about();
    if (terms_.credit != 0) about.credit = terms_.credit;
    if (!terms_.keys.empty()) about.keys = terms_.keys;
    if (!terms_.name.empty()) about.name = terms_.name;
    return about;
  }
  std::optional<Answer> judge(const worker::Judge& job) override { return work_->judge(job); }
  std::optional<Answer> look_up(const worker::LookUp& job) override { return work_->look_up(job); }
  std::optional<Answer> keep(const worker::Keep& job) override { return work_->keep(job); }
  std::optional<Answer> remove(const worker::Remove& job) override { return work_->remove(job); }
  std::optional<Answer> list(const worker::List& job) override { return work_->list(job); }
  void turn_ended() override { work_->turn_ended(); }
  int ready_descriptor() const override { return work_->ready_descriptor(); }
  void take_answers(std::vector<Answer>& to) override { work_->take_answers(to); }

 private:
  std::unique_ptr<Work> work_;
  Terms terms_;
};

}  // namespace quarry::workers
