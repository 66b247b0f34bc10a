#include "actors/peer_selector/requests.hpp"

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

void Requests::answered(Request& request, Request::State to) {
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
