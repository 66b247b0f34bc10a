// What an actor said, so that two who name things differently can be compared: the items as text,
// without sentences, and the ids in them apart.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "msg/payload.hpp"
#include "msg/types.hpp"

namespace quarry::test {

struct Said {
  std::string text;
  std::vector<std::pair<char, std::uint64_t>> ids;  // and what each names
};

// Pairs of ids that mean the same. Each has one partner, for ever.
class Pairs {
 public:
  // Whether they may mean the same; from then on they do.
  bool join(const Said& one, const Said& other) {
    if (one.text != other.text || one.ids.size() != other.ids.size()) return false;
    std::vector<Id> joined;
    for (std::size_t i = 0; i < one.ids.size(); ++i) {
      if (join(one.ids[i], other.ids[i], joined)) continue;
      for (const Id& id : joined) first_.erase({id.first, second_[id]}), second_.erase(id);
      return false;
    }
    return true;
  }
  // Zero: none.
  std::uint64_t first_of(char kind, std::uint64_t second) const {
    const auto at = first_.find({kind, second});
    return at == first_.end() ? 0 : at->second;
  }

 private:
  using Id = std::pair<char, std::uint64_t>;
  bool join(const Id& one, const Id& other, std::vector<Id>& joined) {
    if (one.first != other.first || (one.second == 0) != (other.second == 0)) return false;
    if (!second_.contains(one) && !first_.contains(other)) {
      second_[one] = other.second, first_[other] = one.second;
      joined.push_back(one);
    }
    return second_.contains(one) && second_[one] == other.second;
  }
  std::map<Id, std::uint64_t> first_, second_;
};

// Calls are the partner's own where it says so: plain numbers, not ids of ours.
class Saying {
 public:
  explicit Saying(bool own_calls) : own_calls_(own_calls) {}

  template <class Item>
  Said of(std::string to, const Item& item) {
    said_ = {std::move(to) + " kind " + std::to_string(Item::kKind), {}};
    std::apply([&](auto... field) { (add(item.*field), ...); }, Item::fields());
    return said_;
  }

 private:
  void word(const std::string& text) { said_.text += " " + text; }
  // Of keys and tags the first bytes: what tests use differs there.
  template <std::size_t Inline>
  void add(const ShortBytes<Inline>& bytes) {
    word("'" + std::string(text_of(bytes.view()).substr(0, 4)) + "'");
  }
  void add(const PeerKey& key) { word(to_hex(ByteView(key.bytes).first(2))); }
  void add(const Payload& payload) {
    word(std::to_string(payload.size()) + " bytes " +
         std::string(text_of(payload.view()).substr(0, 8)));
  }
  void add(const std::string&) {}
  void add(FetchId id) { said_.ids.emplace_back('f', id.value); }
  void add(DeliveryId id) { said_.ids.emplace_back('d', id.value); }
  void add(LookUpId id) { said_.ids.emplace_back('l', id.value); }
  void add(CallId id) {
    own_calls_ ? word(std::to_string(id.value)) : void(said_.ids.emplace_back('c', id.value));
  }
  template <class Kind>
  void add(Id<Kind> id) {
    word(std::to_string(id.value));
  }
  template <class Number>
  requires std::is_arithmetic_v<Number> || std::is_enum_v<Number>
  void add(Number number) { word(std::to_string(static_cast<std::uint64_t>(number))); }
  template <class Element>
  void add(const std::vector<Element>& list) {
    word("[");
    for (const Element& element : list) add(element);
    word("]");
  }
  template <class Record>
  requires requires { Record::fields(); }
  void add(const Record& record) {
    std::apply([&](auto... field) { (add(record.*field), ...); }, Record::fields());
  }

  bool own_calls_;
  Said said_;
};

}  // namespace quarry::test
