// The bodies of link.hpp's templates.
#pragma once

#include "bus/link.hpp"

namespace quarry::bus {

// --- The bound end --------------------------------------------------------------------------

template <class In>
Result<BoundLink<In>> BoundLink<In>::open(Context& context, const std::string& endpoint,
                                          const Network& network) {
  auto socket = Socket::open(context, link_options(Socket::Kind::router, network));
  if (!socket) return tl::unexpected(socket.error());
  if (auto bound = socket->bind(endpoint); !bound) return tl::unexpected(bound.error());
  return BoundLink(std::move(*socket), network);
}

template <class In>
void BoundLink<In>::read(Message message, std::vector<In>& to) {
  const std::size_t before = to.size();
  if (const auto unfit = decoder_.read(message.envelope.view(), std::move(message.payload), to)) {
    ++dropped_;
    return report_unfit(socket_, *unfit);
  }
  const std::uint64_t epoch = decoder_.context();
  if (epoch == epoch_ && message.route == partner_) return;
  if (epoch != 0 && to.size() > before && std::holds_alternative<link::Hello>(to[before])) {
    partner_ = std::move(message.route);
    epoch_ = epoch;
    outbox_.clear();
    outbox_.set_context(epoch);
    outbox_.add(link::Hello{});
    return;
  }
  to.erase(to.begin() + static_cast<std::ptrdiff_t>(before), to.end());
  ++dropped_;
  greet(message.route, epoch);
}

// Tells a stranger that nobody knows it here.
template <class In>
void BoundLink<In>::greet(const Route& route, std::uint64_t epoch) {
  Outbox<link::Protocol> hello(epoch);
  hello.add(link::Hello{});
  hello.flush(socket_, route);
}

template <class In>
bool BoundLink<In>::flush() {
  if (epoch_ == 0) return false;
  const Socket::Sent sent = outbox_.flush(socket_, partner_);
  if (sent == Socket::Sent::gone) {
    epoch_ = 0;
    outbox_.clear();
  }
  return sent == Socket::Sent::full;
}

// --- The connecting end ---------------------------------------------------------------------

template <class In>
Result<ConnectedLink<In>> ConnectedLink<In>::open(Context& context, const std::string& endpoint,
                                                  const Network& network) {
  auto socket = Socket::open(context, link_options(Socket::Kind::dealer, network));
  if (!socket) return tl::unexpected(socket.error());
  if (auto done = socket->connect(endpoint); !done) return tl::unexpected(done.error());
  ConnectedLink link(std::move(*socket), network, new_epoch());
  if (endpoint.starts_with("ipc://")) link.probe_at_ = Time{};
  link.flush(now());
  return link;
}

template <class In>
ConnectedLink<In>::ConnectedLink(Socket socket, const Network& network, std::uint64_t epoch)
    : socket_(std::move(socket)), decoder_(network), epoch_(epoch), outbox_(epoch) {
  outbox_.add(link::Hello{});
}

template <class In>
void ConnectedLink<In>::read(Message message, std::vector<In>& to) {
  const std::size_t before = to.size();
  if (const auto unfit = decoder_.read(message.envelope.view(), std::move(message.payload), to)) {
    ++dropped_;
    return report_unfit(socket_, *unfit);
  }
  const bool ours = decoder_.context() == epoch_;
  const bool hello = to.size() > before && std::holds_alternative<link::Hello>(to[before]);
  if (ours && !(hello && greeted_)) {
    greeted_ = greeted_ || hello;
    return;
  }
  to.erase(to.begin() + static_cast<std::ptrdiff_t>(before), to.end());
  ++dropped_;
  if (!ours) return;
  epoch_ = new_epoch();
  greeted_ = false;
  outbox_.clear();
  outbox_.set_context(epoch_);
  outbox_.add(link::Hello{});
}

template <class In>
bool ConnectedLink<In>::flush(Time now) {
  if (!outbox_.empty() || now >= probe_at_) {
    if (outbox_.empty()) outbox_.add_nothing();
    if (probe_at_ != kNever) probe_at_ = now + kProbeLinkEvery;
  }
  return outbox_.flush(socket_) == Socket::Sent::full;
}

}  // namespace quarry::bus
