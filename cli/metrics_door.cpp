#include "cli/metrics_door.hpp"

#include <prometheus/collectable.h>
#include <prometheus/exposer.h>
#include <spdlog/spdlog.h>

#include <mutex>

#include "bus/clock.hpp"
#include "cli/embedded_node.hpp"
#include "cli/metrics.hpp"

namespace quarry::cli {
namespace {

class Collector : public prometheus::Collectable {
 public:
  explicit Collector(bus::Context& context) : context_(context) {}

  std::vector<prometheus::MetricFamily> Collect() const override {
    const std::scoped_lock lock(mutex_);
    if (const Time now = bus::now(); now >= fresh_until_) {
      families_ = ask();
      fresh_until_ = bus::now() + MetricsDoor::kFreshFor;
    }
    return families_;
  }

 private:
  std::vector<prometheus::MetricFamily> ask() const {
    auto client = Client::connect(context_, EmbeddedNode::control_endpoint(), {});
    const auto snapshot = client ? take_snapshot(**client) : tl::unexpected(client.error());
    if (snapshot) return metrics_of(*snapshot);
    spdlog::warn("metrics: the node does not answer: {}", snapshot.error().line());
    return {};
  }

  bus::Context& context_;
  mutable std::mutex mutex_;
  mutable Time fresh_until_{};
  mutable std::vector<prometheus::MetricFamily> families_;
};

}  // namespace

struct MetricsDoor::State {
  State(const std::string& address, bus::Context& context)
      : collector(std::make_shared<Collector>(context)), exposer(address) {
    exposer.RegisterCollectable(collector);
  }
  std::shared_ptr<Collector> collector;
  prometheus::Exposer exposer;
};

// The library throws: caught here, at its edge.
Result<std::unique_ptr<MetricsDoor>> MetricsDoor::open(const std::string& address,
                                                       bus::Context& context) {
  try {
    auto state = std::make_unique<State>(address, context);
    spdlog::info("metrics: at http://{}/metrics", address);
    return std::unique_ptr<MetricsDoor>(new MetricsDoor(std::move(state)));
  } catch (const std::exception& why) {
    return error(
        Error::Kind::busy, "cannot tell metrics at " + address,
        "name another address with --metrics: is this one in use, or not of this machine?");
  }
}

MetricsDoor::MetricsDoor(std::unique_ptr<State> state) : state_(std::move(state)) {}
MetricsDoor::~MetricsDoor() = default;

}  // namespace quarry::cli
