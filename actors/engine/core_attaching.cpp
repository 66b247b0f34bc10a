// The Engine's core: another actor is there, anew, and is told again what concerns it.
#include "actors/engine/core.hpp"
#include "msg/take_back.hpp"

namespace quarry::engine {

void Core::selector_attached(Time now) {
  now_ = now;
  take_back<ToSelector>(effects_);
  if (++life_ == 0) ++life_;
  owed_ = {};
  const Held left = answers_.left();
  const Held held = answers_.held();
  effects_.push_back(ToSelector{link::Room{left.slots, left.bytes, held.slots, held.bytes}});
  retell_ = 0;
  walk();
}

void Core::consumer_attached(Time now) {
  now_ = now;
  take_back<ToConsumer>(effects_);
  consumer_ = true;
  std::vector<DeliveryId> out;
  for (const auto& [id, delivery] : deliveries_.all()) out.push_back(id);
  for (const DeliveryId id : out) {
    Delivery& delivery = *deliveries_.find(id);
    if (delivery.aborted) {  // nobody waits for it: not sought again
      abandoned_judged(delivery, Outcome::ignored);
    } else if (delivery.value.origin == Origin::put) {
      give_put(delivery);
    } else {
      deliver(fetches_.find(delivery.fetch), delivery, delivery.value.bytes);
    }
  }
  send_look_ups();
}

void Core::producer_attached(Time now) {
  now_ = now;
  take_back<ToProducer>(effects_);
  producer_ = true;
  std::vector<LookUpId> unwanted;
  for (const auto& [id, look_up] : look_ups_.out()) {
    const Slot slot = fetches_.find(look_up.fetch);
    if (slot == kNone) {
      unwanted.push_back(id);
    } else {
      effects_.push_back(ToProducer{link::LookUp{id, fetches_[slot].key, look_up.room}});
    }
  }
  for (const auto& [id, errand] : errands_.all()) {
    if (errand.kind == Errand::Kind::remove) {
      effects_.push_back(ToProducer{link::Remove{id, errand.key}});
    } else {
      effects_.push_back(ToProducer{link::Keep{id, errand.key, errand.value}});
    }
  }
  // Nobody is asked for these again, so nobody would ever answer them.
  for (const LookUpId id : unwanted) look_ups_.answered(id);
  send_look_ups();
}

void Core::workers_attached(const link::Attached& attached, Time now) {
  now_ = now;
  (attached.role == WorkerRole::verifier ? verifiers_ : storages_) = attached;
}

}  // namespace quarry::engine
