// One DEALER to a peer, and what is about to be sent over it in this turn. What the pipe does not
// take is not kept: the requests in it are named, so that others can be asked at once (R9).
#pragma once

#include <vector>

#include "bus/socket.hpp"
#include "msg/peer.hpp"

namespace quarry::peer_selector {

class PeerLine {
 public:
  // Connects; the handshake goes on by itself. A name is taken for its IPv4 or its IPv6 address.
  static Result<std::unique_ptr<PeerLine>> open(bus::Context& context, const Network& network,
                                                const bus::Identity& identity, const PeerKey& peer,
                                                const std::string& endpoint, bool ipv6);

  bus::Socket& socket() { return socket_; }
  // Appends the requests that were not taken to `failed`.
  template <class Item>
  void add(const Item& item, std::vector<RequestId>& failed) {
    if (writer_.closed_for(0)) send(failed);
    writer_.add(item);
    if constexpr (std::is_same_v<Item, peer::Ask>) asks_.push_back(item.request);
  }
  void send(std::vector<RequestId>& failed);

 private:
  PeerLine(bus::Socket socket, std::string network)
      : socket_(std::move(socket)), network_(std::move(network)) {}

  bus::Socket socket_;
  std::string network_;
  Writer writer_;
  std::vector<RequestId> asks_;  // in the writer
};

}  // namespace quarry::peer_selector
