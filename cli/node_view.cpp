#include "cli/node_view.hpp"

#include <poll.h>
#include <sys/wait.h>

#include "bus/clock.hpp"
#include "cli/client.hpp"

namespace quarry::cli {
namespace {

constexpr int kLookEveryMs = 50;

Result<NodeView> look_at(Client& client) {
  NodeView view;
  view.answers = true;
  Client::Items items;
  if (auto done = client.call(control::Status{}, items); !done) {
    return tl::unexpected(done.error());
  }
  if (auto done = client.call(report::PeerList{}, items); !done) {
    return tl::unexpected(done.error());
  }
  for (const auto& item : items) {
    if (const auto* info = std::get_if<control::NodeInfo>(&item)) view.info = *info;
    if (std::holds_alternative<control::FetchInfo>(item)) ++view.fetches;
    if (const auto* peer = std::get_if<report::PeerInfo>(&item)) {
      view.peers.push_back(*peer);
      if (peer->state == PeerState::connected) ++view.connected;
    }
  }
  return view;
}

// Whether a node that was just started has ended already.
std::optional<Error> ended_early(const Testnet& net, const Testnet::Node& node) {
  int how = 0;
  if (node.started == 0 || ::waitpid(node.started, &how, WNOHANG) != node.started) {
    return std::nullopt;
  }
  if (net.in_containers() && how == 0) return std::nullopt;  // what started its container
  const std::string why = last_words(node.home);
  return Error{Error::Kind::unavailable, node.name + " has ended" + (why.empty() ? "" : ": " + why),
               "its log is " + node.home.log_file().string()};
}

}  // namespace

Result<NodeView> look_at(bus::Context& context, const Testnet::Node& node) {
  const auto pid = node.home.pid();
  if (!pid) return NodeView{};
  auto client = Client::connect(context, node.home, {});
  Result<NodeView> view;
  if (client) view = look_at(**client);
  if (!view) return view;
  view->running = true;  // but paused, or about to end, where it does not answer
  view->pid = *pid;
  return view;
}

// Until the node answers, and is connected to so many others.
Result<NodeView> wait_ready(bus::Context& context, const Testnet& net, const Testnet::Node& node,
                            std::size_t others, Time until) {
  std::unique_ptr<Client> client;
  for (;; ::poll(nullptr, 0, kLookEveryMs)) {
    if (auto ended = ended_early(net, node)) return tl::unexpected(*ended);
    if (!client) {
      auto connected = Client::connect(context, node.home, {});
      if (connected) client = std::move(*connected);
    }
    if (client) {
      auto view = look_at(*client);
      if (view && view->connected >= others) {
        view->running = true;
        view->pid = node.home.pid().value_or(0);
        return view;
      }
      if (!view) client.reset();
    }
    if (bus::now() >= until) {
      return error(Error::Kind::unavailable,
                   node.name + (client ? " does not reach the others" : " does not become ready"),
                   "its log is " + node.home.log_file().string());
    }
  }
}

}  // namespace quarry::cli
