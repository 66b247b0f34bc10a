#include "tests/actors/engine/twins.hpp"

#include <algorithm>

#include "actors/engine/limits.hpp"

namespace quarry::engine {
namespace {

test::Said said_in(const Effect& effect) {
  return std::visit(
      [](const auto& to) -> test::Said {
        using To = std::decay_t<decltype(to)>;
        if constexpr (std::is_same_v<To, Forget>) {
          return {"forget client " + std::to_string(to.client.value), {}};
        } else {
          std::string whom = "to selector";
          if constexpr (std::is_same_v<To, ToClient>) {
            whom = "to client " + std::to_string(to.client.value);
          } else if constexpr (std::is_same_v<To, ToConsumer>) {
            whom = "to consumer";
          } else if constexpr (std::is_same_v<To, ToProducer>) {
            whom = "to producer";
          }
          test::Saying saying(std::is_same_v<To, ToClient>);
          return std::visit([&](const auto& item) { return saying.of(whom, item); }, to.item);
        }
      },
      effect);
}

template <class Item>
const Item* of_selector(const Effect& effect) {
  const auto* to = std::get_if<ToSelector>(&effect);
  return to == nullptr ? nullptr : std::get_if<Item>(&to->item);
}

bool is_ping(const Effect& effect) {
  const auto* to = std::get_if<ToClient>(&effect);
  return to != nullptr && std::holds_alternative<control::Ping>(to->item);
}

// Where many end at once, in whatever order, a class may fall on the way: of what is wanted only
// the last word counts, and that of a fetch which is over by then not at all.
void keep_last_words(std::vector<Effect>& effects) {
  std::set<FetchId> later;
  for (std::size_t i = effects.size(); i-- > 0;) {
    const auto* want = of_selector<link::Want>(effects[i]);
    const auto* end = of_selector<link::End>(effects[i]);
    const auto* judged = of_selector<link::Judged>(effects[i]);
    if (want != nullptr && !later.insert(want->fetch).second) {
      effects.erase(effects.begin() + static_cast<std::ptrdiff_t>(i));
    } else if (end != nullptr) {
      later.insert(end->fetch);
    } else if (judged != nullptr && !judged->again) {
      later.insert(judged->fetch);
    }
  }
}

std::string listed(const std::vector<Effect>& effects) {
  std::string text;
  for (const Effect& effect : effects) {
    const test::Said said = said_in(effect);
    text += "\n    " + said.text;
    for (const auto& [kind, id] : said.ids) text += " " + std::string(1, kind) + std::to_string(id);
  }
  return text;
}

}  // namespace

Twins::Twins(test::Choices& choices, std::uint64_t seed)
    : choices_(choices), core_(config(), self(), seed, now_), naive_(config(), self(), now_) {
  for (int i = 0; i < 3; ++i) client();
  workers();
}

// Small, so that limits are met.
Config Twins::config() {
  Config config;
  config.max_clients = 5;
  config.max_fetches = 7;
  config.max_subscriptions = 14;
  config.answer_slots = 4;
  config.answer_bytes = 1000;
  return config;
}

Self Twins::self() {
  Self self;
  self.node.bytes.fill(std::byte{99});
  self.instance = Instance{1};
  self.network.max_value = 100'000;
  return self;
}

void Twins::compare(const char* what, std::vector<Effect> core, std::vector<Effect> naive) {
  std::erase_if(core, is_ping);
  const std::string of_event(what);
  const bool many = of_event == "gone" || of_event == "sweep" || of_event == "stop" ||
                    of_event == "time" || of_event == "selector attached";
  if (many) keep_last_words(core), keep_last_words(naive);
  const auto differ_here = [&] {
    differ(of_event + "\n  the Engine said" + listed(core) + "\n  and should have said" +
           listed(naive));
  };
  std::vector<Effect> left = naive;
  for (const Effect& effect : core) {
    const test::Said said = said_in(effect);
    const std::size_t most = many ? left.size() : std::min<std::size_t>(1, left.size());
    std::size_t at = 0;
    while (at < most && !pairs_.join(said, said_in(left[at]))) ++at;
    if (at == most) return differ_here();
    left.erase(left.begin() + static_cast<std::ptrdiff_t>(at));
  }
  if (!left.empty()) return differ_here();
  for (const Effect& effect : naive) note(effect);
}

void Twins::differ(const std::string& what) {
  if (wrong_.empty()) wrong_ = what;
}

// What their partners have to do now.
void Twins::note(const Effect& effect) {
  if (const auto* to = std::get_if<ToConsumer>(&effect)) {
    if (const auto* its = std::get_if<link::Judge>(&to->item)) {
      if (std::ranges::count(deliveries_, its->delivery) == 0) {
        deliveries_.push_back(its->delivery);
      }
    } else if (const auto* survey = std::get_if<link::Survey>(&to->item)) {
      asked_.push_back({Part::consumer, survey->call});
    }
  } else if (const auto* producer = std::get_if<ToProducer>(&effect)) {
    const auto add = [](auto& to_list, auto id) {
      if (std::ranges::count(to_list, id) == 0) to_list.push_back(id);
    };
    if (const auto* look = std::get_if<link::LookUp>(&producer->item))
      add(look_ups_, look->look_up);
    if (const auto* keep = std::get_if<link::Keep>(&producer->item)) add(errands_, keep->call);
    if (const auto* its = std::get_if<link::Remove>(&producer->item)) add(errands_, its->call);
    if (const auto* survey = std::get_if<link::Survey>(&producer->item)) {
      asked_.push_back({Part::producer, survey->call});
    } else if (const auto* list = std::get_if<report::StoredList>(&producer->item)) {
      asked_.push_back({Part::producer, list->call});
    }
  } else if (const auto* want = of_selector<link::Want>(effect)) {
    const auto known = std::ranges::find(pursued_, want->fetch, &Pursued::fetch);
    if (known == pursued_.end()) pursued_.push_back({want->fetch});
  } else if (const auto* end = of_selector<link::End>(effect)) {
    std::erase_if(pursued_, [&](const Pursued& it) { return it.fetch == end->fetch; });
  } else if (const auto* judged = of_selector<link::Judged>(effect)) {
    const auto known = std::ranges::find(pursued_, judged->fetch, &Pursued::fetch);
    if (known == pursued_.end()) return;
    known->answered = false;
    if (!judged->again) pursued_.erase(known);
  } else if (const auto* describe = of_selector<link::Describe>(effect)) {
    asked_.push_back({Part::selector, describe->call});
  } else if (const auto* list = of_selector<report::PeerList>(effect)) {
    asked_.push_back({Part::selector, list->call});
  } else if (const auto* explain = of_selector<link::Explain>(effect)) {
    asked_.push_back({Part::selector, explain->call});
  }
}

}  // namespace quarry::engine
