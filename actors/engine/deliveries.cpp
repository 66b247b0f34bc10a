#include "actors/engine/deliveries.hpp"

namespace quarry::engine {

Delivery& Deliveries::add(Delivery delivery) {
  const DeliveryId id = ids_.next();
  delivery.id = id;
  if (delivery.fetch) QUARRY_CHECK(by_fetch_.emplace(delivery.fetch, id).second);
  if (delivery.call) by_call_.emplace(delivery.call, id);
  return all_.emplace(id, std::move(delivery)).first->second;
}

Delivery& Deliveries::renew(DeliveryId id) { return add(take(id)); }

Delivery* Deliveries::find(DeliveryId id) {
  const auto at = all_.find(id);
  return at == all_.end() ? nullptr : &at->second;
}

Delivery* Deliveries::of(FetchId fetch) {
  const auto at = by_fetch_.find(fetch);
  return at == by_fetch_.end() ? nullptr : &all_.at(at->second);
}

const Delivery* Deliveries::of(FetchId fetch) const {
  const auto at = by_fetch_.find(fetch);
  return at == by_fetch_.end() ? nullptr : &all_.at(at->second);
}

Delivery* Deliveries::of(CallId call) {
  const auto at = by_call_.find(call);
  return at == by_call_.end() ? nullptr : &all_.at(at->second);
}

void Deliveries::part(Delivery& delivery) {
  if (delivery.fetch) by_fetch_.erase(delivery.fetch);
  if (delivery.call) by_call_.erase(delivery.call);
}

Delivery Deliveries::take(DeliveryId id) {
  const auto at = all_.find(id);
  QUARRY_CHECK(at != all_.end());
  Delivery delivery = std::move(at->second);
  all_.erase(at);
  // A parted fetch may be gone and its key fetched anew, but ids are never used again.
  part(delivery);
  return delivery;
}

}  // namespace quarry::engine
