#include "actors/workers/storage.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <set>

#include "actors/workers/limits.hpp"

namespace quarry::workers {
namespace {

class StorageReader : public Work {
 public:
  StorageReader(std::unique_ptr<ReadsValues> reader, std::string name)
      : reader_(std::move(reader)), name_(std::move(name)) {}

  About about() const override {
    const std::uint8_t tells = reader_->by_keep_alone() ? worker::kTells : 0;
    return {WorkerRole::storage,
            static_cast<std::uint8_t>(worker::kLooksUp | worker::kLists | tells), kMaxCredit,
            name_};
  }

  std::optional<Answer> look_up(const worker::LookUp& job) override {
    Look look = reader_->look_up(job.key, job.room);
    switch (look.answer) {
      case Look::Answer::found:
        return worker::Found{job.job, std::move(look.value)};
      case Look::Answer::too_large:
        return worker::TooLarge{job.job, look.size};
      case Look::Answer::failed:
        return worker::Failed{job.job, std::move(look.detail)};
      case Look::Answer::rotten:
        raise_alarm(job.key, look.detail);
        break;
      case Look::Answer::no_data:
        break;
    }
    return worker::NoData{job.job};
  }

  std::optional<Answer> list(const worker::List& job) override {
    auto entries = reader_->list(job.after, std::min<std::size_t>(job.most, limits::kMaxStored));
    if (!entries) return worker::Failed{job.job, entries.error().line()};
    return worker::Listed{job.job, std::move(*entries)};
  }

  void turn_ended() override { reader_->end(); }

 private:
  void raise_alarm(const Key& key, const std::string& detail) {
    if (alarms_.size() > kAlarms || !alarms_.insert(key).second) return;
    if (alarms_.size() <= kAlarms) {
      spdlog::warn("{}: what is there for key {} counts as no data: {}", name_, to_hex(key.view()),
                   detail);
    } else {
      spdlog::warn("{}: more than {} values count as no data; further ones are not named", name_,
                   kAlarms);
    }
  }

  std::unique_ptr<ReadsValues> reader_;
  std::string name_;
  std::set<Key> alarms_;
};

class StorageWriter : public Work {
 public:
  StorageWriter(std::shared_ptr<WritesValues> writer, std::string name)
      : writer_(std::move(writer)), name_(std::move(name)) {}

  About about() const override { return {WorkerRole::storage, worker::kKeeps, kMaxCredit, name_}; }

  std::optional<Answer> keep(const worker::Keep& job) override {
    return put_off(job.job, {job.key, job.value, false});
  }
  std::optional<Answer> remove(const worker::Remove& job) override {
    return put_off(job.job, {job.key, std::nullopt, false});
  }

  void turn_ended() override {
    const auto written = writer_->write(changes_);
    if (!written && !failing_) spdlog::warn("{}: {}", name_, written.error().line());
    failing_ = !written;
    for (std::size_t i = 0; i < jobs_.size(); ++i) {
      if (!written) {
        answers_.push_back(worker::Failed{jobs_[i], written.error().line()});
      } else if (changes_[i].missing) {
        answers_.push_back(worker::NoData{jobs_[i]});
      } else {
        answers_.push_back(worker::Done{jobs_[i]});
      }
    }
    changes_.clear();
    jobs_.clear();
  }

  void take_answers(std::vector<Answer>& to) override {
    to.insert(to.end(), answers_.begin(), answers_.end());
    answers_.clear();
  }

 private:
  std::optional<Answer> put_off(JobId job, Change change) {
    // One key of a wrong length must not fail the turn of all others.
    if (change.key.size() != writer_->key_length()) {
      return worker::Failed{
          job, "keys of this store have " + std::to_string(writer_->key_length()) + " bytes"};
    }
    jobs_.push_back(job);
    changes_.push_back(std::move(change));
    return std::nullopt;
  }

  std::shared_ptr<WritesValues> writer_;
  std::string name_;
  std::vector<JobId> jobs_;
  std::vector<Change> changes_;
  std::vector<Answer> answers_;
  bool failing_ = false;
};

}  // namespace

std::unique_ptr<Work> storage_reader(std::unique_ptr<ReadsValues> reader, std::string name) {
  return std::make_unique<StorageReader>(std::move(reader), std::move(name));
}

std::unique_ptr<Work> storage_writer(std::shared_ptr<WritesValues> writer, std::string name) {
  return std::make_unique<StorageWriter>(std::move(writer), std::move(name));
}

}  // namespace quarry::workers
