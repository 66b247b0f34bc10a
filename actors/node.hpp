// What all actors of one node know: who the node is, and at which addresses its parts meet.
// Everything else is the configuration of one actor, in that actor's own folder.
#pragma once

#include <string>
#include <vector>

#include "bus/identity.hpp"
#include "msg/types.hpp"

namespace quarry {

struct Node {
  Network network;
  bus::Identity identity;
  Instance instance;            // this life of the process
  std::string name;             // for people; may be empty
  std::string agent;            // "quarry/0.1.0"
  std::string listen;           // tcp endpoint of the network door; empty: the node only asks
  std::string advertised = {};  // where peers reach it, if not there

  // Links between the actors; the Engine binds the first three, the PeerSelector the last.
  std::string selector_link = "inproc://engine-selector";
  std::string consumer_link = "inproc://engine-consumer";
  std::string producer_link = "inproc://engine-producer";
  std::string admission_link = "inproc://selector-producer";
  // Doors, each bound at all of its addresses (inproc for built-in parts, ipc for processes).
  std::vector<std::string> control_door = {"inproc://control"};
  std::vector<std::string> verifier_door = {"inproc://verifiers"};
  std::vector<std::string> storage_door = {"inproc://storages"};
};

}  // namespace quarry
