#include "tests/sim/checks.hpp"

#include "tests/sim/node.hpp"

namespace quarry::sim {

void Checks::fail(const std::string& why) const {
  world_.fail("n" + std::to_string(node_) + ": " + why);
}

// --- Engine and clients -------------------------------------------------------------------------

void Checks::subscribes(engine::ClientId client, const control::Fetch& ask) {
  ++world_.fetches;
  // Asked again, it may be known still or have ended in this turn.
  const Triple triple{client, ask.tag, ask.key};
  if (!owed_.insert(triple).second) asked_again_.insert(triple);
}

void Checks::ended(engine::ClientId client, const Tag& tag, const Key& key) {
  const Triple triple{client, tag, key};
  if (owed_.erase(triple) == 1 || asked_again_.erase(triple) == 1) return;
  fail("R24: a second terminal event of " + std::string(text_of(tag.view())) + " for key " +
       to_hex(key.view()));
}

void Checks::call_ended(engine::ClientId client, CallId call) {
  must(calls_.erase({client, call}) == 1, "a command is answered twice");
}

std::uint64_t Checks::seen(const Key& key, const Payload& value) const {
  return SaltedHash{SaltedHash{1}(key)}(value.view());
}

void Checks::client_is_told(engine::ClientId client, const control::FromNode& item) {
  if (const auto* resolved = std::get_if<control::Resolved>(&item)) {
    ended(client, resolved->tag, resolved->key);
    must(accepted_.contains(seen(resolved->key, resolved->value)),
         "R25: a value is delivered that no verifier has accepted");
  } else if (const auto* its = std::get_if<control::Ended>(&item)) {
    ended(client, its->tag, its->key);
  } else if (const auto* refused = std::get_if<control::FetchRefused>(&item)) {
    ended(client, refused->tag, refused->key);
  } else if (const auto* done = std::get_if<report::Done>(&item)) {
    call_ended(client, done->call);
  } else if (const auto* failed = std::get_if<report::Failed>(&item)) {
    call_ended(client, failed->call);
  }
}

void Checks::client_left(engine::ClientId client) {
  const auto its_own = [&](const Triple& its) { return std::get<0>(its) == client; };
  std::erase_if(owed_, its_own);
  std::erase_if(asked_again_, its_own);
  std::erase_if(calls_, [&](const auto& its) { return its.first == client; });
}

void Checks::node_stopped() const {
  must(owed_.empty(), "R39: a subscription has not been told that the node stops");
  must(calls_.empty(), "R39: a command has not been told that the node stops");
}

void Checks::node_killed() {
  engine_died();
  selector_died();
  deliveries_.clear();
  look_ups_.clear();
}

// What it has told other actors stands there until they have met the next.
void Checks::engine_died() {
  owed_.clear();
  asked_again_.clear();
  calls_.clear();
}

void Checks::selector_died() {
  wants_.clear();
  wanted_.clear();
  blocked_.clear();
  answers_.clear();
}

// --- Selector, Engine, peers --------------------------------------------------------------------

void Checks::selector_made(const std::vector<report::PeerEntry>& peers, std::uint64_t number) {
  requests_.clear();
  peers_number_ = 0;
  peers_came({CallId{}, number, peers});
}

void Checks::peers_came(const report::PeerSet& set) {
  if (set.number <= peers_number_) return;
  peers_number_ = set.number;
  peers_.clear();
  for (const report::PeerEntry& entry : set.peers) peers_[entry.peer] = entry.role;
}

void Checks::selector_is_told(const link::EngineToSelector& item) {
  const auto targets_of = [](const std::vector<PeerKey>& list) {
    return std::set<PeerKey>(list.begin(), list.end());
  };
  const auto over = [&](FetchId fetch) {
    const auto at = wants_.find(fetch);
    if (at == wants_.end()) return;
    over_[fetch] = {at->second.key, world_.events.now()};
    wanted_.erase(at->second.key);
    wants_.erase(at);
  };
  if (std::holds_alternative<link::Hello>(item)) {
    wants_.clear();
    wanted_.clear();
    answers_.clear();
  } else if (const auto* want = std::get_if<link::Want>(&item)) {
    if (wants_.contains(want->fetch)) return;  // said again with another class
    must(wanted_.emplace(want->key, want->fetch).second, "R1: two fetches of one key");
    wants_[want->fetch] = {want->key, !want->targets.empty(), targets_of(want->targets), false};
  } else if (const auto* added = std::get_if<link::AddTargets>(&item)) {
    const auto at = wants_.find(added->fetch);
    if (at != wants_.end()) at->second.targets.merge(targets_of(added->targets));
  } else if (const auto* cleared = std::get_if<link::ClearTargets>(&item)) {
    const auto at = wants_.find(cleared->fetch);
    if (at != wants_.end()) at->second.restricted = false;
  } else if (const auto* end = std::get_if<link::End>(&item)) {
    over(end->fetch);
  } else if (const auto* its = std::get_if<link::Judged>(&item)) {
    judged(*its);
    const auto at = wants_.find(its->fetch);
    if (at != wants_.end()) at->second.judging = false;
    if (!its->again) over(its->fetch);
  } else if (const auto* set = std::get_if<report::PeerSet>(&item)) {
    peers_came(*set);
  } else if (const auto* add = std::get_if<report::PeerAdd>(&item)) {
    peers_[add->peer.peer] = add->peer.role;
  } else if (const auto* removed = std::get_if<report::PeerRemove>(&item)) {
    peers_.erase(removed->peer);
  } else if (const auto* block = std::get_if<report::PeerBlock>(&item)) {
    accused_.insert(block->peer);
  }
}

// Who is judged is judged as the ConsumerBridge said of these very bytes. (Partial, and all are
// named: that is complete.)
void Checks::judged(const link::Judged& its) {
  const auto at = answers_.find(its.request);
  must(at != answers_.end(), "an answer is judged twice, or was never given");
  const bool scored = its.outcome == Outcome::complete || its.outcome == Outcome::partial ||
                      its.outcome == Outcome::unresolved || its.outcome == Outcome::invalid;
  const auto passed = [&](Outcome outcome) { return passed_.contains({at->second, outcome}); };
  const bool partial = its.outcome == Outcome::complete && passed(Outcome::partial);
  must(!scored || partial || passed(its.outcome), "N6: a peer is judged as no verifier has judged");
  answers_.erase(at);
}

void Checks::selector_says(const link::SelectorToEngine& item) {
  const auto* answer = std::get_if<link::Answer>(&item);
  if (answer == nullptr) return;
  const auto gives = [&](const Key& key) {
    answers_[answer->request] = {answer->peer, seen(key, answer->value)};
  };
  const auto at = wants_.find(answer->fetch);
  if (at == wants_.end()) {
    const auto over = over_.find(answer->fetch);
    const bool in_this_turn = over != over_.end() && over->second.second == world_.events.now();
    must(in_this_turn, "R22: an answer for a fetch that is over");
    return gives(over->second.first);
  }
  must(!std::exchange(at->second.judging, true), "R31: a second answer of a fetch is judged");
  must(requests_.contains(answer->request), "R6: an answer to what was not asked");
  gives(at->second.key);
}

void Checks::selector_admits(const link::Admission& admission) {
  if (!admission.blocked) return void(blocked_.erase(admission.peer));
  if (!blocked_.insert(admission.peer).second) return;
  must(accused_.contains(admission.peer), "N6: a peer is blocked that nobody has accused");
}

void Checks::asks(int server, const peer::Ask& ask) {
  if (server < 0) return;
  const PeerKey peer = peer_key(server);
  must(requests_.insert(ask.request).second, "R12: a request id is used again");
  must(server != node_, "R34: it asks itself");
  const auto role = peers_.find(peer);
  must(role != peers_.end(), "R32: it asks a peer outside the set");
  must(role->second != PeerRole::serve_only, "R32: it asks a peer that is only served");
  must(!blocked_.contains(peer), "R34: it asks a blocked peer");
  const Want* want = wanted(ask.key);
  must(want != nullptr, "R22: it asks for a key that nobody wants");
  must(!want->judging, "R31: it asks while a value is judged");
  must(!want->restricted || want->targets.contains(peer), "R13: it asks who is no target");
}

const Checks::Want* Checks::wanted(const Key& key) const {
  const auto at = wanted_.find(key);
  return at == wanted_.end() ? nullptr : &wants_.at(at->second);
}

// --- Bridges ------------------------------------------------------------------------------------

void Checks::consumer_is_told(const link::EngineToConsumer& item) {
  if (std::holds_alternative<link::Hello>(item)) deliveries_.clear();
  if (const auto* judge = std::get_if<link::Judge>(&item)) {
    const Given given{judge->peer, seen(judge->key, judge->value)};
    must(deliveries_.emplace(judge->delivery, given).second, "R12: a delivery is given twice");
  }
}

void Checks::consumer_says(const link::Verdict& verdict) {
  const auto at = deliveries_.find(verdict.delivery);
  must(at != deliveries_.end(), "a delivery gets a second verdict");
  const auto said = std::pair(at->second, verdict.outcome);
  must(verdict.outcome == Outcome::lost || said_.contains(said),
       "N6: a verdict is passed on that no verifier has given");
  passed_.insert(said);
  if (verdict.outcome == Outcome::invalid) accused_.insert(at->second.first);
  deliveries_.erase(at);
}

void Checks::verifier_says(const worker::Judge& job, const worker::Verdict& verdict) {
  if (verdict.outcome == Outcome::complete || verdict.outcome == Outcome::partial) {
    accepted_.insert(seen(job.key, job.value));
  }
  said_.insert({{job.peer, seen(job.key, job.value)}, verdict.outcome});
}

void Checks::producer_made() {
  look_ups_.clear();
  served_.clear();
}

void Checks::producer_is_told(const link::EngineToProducer& item) {
  if (std::holds_alternative<link::Hello>(item)) look_ups_.clear();
  if (const auto* look_up = std::get_if<link::LookUp>(&item)) {
    must(look_ups_.insert(look_up->look_up).second, "R12: a look-up is given twice");
  }
}

void Checks::answered(LookUpId look_up) {
  must(look_ups_.erase(look_up) == 1, "a look-up is answered twice");
}

void Checks::producer_is_told(const link::SelectorToProducer& item) {
  if (std::holds_alternative<link::Hello>(item)) served_.clear();
  if (const auto* its = std::get_if<link::Admission>(&item)) {
    if (its->admitted && !its->blocked) {
      served_.insert(its->peer);
    } else {
      served_.erase(its->peer);
    }
  }
}

void Checks::serves(int asker) const {
  must(served_.contains(peer_key(asker)), "R34: it serves a peer that is blocked or not admitted");
}

// --- In the end ---------------------------------------------------------------------------------

bool Checks::answerable(const Key& key, const Want* want) const {
  for (const auto& node : world_.nodes) {
    if (node->number == node_ || !peers_.contains(node->key) || node->lies()) continue;
    if (want != nullptr && want->restricted && !want->targets.contains(node->key)) continue;
    const auto kept = node->store.find(Truth::number(key));
    if (kept != node->store.end() && world_.truth.is_right(key, kept->second)) return true;
  }
  return false;
}

std::string Checks::unanswered() const {
  // Who lies is blocked everywhere, and nobody answers it.
  if (world_.nodes[static_cast<std::size_t>(node_)]->lies()) return "";
  for (const auto& [client, tag, key] : owed_) {
    if (!answerable(key, wanted(key))) continue;
    return "R4: key " + to_hex(key.view()) + " is not fetched, and somebody has it";
  }
  return "";
}

std::string Checks::left() const {
  if (!owed_.empty()) return "R24: a subscription has no terminal event";
  if (!calls_.empty()) return "a command is not answered";
  if (!wants_.empty()) return "R17: the selector still pursues a fetch";
  if (!deliveries_.empty()) return "a delivery has no verdict";
  if (!look_ups_.empty()) return "a look-up is not answered";
  Node& node = *world_.nodes[static_cast<std::size_t>(node_)];
  if (node.engine.core().fetches() != 0) return "R20: a fetch is left after clear";
  std::map<std::string, std::uint64_t> counters;
  node.selector.core().described({CallId{1}, {}}, world_.events.now());
  for (const auto& effect : node.selector.core().take_effects()) {
    const auto* to = std::get_if<peer_selector::ToEngine>(&effect);
    const auto* counter = to == nullptr ? nullptr : std::get_if<report::Counter>(&to->item);
    if (counter != nullptr) counters[counter->name] = counter->value;
  }
  const engine::Config& granted = world_.settings.engine;
  if (counters["requests_out"] != 0) return "a request is left after clear";
  if (counters["room_slots"] != granted.answer_slots) return "N8: slots of room are lost";
  if (counters["room_bytes"] != granted.answer_bytes) return "N8: bytes of room are lost";
  return "";
}

}  // namespace quarry::sim
