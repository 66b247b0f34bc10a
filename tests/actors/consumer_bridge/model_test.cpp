// Random verifiers and a bridge that owes one verdict for each delivery.
#include "tests/actors/consumer_bridge/fixture.hpp"

TEST_CASE("N6 whatever verifiers do, each delivery gets exactly one verdict") {
  const std::uint64_t seed = GENERATE(range(1, 40));
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  const auto below = [&](std::uint64_t n) { return random() % n; };
  Bridge bridge;
  std::map<std::uint64_t, int> verdicts;
  std::vector<ToWorker<worker::Judge>> out;
  std::uint64_t deliveries = 0;
  std::uint64_t connections = 1;
  const auto look = [&] {
    for (const auto& verdict : bridge.verdicts()) ++verdicts[verdict.delivery.value];
    for (const auto& job : bridge.jobs()) out.push_back(job);
    bridge.effects.clear();
  };
  const auto some_job = [&] {
    return out.empty() ? ToWorker<worker::Judge>{{1}, {}} : out[below(out.size())];
  };
  for (int step = 0; step < 400; ++step) {
    const auto job = some_job();
    switch (below(10)) {
      case 0:
        bridge.hello(++connections, 1 + static_cast<std::uint32_t>(below(4)), 1 + below(4));
        break;
      case 1:
        bridge.gone(1 + below(connections));
        break;
      case 2:
        bridge.abort(1 + below(deliveries + 1));
        break;
      case 3:
        bridge.fail(job.worker.value, job.item.job);
        break;
      case 4:
        bridge.after(std::chrono::milliseconds(below(20'000)));
        break;
      case 5:
        bridge.answer(1 + below(connections), job.item.job, Outcome::partial, {0, 9});
        break;
      case 6:
        bridge.answer(job.worker.value, job.item.job, Outcome::lost);
        break;
      case 7:
        bridge.answer(job.worker.value, job.item.job);
        break;
      default:
        bridge.judge(++deliveries);
    }
    look();
  }
  // In the end a good verifier comes.
  for (std::uint64_t worker = 1; worker <= connections; ++worker) bridge.gone(worker);
  look();
  out.clear();
  bridge.hello(connections + 1, 10, 99);
  for (look(); !out.empty(); look()) {
    const auto job = out.back();
    out.pop_back();
    bridge.answer(job.worker.value, job.item.job);
  }
  REQUIRE(verdicts.size() == deliveries);
  for (const auto& [delivery, count] : verdicts) REQUIRE(count == 1);
}
