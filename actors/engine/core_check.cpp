// The Engine's core: what must hold after each event, computed anew.
#include "actors/engine/core.hpp"

namespace quarry::engine {
namespace {

void add(Held& to, const Value& value) {
  to.slots += 1;
  to.bytes += value.bytes.size();
}

}  // namespace

void Core::check_invariants() const {
  fetches_.check_invariants();
  subscriptions_.check_invariants();
  errands_.check_invariants();
  check_fetches();
  check_budgets();
  check_calls();
}

void Core::check_fetches() const {
  std::size_t targeted = 0, targets = 0, validating = 0;
  for (Slot slot = fetches_.oldest(); slot != kNone; slot = fetches_[slot].newer) {
    const Fetch& fetch = fetches_[slot];
    QUARRY_CHECK(fetch.state != FetchState::active);  // the selector's word
    QUARRY_CHECK(fetch.told <= life_);
    const bool selector_knows_all = life_ == 0 || retell_ != kNone || stopping_;
    QUARRY_CHECK(selector_knows_all || fetch.state != FetchState::pending || told(fetch));
    const auto its = targets_.find(fetch.id);
    QUARRY_CHECK(fetch.targeted == (its != targets_.end()));
    if (fetch.targeted) targets += its->second.size();
    targeted += fetch.targeted;

    const Delivery* delivery = deliveries_.of(fetch.id);
    QUARRY_CHECK((fetch.state == FetchState::validating) == (delivery != nullptr));
    validating += delivery != nullptr;
    for (Slot at = fetch.first; at != kNone; at = subscriptions_[at].after) {
      const std::uint16_t index = subscriptions_[at].delivered;
      if (index == kNotDelivered) continue;
      QUARRY_CHECK(delivery != nullptr && delivery->delivered.at(index) == at);
    }
  }
  QUARRY_CHECK(targeted == targets_.size() && targets == targets_in_all_);

  for (const auto& [id, delivery] : deliveries_.all()) {
    const bool put = delivery.value.origin == Origin::put;
    QUARRY_CHECK(delivery.id == id && put == !delivery.fetch);
    QUARRY_CHECK(!delivery.held || (!delivery.aborted && delivery.value.origin != Origin::answer));
    if (delivery.aborted || put) continue;
    --validating;
    const Slot slot = fetches_.find(delivery.fetch);
    QUARRY_CHECK(slot != kNone && fetches_[slot].key == delivery.key);
    for (std::size_t i = 0; i < delivery.delivered.size(); ++i) {
      const Slot at = delivery.delivered[i];
      if (at == kNone) continue;
      QUARRY_CHECK(subscriptions_[at].fetch == slot && subscriptions_[at].delivered == i);
    }
  }
  QUARRY_CHECK(validating == 0);
}

void Core::check_budgets() const {
  Held answers, look_ups, puts;
  for (const auto& [id, delivery] : deliveries_.all()) {
    const Origin origin = delivery.value.origin;
    add(origin == Origin::answer    ? answers
        : origin == Origin::look_up ? look_ups
                                    : puts,
        delivery.value);
    if (delivery.held) add(answers, *delivery.held);
  }
  for (const auto& [id, look_up] : look_ups_.out()) {
    look_ups.slots += 1;
    look_ups.bytes += look_up.room;
  }
  for (const auto& [id, errand] : errands_.all()) {
    if (errand.kind != Errand::Kind::put) continue;
    puts.slots += 1;
    puts.bytes += errand.value.size();
  }
  QUARRY_CHECK(answers == answers_.held());
  QUARRY_CHECK(look_ups == look_ups_.budget().held());
  QUARRY_CHECK(puts == puts_.held());
}

void Core::check_calls() const {
  std::unordered_map<ClientId, std::uint32_t> calls;
  for (const auto& [id, call] : calls_.all()) ++calls[call.client];
  std::size_t expiring = 0;
  bool busy = false;
  for (Slot slot = 0; slot < clients_.end(); ++slot) {
    const Client& client = clients_[slot];
    if (!client.id || client.leaving) continue;
    QUARRY_CHECK(clients_.find(client.id) == slot && client.calls == calls[client.id]);
    busy = busy || client.calls > 0 || client.subscriptions > 0;
  }
  QUARRY_CHECK(!busy || clients_.next_probe() <= now_ + limits::kProbeBusy);
  for (Slot slot = 0; slot < subscriptions_.end(); ++slot) {
    expiring += subscriptions_[slot].serial != 0 && subscriptions_[slot].expires;
  }
  QUARRY_CHECK(expiring == deadlines_.size());
}

}  // namespace quarry::engine
