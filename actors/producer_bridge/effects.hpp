// What the ProducerBridge's core asks its shell to do. Items for the Engine stand by themselves.
#pragma once

#include <variant>
#include <vector>

#include "actors/workers/attached.hpp"
#include "msg/link.hpp"
#include "msg/peer.hpp"
#include "msg/worker.hpp"

namespace quarry::producer_bridge {

using workers::WorkerId;

// One connection of a peer to the network door: its routing id, as the shell got it.
using Route = ShortBytes<15>;

template <class Item>
struct ToPeer {
  Route route;
  Item item;
  friend bool operator==(const ToPeer&, const ToPeer&) = default;
};
// What waits to be sent on this connection is dropped.
struct DropReplies {
  Route route;
  friend bool operator==(const DropReplies&, const DropReplies&) = default;
};
// Who may connect, and who no longer.
struct Admit {
  PeerKey peer;
  friend bool operator==(const Admit&, const Admit&) = default;
};
struct Expel {
  PeerKey peer;
  friend bool operator==(const Expel&, const Expel&) = default;
};
template <class Item>
struct ToWorker {
  WorkerId worker;
  Item item;
  friend bool operator==(const ToWorker&, const ToWorker&) = default;
};
// Nothing more is said to this worker's connection.
struct Forget {
  WorkerId worker;
  friend bool operator==(const Forget&, const Forget&) = default;
};
struct ToSelector {
  report::Done item;
  friend bool operator==(const ToSelector&, const ToSelector&) = default;
};

using Effect =
    std::variant<ToPeer<peer::Hello>, ToPeer<peer::Pong>, ToPeer<peer::Value>, ToPeer<peer::NoData>,
                 ToPeer<peer::Overloaded>, ToPeer<peer::TooLarge>, ToPeer<peer::Refused>,
                 ToPeer<peer::Have>, ToPeer<peer::Forgotten>, DropReplies, Admit, Expel,
                 ToWorker<worker::LookUp>, ToWorker<worker::Keep>, ToWorker<worker::Remove>,
                 ToWorker<worker::List>, workers::Welcome, workers::Ping, workers::Refuse, Forget,
                 link::Found, link::NoData, link::TooLarge, link::Attached, report::WorkerInfo,
                 report::Counter, report::Done, report::Failed, report::Stored, ToSelector>;
using Effects = std::vector<Effect>;

}  // namespace quarry::producer_bridge
