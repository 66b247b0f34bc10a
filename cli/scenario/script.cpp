#include "cli/scenario/script.hpp"

#include <algorithm>
#include <deque>
#include <functional>
#include <sstream>

#include "cli/values.hpp"

namespace quarry::cli::scenario {
namespace {

using Kind = Trouble::Kind;

constexpr std::uint32_t kMostClients = 64;
constexpr std::uint32_t kMostPerSecond = 10'000;
constexpr std::uint64_t kMostBytes = 1024 * 1024;
constexpr Milliseconds kLongest = std::chrono::hours(24);

tl::unexpected<Error> no(const std::string& what, const std::string& remedy = "") {
  return error(Error::Kind::usage, what, remedy);
}

// The words of a line, from front to back.
class Words {
 public:
  explicit Words(const std::string& line) {
    std::istringstream words(line.substr(0, line.find('#')));
    for (std::string word; words >> word;) words_.push_back(word);
  }
  bool empty() const { return words_.empty(); }
  bool at(std::string_view word) const { return !words_.empty() && words_.front() == word; }
  bool skip(std::string_view word) {
    if (!at(word)) return false;
    words_.pop_front();
    return true;
  }
  // Empty where there is none: which is no name, time or number either.
  std::string next() {
    if (words_.empty()) return "";
    std::string word = words_.front();
    words_.pop_front();
    return word;
  }
  Result<> expect(std::string_view word) {
    if (skip(word)) return {};
    const std::string at = words_.empty() ? "the end of the line" : "'" + words_.front() + "'";
    return no("'" + std::string(word) + "' has to be where " + at + " is");
  }

 private:
  std::deque<std::string> words_;
};

Result<std::uint32_t> parse_count(const std::string& text, std::uint32_t most) {
  std::istringstream digits(text);
  std::uint32_t count = 0;
  const bool fits = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos &&
                    digits >> count && count >= 1 && count <= most;
  if (fits) return count;
  return no("'" + text + "' is no number from 1 to " + std::to_string(most));
}

Result<Milliseconds> parse_time(const std::string& text) {
  auto time = parse_duration(text);
  if (time && *time > kLongest) return no(text + " is too long", "use at most 24h");
  return time;
}

class Parser {
 public:
  Result<> line(const std::string& text);
  Result<Script> script();

 private:
  Result<> nodes(Words& words);
  Result<> load(Words& words);
  Result<> lasts(Words& words);
  Result<> liar(Words& words);
  Result<> verifier(Words& words);
  Result<> disk(Words& words);
  Result<> clock(Words& words);
  Result<> at(Words& words);
  Result<> every(Words& words);
  Result<> expect(Words& words);

  Result<Happening> happening(Words& words);
  Result<> amount(Words& words, Happening& to);
  Result<Whom> whom(Words& words);
  Result<std::string> node(const std::string& name);
  Result<std::vector<std::string>> names(const std::string& text);

