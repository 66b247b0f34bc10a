#include <map>
#include <optional>

#include "cli/client.hpp"
#include "cli/command_line.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/describe.hpp"
#include "cli/output.hpp"
#include "cli/values.hpp"

namespace quarry::cli {
namespace {

struct KeyFlags {
  Common common;
  std::string key;
};

struct Explained {
  Key key;
  std::optional<control::FetchInfo> fetch;
  std::vector<report::AskInfo> asks;
  std::map<PeerKey, std::string> names;

  std::string name_of(const PeerKey& peer) const {
    const auto known = names.find(peer);
    return known == names.end() || known->second.empty() ? to_z85(peer) : known->second;
  }
};

Result<Explained> ask(Client& client, const Key& key) {
  Explained all{key, {}, {}, {}};
  Client::Items items;
  if (auto done = client.call(report::Explain{{}, key}, items); !done) {
    return tl::unexpected(done.error());
  }
  if (auto done = client.call(report::PeerList{}, items); !done) {
    return tl::unexpected(done.error());
  }
  for (const auto& item : items) {
    if (const auto* fetch = std::get_if<control::FetchInfo>(&item)) all.fetch = *fetch;
    if (const auto* asked = std::get_if<report::AskInfo>(&item)) all.asks.push_back(*asked);
    if (const auto* peer = std::get_if<report::PeerInfo>(&item)) {
      all.names[peer->peer.peer] = peer->peer.name;
    }
  }
  return all;
}

std::string in_ms(std::uint64_t us) { return fixed(static_cast<double>(us) / 1000, 1) + " ms"; }

// "node2 1.2 ms, node3 left_alone": who else was weighed up, at what cost, and who was not.
std::string others(const Explained& all, const report::AskInfo& ask) {
  std::string text;
  for (const auto& other : ask.candidates) {
    if (other.peer == ask.peer) continue;
    text += (text.empty() ? "" : ", ") + all.name_of(other.peer) + " ";
    text += other.standing == Standing::candidate && other.cost_us > 0
                ? in_ms(other.cost_us)
                : std::string(name(other.standing));
  }
  return text;
}

std::string as_text(const Explained& all) {
  std::string text = to_hex(all.key.view()) + ": ";
  text += all.fetch ? std::string(name(all.fetch->state)) + ", " + describe(*all.fetch)
                    : std::string("not being fetched");
  text += "\n";
  if (all.asks.empty()) return text + "no ask about it is remembered\n";
  Table table({">AGO", "ASKED", "WHY", ">COST", "CAME TO", ">AFTER", "NOT ASKED"});
  for (const auto& ask : all.asks) {
    std::string cost = "-";
    for (const auto& candidate : ask.candidates) {
      if (candidate.peer == ask.peer) cost = in_ms(candidate.cost_us);
    }
    table.add({format_duration(std::chrono::milliseconds(ask.age_ms)), all.name_of(ask.peer),
               std::string(name(ask.why)), cost, std::string(name(ask.result)), in_ms(ask.took_us),
               others(all, ask)});
  }
  return text + "\n" + table.text();
}

std::string as_json(const Explained& all) {
  Json json;
  json.begin().add("key", to_hex(all.key.view()));
  if (all.fetch) {
    json.begin("fetch", '{').add("state", name(all.fetch->state));
    json.add("waits_for", name(all.fetch->waits_for)).add("detail", all.fetch->detail);
    json.add("requests", all.fetch->requests).add("age_ms", all.fetch->age_ms);
    json.add("next_ms", all.fetch->next_ms).end();
  } else {
    json.null("fetch");
  }
  json.begin("asks", '[');
  for (const auto& ask : all.asks) {
    json.begin().add("peer", to_z85(ask.peer)).add("name", all.name_of(ask.peer));
    json.add("why", name(ask.why)).add("result", name(ask.result));
    json.add("age_ms", ask.age_ms).add("took_us", ask.took_us).add("in_set", ask.in_set);
    json.add("available", ask.available).add("tried", ask.tried).begin("candidates", '[');
    for (const auto& candidate : ask.candidates) {
      json.begin().add("peer", to_z85(candidate.peer)).add("name", all.name_of(candidate.peer));
      json.add("standing", name(candidate.standing)).add("cost_us", candidate.cost_us).end();
    }
    json.end().end();
  }
  return json.end().end().line();
}

Exit explain(const KeyFlags& flags) {
  auto client = Client::connect(flags.common.where());
  if (!client) return fail(client.error());
  const auto key = parse_key(flags.key, (*client)->welcome().key_length);
  if (!key) return fail(key.error());
  const auto all = ask(**client, *key);
  if (!all) return fail(all.error());
  const Exit printed = finish(flags.common.json ? as_json(*all) : as_text(*all));
  const bool nothing = !all->fetch && all->asks.empty();
  return printed == Exit::ok && nothing ? Exit::partial : printed;
}

}  // namespace

void add_explain(CommandLine& to) {
  const auto flags = std::make_shared<KeyFlags>();
  to.command("explain", "Show whom the node asked for a key, why, and what came of it",
             "  quarry explain 5891b5b5…be03")
      .home(flags->common)
      .argument("KEY", flags->key, "A key, in hexadecimal")
      .does([flags] { return explain(*flags); });
}

}  // namespace quarry::cli
