#include "actors/peer_selector/peer_line.hpp"

#include "actors/peer_selector/limits.hpp"

namespace quarry::peer_selector {

Result<std::unique_ptr<PeerLine>> PeerLine::open(bus::Context& context, const Network& network,
                                                 const bus::Identity& identity, const PeerKey& peer,
                                                 const std::string& endpoint, bool ipv6) {
  bus::Socket::Options options;
  options.kind = bus::Socket::Kind::dealer;
  // Answers: the envelope of a full batch is smaller than the smallest bound of a payload.
  options.max_frame = quarry::limits::max_payload(network);
  options.send_hwm = limits::kPeerSendHwm;
  options.receive_hwm = limits::kPeerReceiveHwm;
  options.identity = &identity;
  options.server = peer;
  options.ipv6 = ipv6 || endpoint.find('[') != std::string::npos;
  auto socket = bus::Socket::open(context, options);
  if (!socket) return tl::unexpected(socket.error());
  if (auto connected = socket->connect(endpoint); !connected) {
    return tl::unexpected(connected.error());
  }
  return std::unique_ptr<PeerLine>(new PeerLine(std::move(*socket), network.name));
}

void PeerLine::send(std::vector<RequestId>& failed) {
  if (writer_.empty()) return;
  Encoded message = writer_.finish(peer::Protocol::kProtocol, peer::Protocol::kVersion, network_);
  if (socket_.send(message) != bus::Socket::Sent::yes) {
    failed.insert(failed.end(), asks_.begin(), asks_.end());
  }
  asks_.clear();
}

}  // namespace quarry::peer_selector
