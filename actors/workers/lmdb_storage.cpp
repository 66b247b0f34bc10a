#include "actors/workers/lmdb_storage.hpp"

#include <spdlog/spdlog.h>

#include <set>

#include "actors/workers/limits.hpp"

namespace quarry::workers {
namespace {

class StorageReader : public Work {
 public:
  StorageReader(std::unique_ptr<LmdbReader> reader, std::string name)
      : reader_(std::move(reader)), name_(std::move(name)) {}

  About about() const override {
    return {WorkerRole::storage, worker::kLooksUp, kMaxCredit, name_};
  }

  std::optional<Answer> look_up(const worker::LookUp& job) override {
    LmdbReader::Look look = reader_->look_up(job.key, job.room);
    switch (look.answer) {
      case LmdbReader::Answer::found:
        return worker::Found{job.job, std::move(look.value)};
      case LmdbReader::Answer::too_large:
        return worker::TooLarge{job.job, look.size};
      case LmdbReader::Answer::failed:
        return worker::Failed{job.job, std::move(look.detail)};
      case LmdbReader::Answer::rotten:
        raise_alarm(job.key);
        break;
      case LmdbReader::Answer::no_data:
        break;
    }
    return worker::NoData{job.job};
  }

  void turn_ended() override { reader_->end(); }

 private:
  void raise_alarm(const Key& key) {
    if (alarms_.size() > LmdbStorage::kAlarms || !alarms_.insert(key).second) return;
    if (alarms_.size() <= LmdbStorage::kAlarms) {
      spdlog::warn(
          "{}: the record of key {} is rotten and counts as no data; check the disk, and "
          "put or fetch the value again",
          name_, to_hex(key.view()));
    } else {
      spdlog::warn("{}: more than {} records are rotten; further ones are not named", name_,
                   LmdbStorage::kAlarms);
    }
  }

  std::unique_ptr<LmdbReader> reader_;
  std::string name_;
  std::set<Key> alarms_;
};

class StorageWriter : public Work {
 public:
  StorageWriter(std::shared_ptr<LmdbStore> store, std::string name)
      : store_(std::move(store)), name_(std::move(name)) {}

  About about() const override { return {WorkerRole::storage, worker::kKeeps, kMaxCredit, name_}; }

  std::optional<Answer> keep(const worker::Keep& job) override {
    return put_off(job.job, {job.key, job.value});
  }
  std::optional<Answer> remove(const worker::Remove& job) override {
    return put_off(job.job, {job.key, std::nullopt});
  }

  void turn_ended() override {
    const auto written = store_->write(changes_);
    if (!written && !failing_) spdlog::warn("{}: {}", name_, written.error().line());
    failing_ = !written;
    for (const JobId job : jobs_) {
      if (written) {
        answers_.push_back(worker::Done{job});
      } else {
        answers_.push_back(worker::Failed{job, written.error().line()});
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
  std::optional<Answer> put_off(JobId job, LmdbStore::Change change) {
    // One key of a wrong length must not fail the turn of all others.
    if (change.key.size() != store_->key_length()) {
      return worker::Failed{
          job, "keys of this store have " + std::to_string(store_->key_length()) + " bytes"};
    }
    jobs_.push_back(job);
    changes_.push_back(std::move(change));
    return std::nullopt;
  }

  std::shared_ptr<LmdbStore> store_;
  std::string name_;
  std::vector<JobId> jobs_;
  std::vector<LmdbStore::Change> changes_;
  std::vector<Answer> answers_;
  bool failing_ = false;
};

}  // namespace

Result<std::unique_ptr<Work>> LmdbStorage::reader(std::shared_ptr<LmdbStore> store,
                                                  std::string name) {
  auto reader = LmdbReader::open(std::move(store));
  if (!reader) return tl::unexpected(reader.error());
  return std::make_unique<StorageReader>(std::move(*reader), std::move(name));
}

std::unique_ptr<Work> LmdbStorage::writer(std::shared_ptr<LmdbStore> store, std::string name) {
  return std::make_unique<StorageWriter>(std::move(store), std::move(name));
}

}  // namespace quarry::workers
