#include "actors/workers/worker_actor.hpp"

#include <spdlog/spdlog.h>

#include "bus/clock.hpp"

namespace quarry::workers {

Result<std::unique_ptr<bus::Actor>> WorkerActor::open(bus::Loop& loop, bus::Context& context,
                                                      const Network& network,
                                                      std::string door_address,
                                                      std::unique_ptr<Work> work,
                                                      std::string agent) {
  bus::Socket::Options options;
  options.kind = bus::Socket::Kind::dealer;
  options.max_frame = std::max(limits::kMaxEnvelope, limits::max_payload(network));
  options.linger_ms = 200;  // for the good-bye; a door that is not there is not waited for
  auto socket = bus::Socket::open(context, options);
  if (!socket) return tl::unexpected(socket.error());
  if (auto connected = socket->connect(door_address); !connected) {
    return tl::unexpected(connected.error());
  }
  const Work::About about = work->about();
  worker::Hello hello{about.role, {bus::random_u64() | 1}, about.credit, about.abilities,
                      about.name, std::move(agent),        about.keys};
  const Time now = bus::now();
  std::unique_ptr<bus::Actor> actor(new WorkerActor(loop, std::move(*socket), network,
                                                    std::move(door_address), std::move(work),
                                                    std::move(hello), now));
  // It waits at the door from now on, also where nobody has opened that yet.
  actor->elapsed(now);
  actor->flush(now);
  return actor;
}

WorkerActor::WorkerActor(bus::Loop& loop, bus::Socket socket, const Network& network,
                         std::string door_address, std::unique_ptr<Work> work, worker::Hello hello,
                         Time now)
    : loop_(loop),
      socket_(std::move(socket)),
      decoder_(network),
      outbox_(network.name),
      door_(std::move(door_address)),
      work_(std::move(work)),
      about_(work_->about()),
      session_(std::move(hello), network.key_length, now) {
  loop_.watch(socket_, *this);
  // A callback alone wakes no actor: an answer that is ready makes this one's deadline pass.
  if (const int ready = work_->ready_descriptor(); ready >= 0) {
    loop_.watch(ready, [this] { retry_at_ = Time{}; });
  }
}

WorkerActor::~WorkerActor() {
  if (const int ready = work_->ready_descriptor(); ready >= 0) loop_.forget(ready);
}

void WorkerActor::received(bus::Socket&, bus::Message message, Time now) {
  session_.heard(now);
  items_.clear();
  const auto unfit = decoder_.read(message.envelope.view(), std::move(message.payload), items_);
  const auto before =
      std::exchange(last_unfit_, unfit ? std::optional(unfit->reason) : std::nullopt);
  if (unfit) {
    if (before == last_unfit_) return;
    spdlog::warn("{}: {} sent what does not fit ({}): {}", about_.name, door_,
                 quarry::name(unfit->reason), unfit->detail);
    return;
  }
  for (auto& item : items_) std::visit([&](auto& said) { on(said, now); }, item);
}

void WorkerActor::on(worker::Refused& refused, Time now) {
  jobs_.clear();
  session_.refused_received(refused, now);
}

template <class Taken>
void WorkerActor::take(Taken job) {
  if (jobs_.size() < about_.credit) {
    jobs_.emplace_back(std::move(job));
  } else {
    outbox_.add(worker::Failed{job.job, "more jobs than this worker's credit"});
  }
}

void WorkerActor::elapsed(Time now) {
  retry_at_ = kNever;
  session_.time_passed(now);
}

void WorkerActor::flush(Time now) {
  work_a_turn();
  for (auto& effect : session_.take_effects()) {
    std::visit([&](auto& said) { carry_out(said); }, effect);
  }
  full_ = outbox_.flush(socket_) == bus::Socket::Sent::full;
  retry_at_ = full_ ? now + bus::kRetryFull : kNever;
}

void WorkerActor::work_a_turn() {
  std::size_t jobs = 0;
  std::size_t bytes = 0;
  for (; !jobs_.empty() && jobs < kTurnJobs && bytes < kTurnBytes; ++jobs) {
    const Job job = std::move(jobs_.front());
    jobs_.pop_front();
    const auto answered = std::visit(
        [&](const auto& said) -> std::optional<Work::Answer> {
          using Said = std::decay_t<decltype(said)>;
          if constexpr (requires { said.value; }) bytes += said.value.size();
          if constexpr (std::is_same_v<Said, worker::Judge>) return work_->judge(said);
          if constexpr (std::is_same_v<Said, worker::LookUp>) return work_->look_up(said);
          if constexpr (std::is_same_v<Said, worker::Keep>) return work_->keep(said);
          if constexpr (std::is_same_v<Said, worker::Remove>) return work_->remove(said);
          if constexpr (std::is_same_v<Said, worker::List>) return work_->list(said);
        },
        job);
    if (!answered) continue;
    if (const auto* found = std::get_if<worker::Found>(&*answered)) bytes += found->value.size();
    answer(*answered);
  }
  if (jobs > 0) work_->turn_ended();
  work_->take_answers(answers_);
  for (const Work::Answer& late : answers_) answer(late);
  answers_.clear();
}

void WorkerActor::answer(const Work::Answer& answer) {
  std::visit([&](const auto& said) { outbox_.add(said); }, answer);
}

// A hello is worth nothing behind others that the door has not taken yet.
void WorkerActor::carry_out(const worker::Hello& hello) {
  if (!full_) outbox_.add(hello);
}

void WorkerActor::carry_out(const Notice& notice) {
  spdlog::log(notice.warning ? spdlog::level::warn : spdlog::level::info, "{} at {}: {}",
              about_.name, door_, notice.text);
}

Time WorkerActor::next_deadline() const {
  if (!jobs_.empty()) return Time{};  // at once: the rest of the queue
  return std::min(session_.next_deadline(), retry_at_);
}

void WorkerActor::stop(Time) {
  stopping_ = true;
  jobs_.clear();
  session_.stopped();
}

}  // namespace quarry::workers
