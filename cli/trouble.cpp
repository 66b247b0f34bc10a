#include "cli/trouble.hpp"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <sstream>

#include "cli/values.hpp"

namespace quarry::cli {
namespace {

constexpr std::chrono::minutes kLongestDelay{1};

Result<> check_names(Testnet& net, const std::vector<std::string>& names,
                     const std::vector<Testnet::Worker>& workers) {
  for (const std::string& name : names) {
    const auto is = [&](const Testnet::Worker& worker) { return worker.name == name; };
    if (net.find(name) == nullptr && std::none_of(workers.begin(), workers.end(), is)) {
      return error(Error::Kind::usage, "there is no node '" + name + "' in this testnet",
                   "they are called node1 to node" + std::to_string(net.nodes().size()));
    }
  }
  return {};
}

Result<> to_node(Testnet& net, Trouble::Kind kind, Testnet::Node& node) {
  switch (kind) {
    case Trouble::Kind::kill:
      return net.stop(node, true);
    case Trouble::Kind::pause:
      return net.signal(node, SIGSTOP);
    case Trouble::Kind::resume:
      return net.signal(node, SIGCONT);
    case Trouble::Kind::restart:
      if (auto stopped = net.stop(node, false); !stopped) return stopped;
      return net.start(node);
    default:
      return net.start(node);
  }
}

Result<> to_worker(Testnet& net, Trouble::Kind kind, const Testnet::Worker& worker) {
  if (kind == Trouble::Kind::kill) return net.stop(worker, true);
  if (kind == Trouble::Kind::pause || kind == Trouble::Kind::resume) {
    return error(Error::Kind::usage, "a worker is not paused", "kill, start or restart it");
  }
  if (kind == Trouble::Kind::restart) {
    if (auto stopped = net.stop(worker, false); !stopped) return stopped;
  }
  return net.start(worker);
}

Result<> to_processes(Testnet& net, const Trouble& trouble,
                      const std::vector<Testnet::Worker>& workers) {
  for (const std::string& name : trouble.nodes) {
    Result<> done;
    if (auto* node = net.find(name)) {
      done = to_node(net, trouble.kind, *node);
    } else {
      const auto worker = std::find_if(workers.begin(), workers.end(),
                                       [&](const auto& one) { return one.name == name; });
      done = to_worker(net, trouble.kind, *worker);
    }
    if (!done) return done;
  }
  return {};
}

void to_link(const Trouble& trouble, Link& link) {
  const auto among = [](const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  const bool touches = among(trouble.nodes, link.from) || among(trouble.nodes, link.to);
  switch (trouble.kind) {
    case Trouble::Kind::partition:
      link.cut |= (among(trouble.nodes, link.from) && among(trouble.others, link.to)) ||
                  (among(trouble.others, link.from) && among(trouble.nodes, link.to));
      break;
    case Trouble::Kind::slow:
      if (touches) link.delay = trouble.delay;
      break;
    case Trouble::Kind::loss:
      if (touches) link.loss_percent = trouble.percent;
      break;
    default:
      link.cut = false;
      link.delay = {};
      link.loss_percent = 0;
  }
}

std::string with_commas(const std::vector<std::string>& names) {
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "" : ",") + name;
  return all;
}

}  // namespace

std::string Trouble::text() const {
  std::string text(kTroubles.at(static_cast<std::size_t>(kind)));
  if (!nodes.empty()) text += " " + with_commas(nodes);
  if (!others.empty()) text += " " + with_commas(others);
  if (kind == Kind::slow) text += " " + std::to_string(delay.count()) + "ms";
  if (kind == Kind::loss) text += " " + std::to_string(percent) + "%";
  if (kind == Kind::scale) text += " " + std::to_string(count);
  return text;
}

Result<std::chrono::milliseconds> parse_delay(const std::string& text) {
  auto delay = parse_duration(text);
  if (!delay || *delay <= kLongestDelay) return delay;
  return error(Error::Kind::usage, text + " is too long a delay", "use at most 1m");
}

Result<unsigned> parse_loss(const std::string& text) {
  unsigned percent = 0;
  const char* end = text.data() + text.size();
  const auto [at, wrong] = std::from_chars(text.data(), end, percent);
  if (wrong == std::errc() && std::string_view(at, end) == "%" && percent <= 100) return percent;
  return error(Error::Kind::usage, "'" + text + "' is no loss", "write it like 5%");
}

std::vector<std::string> split_names(const std::string& names) {
  std::vector<std::string> all;
  std::istringstream words(names);
  for (std::string name; std::getline(words, name, ',');) all.push_back(name);
  return all;
}

Result<> cause(Testnet& net, const Trouble& trouble, const std::vector<Testnet::Worker>& workers) {
  using Kind = Trouble::Kind;
  const bool processes = trouble.kind <= Kind::restart;
  for (const auto& names : {trouble.nodes, trouble.others}) {
    auto known = check_names(net, names, processes ? workers : std::vector<Testnet::Worker>{});
    if (!known) return known;
  }
  if (processes) return to_processes(net, trouble, workers);
  if (trouble.kind != Kind::scale) {
    return net.change_links([&](Link& link) { to_link(trouble, link); });
  }
  if (auto resized = net.resize(trouble.count); !resized) return resized;
  return net.start();
}

}  // namespace quarry::cli
