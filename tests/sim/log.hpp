// What happened, line by line: who heard what, and when. The log of a seed is the same in each run,
// byte for byte; its digest stands for it where nobody reads it.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <variant>
#include <vector>

#include "msg/payload.hpp"
#include "msg/time.hpp"
#include "msg/types.hpp"

namespace quarry::sim {

// "Ask" of quarry::peer::Ask.
template <class Item>
constexpr std::string_view name_of() {
  std::string_view name = __PRETTY_FUNCTION__;
  name = name.substr(name.find("Item = ") + 7);
  name = name.substr(0, name.find_first_of(";]"));
  return name.substr(name.rfind(':') + 1);
}

class Log {
 public:
  explicit Log(std::FILE* to) : to_(to) {}

  template <class... Parts>
  void line(Time now, const Parts&... parts) {
    text_.clear();
    text_ += std::to_string(now.time_since_epoch().count());
    ((text_ += ' ', show(parts)), ...);
    text_ += '\n';
    for (const char c : text_) {  // FNV-1a
      digest_ = (digest_ ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    }
    if (to_ != nullptr) std::fwrite(text_.data(), 1, text_.size(), to_);
  }
  std::uint64_t digest() const { return digest_; }

 private:
  void show(std::string_view text) { text_ += text; }
  void show(const char* text) { text_ += text; }
  void show(const std::string& text) { text_ += text; }
  void show(const Key& key) { text_ += to_hex(key.view()); }
  void show(const Prefix& prefix) { text_ += to_hex(prefix.view()); }
  void show(const Tag& tag) { text_ += text_of(tag.view()); }
  void show(const PeerKey& key) {
    text_ += 'n' + std::to_string(std::to_integer<int>(key.bytes[0]));
  }
  void show(const Payload& value) { text_ += std::to_string(value.size()) + 'B'; }
  template <class Kind>
  void show(Id<Kind> id) {
    text_ += '#' + std::to_string(id.value);
  }
  template <class... Items>
  void show(const std::variant<Items...>& item) {
    std::visit([&](const auto& it) { show(it); }, item);
  }
  template <class Element>
  void show(const std::vector<Element>& list) {
    text_ += '[';
    for (const Element& element : list) show(element), text_ += ' ';
    text_ += ']';
  }
  template <class Item>
  void show(const Item& item) {
    if constexpr (std::is_enum_v<Item>) {
      text_ += std::to_string(static_cast<int>(item));
    } else if constexpr (std::is_arithmetic_v<Item>) {
      text_ += std::to_string(item);
    } else {
      text_ += name_of<Item>();
      std::apply([&](auto... fields) { ((text_ += ' ', show(item.*fields)), ...); },
                 Item::fields());
    }
  }

  std::FILE* to_;
  std::string text_;
  std::uint64_t digest_ = 0xcbf29ce484222325ULL;
};

}  // namespace quarry::sim
