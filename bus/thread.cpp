#include "bus/thread.hpp"

#include <pthread.h>

#include <csignal>
#include <mutex>

namespace quarry::bus {
namespace {

// Actors end in the reverse of their order, each on the thread where it lived.
struct Actors {
  std::vector<std::unique_ptr<Actor>> list;
  Actors() = default;
  Actors(const Actors&) = delete;
  Actors& operator=(const Actors&) = delete;
  ~Actors() {
    while (!list.empty()) list.pop_back();
  }
};

}  // namespace

struct Thread::State {
  std::string name;
  Loop loop;
  std::thread thread;
  std::atomic<bool> asked_to_stop = false;
  mutable std::mutex mutex;
  std::string reason;  // guarded by mutex

  void body(const std::vector<Make>& makers, std::promise<Result<>>& made,
            const std::function<void(std::string)>& ended);
  Result<> make_and_run(const std::vector<Make>& makers, std::promise<Result<>>& made);
  Result<> make(const std::vector<Make>& makers, Actors& actors);
};

Result<> Thread::State::make(const std::vector<Make>& makers, Actors& actors) {
  for (const Make& maker : makers) {
    auto actor = maker(loop);
    if (!actor) return tl::unexpected(actor.error());
    actors.list.push_back(std::move(*actor));
    loop.add(*actors.list.back());
  }
  return {};
}

// An error when the loop ended though nobody asked.
Result<> Thread::State::make_and_run(const std::vector<Make>& makers,
                                     std::promise<Result<>>& made) {
  Actors actors;
  const Result<> all = make(makers, actors);
  if (!all) {
    while (!actors.list.empty()) actors.list.pop_back();
    made.set_value(all);
    return {};
  }
  made.set_value({});
  loop.run();
  if (asked_to_stop) return {};
  return error(Error::Kind::internal, "the ZeroMQ context ended");
}

void Thread::State::body(const std::vector<Make>& makers, std::promise<Result<>>& made,
                         const std::function<void(std::string)>& ended) {
  pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
  std::string why;
  try {
    if (const auto ran = make_and_run(makers, made); !ran) why = ran.error().what;
  } catch (const std::exception& thrown) {
    why = thrown.what();
  } catch (...) {
    why = "something unknown was thrown";
  }
  if (why.empty()) return;
  why = name + ": " + (loop.thrower().empty() ? "" : loop.thrower() + " threw: ") + why;
  try {
    made.set_value(error(Error::Kind::internal, why));  // thrown while the actors were made
    return;
  } catch (const std::future_error&) {  // they were made long ago
  }
  {
    const std::scoped_lock lock(mutex);
    reason = why;
  }
  if (ended) ended(why);
}

Result<std::unique_ptr<Thread>> Thread::start(std::string name, std::vector<Make> actors,
                                              std::function<void(std::string)> ended) {
  std::unique_ptr<Thread> thread(new Thread);
  thread->state_ = std::make_unique<State>();
  State& state = *thread->state_;
  state.name = std::move(name);
  std::promise<Result<>> made;
  auto all = made.get_future();
  // Signals are for the thread that reads them from a descriptor: this one is born deaf.
  sigset_t every, before;
  sigfillset(&every);
  pthread_sigmask(SIG_SETMASK, &every, &before);
  try {
    state.thread =
        std::thread([&state, makers = std::move(actors), promise = std::move(made),
                     told = std::move(ended)]() mutable { state.body(makers, promise, told); });
  } catch (const std::system_error& refused) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return error(Error::Kind::unavailable, "no thread for " + state.name + ": " + refused.what(),
                 "raise the limit of processes (ulimit -u)");
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (const Result<> result = all.get(); !result) return tl::unexpected(result.error());
  return thread;
}

Thread::~Thread() {
  stop();
  if (state_->thread.joinable()) state_->thread.join();
}

void Thread::stop() {
  state_->asked_to_stop = true;
  state_->loop.stop();
}

std::string Thread::reason() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->reason;
}

}  // namespace quarry::bus
