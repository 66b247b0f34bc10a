// A storage over values on disk, whatever holds them: two workers of one name, which are one
// storage. The reading one may live on any loop, as far as its store answers soon. The writing one
// waits for the disk, so it belongs on a thread of its own.
//
// The jobs of a turn are written together, and none is `done` before all are on disk. Rotten bytes
// are "no data" and an alarm in the log, never an answer (N17).
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "actors/workers/work.hpp"
#include "msg/result.hpp"

namespace quarry::workers {

struct Look {
  enum class Answer {
    found,
    no_data,
    too_large,  // more than `room` bytes
    rotten,     // there is something, and it is not surely what was written
    failed,     // could not be read
  };
  Answer answer = Answer::no_data;
  Payload value;         // found; owns its bytes
  std::size_t size = 0;  // found, too_large
  std::string detail;    // failed, rotten: why, and what to do
};

class ReadsValues {
 public:
  virtual ~ReadsValues() = default;
  virtual Look look_up(const Key& key, std::size_t room) = 0;
  // Up to `most` keys above this one, in the order of bytes. Values are not looked at: one that is
  // listed may yet be rotten.
  // Whether values come by keep and in no other way.
  virtual bool by_keep_alone() const = 0;
  virtual Result<std::vector<report::StoredEntry>> list(const Prefix& after, std::size_t most) = 0;
  // The turn ends: what was read together has been.
  virtual void end() {}
};

struct Change {
  Key key;
  std::optional<Payload> value;  // none: remove the key, if it is there
  bool missing = false;          // said by write(): there was nothing to remove
};

class WritesValues {
 public:
  virtual ~WritesValues() = default;
  // On disk when it returns. After a failure some of the changes may have been made.
  virtual Result<> write(std::span<Change> changes) = 0;
  virtual std::uint8_t key_length() const = 0;
};

// Rotten records that are named in the log, once each; beyond these only that there are more.
inline constexpr std::size_t kAlarms = 64;

std::unique_ptr<Work> storage_reader(std::unique_ptr<ReadsValues> reader, std::string name);
std::unique_ptr<Work> storage_writer(std::shared_ptr<WritesValues> writer, std::string name);

}  // namespace quarry::workers