  Script script_;
};

Result<std::string> Parser::node(const std::string& name) {
  for (std::uint32_t i = 1; i <= script_.nodes; ++i) {
    if (name == "node" + std::to_string(i)) return name;
  }
  return no("there is no node '" + name + "'",
            "they are called node1 to node" + std::to_string(script_.nodes));
}

// Of nodes, or of workers.
Result<std::vector<std::string>> Parser::names(const std::string& text) {
  auto all = split_names(text);
  for (const std::string& name : all) {
    const bool worker = std::any_of(script_.workers.begin(), script_.workers.end(),
                                    [&](const auto& one) { return one.name == name; });
    if (worker) continue;
    if (auto known = node(name); !known) return tl::unexpected(known.error());
  }
  if (all.empty()) return no("the name of a node is missing");
  return all;
}

Result<Whom> Parser::whom(Words& words) {
  Whom whom;
  if (words.skip("all")) {
    whom.how = Whom::How::all;
    return whom;
  }
  if (words.at("next") || words.at("random")) {
    whom.how = words.next() == "next" ? Whom::How::next : Whom::How::random;
    if (!words.skip("of")) return whom;
  }
  auto named = names(words.next());
  if (!named) return tl::unexpected(named.error());
  whom.names = std::move(*named);
  return whom;
}

Result<Kind> parse_kind(const std::string& word) {
  const auto* at = std::find(kTroubles.begin(), kTroubles.end(), word);
  if (at != kTroubles.end()) return static_cast<Kind>(at - kTroubles.begin());
  return no("'" + word + "' is nothing that can happen",
            "use kill, pause, resume, start, restart, partition, slow, loss, heal or scale");
}

Result<> Parser::amount(Words& words, Happening& to) {
  switch (to.kinds.front()) {
    case Kind::slow: {
      auto delay = parse_delay(words.next());
      if (!delay) return tl::unexpected(delay.error());
      to.like.delay = *delay;
      return {};
    }
    case Kind::loss: {
      auto percent = parse_loss(words.next());
      if (!percent) return tl::unexpected(percent.error());
      to.like.percent = *percent;
      return {};
    }
    case Kind::partition: {
      auto others = names(words.next());
      if (!others) return tl::unexpected(others.error());
      to.like.others = std::move(*others);
      return {};
    }
    default:
      return {};
  }
}

// one of KIND,KIND [WHOM] | KIND WHOM [AMOUNT] [for TIME] | heal | scale N
Result<Happening> Parser::happening(Words& words) {
  Happening happening;
  const bool drawn = words.skip("one");
  if (drawn) {
    if (auto of = words.expect("of"); !of) return tl::unexpected(of.error());
    for (const std::string& word : split_names(words.next())) {
      auto kind = parse_kind(word);
      if (!kind) return tl::unexpected(kind.error());
      if (*kind == Kind::scale) return no("scale is not drawn", "say to how many, and when");
      happening.kinds.push_back(*kind);
    }
    happening.whom.how = Whom::How::random;
    if (happening.kinds.empty()) return no("of what is missing");
    if (!words.at("of")) return happening;
  } else {
    auto kind = parse_kind(words.next());
    if (!kind) return tl::unexpected(kind.error());
    happening.kinds = {*kind};
    if (*kind == Kind::heal) return happening;
    if (*kind == Kind::scale) {
      auto count = parse_count(words.next(), Testnet::kMostNodes);
      if (!count) return tl::unexpected(count.error());
      happening.like.count = *count;
      return happening;
    }
  }
  words.skip("of");
  auto whom = this->whom(words);
  if (!whom) return tl::unexpected(whom.error());
  happening.whom = std::move(*whom);
  if (drawn) {
    happening.whom.how = Whom::How::random;
    return happening;
  }
  if (auto much = amount(words, happening); !much) return tl::unexpected(much.error());
  if (words.skip("for")) {
    auto time = parse_time(words.next());
    if (!time) return tl::unexpected(time.error());
    if (happening.kinds.front() != Kind::kill && happening.kinds.front() != Kind::pause) {
      return no("only kill and pause are undone after a time", "write a line for what follows");
    }
    happening.lasts = *time;
  }
  return happening;
}

Result<> Parser::nodes(Words& words) {
  auto count = parse_count(words.next(), Testnet::kMostNodes);
  if (!count) return tl::unexpected(count.error());
  script_.nodes = *count;
  return {};
}

// load N clients x R/s [of SIZE]
Result<> Parser::load(Words& words) {
  auto clients = parse_count(words.next(), kMostClients);
  if (!clients) return tl::unexpected(clients.error());
  script_.load.clients = *clients;
  if (!words.skip("client")) {
    if (auto said = words.expect("clients"); !said) return said;
  }
  if (auto said = words.expect("x"); !said) return said;
  const std::string rate = words.next();
  if (!rate.ends_with("/s")) return no("'" + rate + "' is no rate", "write it like 50/s");
  auto per_second = parse_count(rate.substr(0, rate.size() - 2), kMostPerSecond);
  if (!per_second) return tl::unexpected(per_second.error());
  script_.load.per_second = *per_second;
  if (!words.skip("of")) return {};
  auto largest = parse_size(words.next());
  if (!largest) return tl::unexpected(largest.error());
  if (*largest > kMostBytes) return no("these values are too large", "use at most 1MiB");
  script_.load.largest = *largest;
  return {};
}

Result<> Parser::lasts(Words& words) {
  auto time = parse_time(words.next());
  if (!time) return tl::unexpected(time.error());
  script_.lasts = *time;
  return {};
}

Result<> Parser::liar(Words& words) {
  return node(words.next()).map([&](const std::string& name) { script_.liars.insert(name); });
}

// One with a process of its own in place of the built-in.
Result<> Parser::verifier(Words& words) {
  return node(words.next()).map([&](const std::string& name) {
    script_.workers.push_back(
        {"verifier" + name.substr(4), name, {"verifier", "--digest", "sha256"}});
  });
}

Result<> Parser::disk(Words& words) {
  auto name = node(words.next());
  if (!name) return tl::unexpected(name.error());
  auto size = parse_size(words.next());
  if (!size) return tl::unexpected(size.error());
  script_.disks[*name] = *size;
  return {};
}

Result<> Parser::clock(Words& words) {
  auto name = node(words.next());
  if (!name) return tl::unexpected(name.error());
  const std::string text = words.next();
  if (!text.starts_with('+') && !text.starts_with('-')) {
    return no("'" + text + "' is no clock that is off", "write it like +1h or -1h");
  }
  auto off = parse_time(text.substr(1));
  if (!off) return tl::unexpected(off.error());
  const std::int64_t seconds = std::chrono::duration_cast<std::chrono::seconds>(*off).count();
  script_.clocks[*name] = text.starts_with('-') ? -seconds : seconds;
  return {};
}

Result<> Parser::at(Words& words) {
  auto time = parse_time(words.next());
  if (!time) return tl::unexpected(time.error());
  auto happening = this->happening(words);
  if (!happening) return tl::unexpected(happening.error());
  happening->first = *time;
  script_.happenings.push_back(std::move(*happening));
  return {};
}

Result<> Parser::every(Words& words) {
  auto time = parse_time(words.next());
  if (!time) return tl::unexpected(time.error());
  if (time->count() < 100) return no("that is too often", "use at least 100ms");
  auto happening = this->happening(words);
  if (!happening) return tl::unexpected(happening.error());
  happening->first = happening->every = *time;
  if (words.skip("from")) {
    auto from = parse_time(words.next());
    if (!from) return tl::unexpected(from.error());
    happening->first = *from;
  }
  happening->until = kLongest;
  if (words.skip("until")) {
    auto until = parse_time(words.next());
    if (!until) return tl::unexpected(until.error());
    happening->until = *until;
  }
  script_.happenings.push_back(std::move(*happening));
  return {};
}

// expect blocked NODE | expect full NODE | expect N fetches
Result<> Parser::expect(Words& words) {
  if (words.at("blocked") || words.at("full")) {
    auto& nodes = words.next() == "blocked" ? script_.blocked : script_.full;
    return node(words.next()).map([&](const std::string& name) { nodes.insert(name); });
  }
  auto count = parse_count(words.next(), UINT32_MAX);
  if (!count) return tl::unexpected(count.error());
  script_.fetches = *count;
  return words.expect("fetches");
}

Result<> Parser::line(const std::string& text) {
  if (script_.title.empty() && text.starts_with("# ")) script_.title = text.substr(2);
  Words words(text);
  if (words.empty()) return {};
  static const std::map<std::string, Result<> (Parser::*)(Words&)> kinds{
      {"nodes", &Parser::nodes},       {"load", &Parser::load},
      {"lasts", &Parser::lasts},       {"liar", &Parser::liar},
      {"verifier", &Parser::verifier}, {"disk", &Parser::disk},
      {"clock", &Parser::clock},       {"at", &Parser::at},
      {"every", &Parser::every},       {"expect", &Parser::expect}};
  const std::string first = words.next();
  const auto kind = kinds.find(first);
  if (kind == kinds.end()) {
    return no("no line begins with '" + first + "'",
              "use nodes, load, lasts, liar, verifier, disk, clock, at, every or expect");
  }
  if (auto read = (this->*kind->second)(words); !read) return read;
  if (words.empty()) return {};
  return no("'" + words.next() + "' is too much");
}

Result<Script> Parser::script() {
  if (script_.lasts.count() == 0) return no("it has no end", "say how long: lasts 20s");
  const bool scales = script_.most_nodes() > script_.nodes;
  if (scales && script_.relayed()) {
    return no("a network whose links are troubled cannot be scaled", "write two scenarios");
  }
  if (script_.relayed() && script_.nodes > Testnet::kMostRelayed) {
    return no("these are too many nodes for trouble on their links",
              "use at most " + std::to_string(Testnet::kMostRelayed));
  }
  if (script_.liars.size() >= script_.nodes) return no("somebody has to be honest");
  return std::move(script_);
}

}  // namespace

bool Script::relayed() const {
  return std::any_of(happenings.begin(), happenings.end(), [](const Happening& one) {
    return std::any_of(one.kinds.begin(), one.kinds.end(), [](Kind kind) {
      return kind == Kind::partition || kind == Kind::slow || kind == Kind::loss;
    });
  });
}

std::uint32_t Script::most_nodes() const {
  std::uint32_t most = nodes;
  for (const Happening& one : happenings) most = std::max(most, one.like.count);
  return most;
}

void Script::stretch(double factor) {
  const auto times = [&](Milliseconds& time) {
    time = std::chrono::duration_cast<Milliseconds>(time * factor);
  };
  times(lasts);
  for (Happening& one : happenings) {
    for (auto* time : {&one.lasts, &one.first, &one.every, &one.until}) times(*time);
  }
}

Result<Script> parse_script(std::string_view text, const std::string& name) {
  Parser parser;
  std::istringstream lines{std::string(text)};
  std::uint32_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (auto read = parser.line(line); !read) {
      Error why = read.error();
      why.what = name + ":" + std::to_string(number) + ": " + why.what;
      return tl::unexpected(why);
    }
  }
  auto script = parser.script();
  if (script) return script;
  Error why = script.error();
  why.what = name + ": " + why.what;
  return tl::unexpected(why);
}

}  // namespace quarry::cli::scenario
