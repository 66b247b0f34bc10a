#include "actors/peer_selector/requests.hpp"

#include <algorithm>

namespace quarry::peer_selector {

Request& Requests::make(FetchId fetch, Peer& peer, std::uint32_t room, Time now, Time due) {
  const RequestId id{next_id_};
  if (++next_id_ == 0) next_id_ = 1;
  Request& request = table_[id];
  request.id = id;
  request.fetch = fetch;
  request.peer = &peer;
  request.room = room;
  request.sent = now;
  request.due = due;
  due_.push(request);
  return request;
}

Request* Requests::find(RequestId id) {
  const auto it = table_.find(id);
  return it == table_.end() ? nullptr : &it->second;
}

std::size_t Requests::all_wait_since(const Request& request, Time before, std::uint64_t most) {
  // Ids count up by one.
  const std::uint64_t made = std::min(next_id_ - request.id.value - 1, most);
  std::size_t wait = 0;
  for (std::uint64_t i = 1; i <= made; ++i) {
    const Request* later = find(RequestId{request.id.value + i});
    const bool waits = later != nullptr && (later->state == Request::State::out ||
                                            later->state == Request::State::late);
    if (!waits) return 0;
    wait += later->sent < before;
  }
  return wait;
}

void Requests::answered(Request& request, Request::State to) {
  request.in_time = request.in_time || request.state == Request::State::out;
  if (request.state == Request::State::late) --late_;
  if (request.heap_at != kNotInHeap) due_.remove(request);
  request.state = to;
}

void Requests::moved(Request& request, Time due) {
  request.due = due;
  due_.moved(request);
}

void Requests::became_late(Request& request, Time until) {
  QUARRY_CHECK(request.state == Request::State::out);
  request.state = Request::State::late;
  request.due = until;
  due_.moved(request);
  ++late_;
}

void Requests::erase(Request& request) {
  if (request.state == Request::State::late) --late_;
  if (request.heap_at != kNotInHeap) due_.remove(request);
  table_.erase(RequestId(request.id));
}

void Requests::check_invariants() const {
  due_.check_invariants();
  std::size_t late = 0, timed = 0;
  for (const auto& [id, request] : table_) {
    QUARRY_CHECK(id == request.id);
    late += request.state == Request::State::late;
    const bool has_time =
        request.state == Request::State::out || request.state == Request::State::late;
    QUARRY_CHECK(has_time == (request.heap_at != kNotInHeap));
    timed += has_time;
  }
  QUARRY_CHECK(late == late_ && timed == due_.size());
}

}  // namespace quarry::peer_selector
