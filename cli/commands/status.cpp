#include <set>

#include "cli/client.hpp"
#include "cli/command_line.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/describe.hpp"
#include "cli/output.hpp"
#include "cli/values.hpp"

namespace quarry::cli {
namespace {

struct KeysFlags {
  Common common;
  std::vector<std::string> keys;
};

using std::chrono::milliseconds;

struct Answers {
  control::Welcome welcome;
  std::optional<pid_t> pid;
  control::NodeInfo node;
  std::vector<control::FetchInfo> fetches;
  std::vector<report::WorkerInfo> workers;
  std::vector<report::Counter> counters;

  void add(const control::FromNode& item) {
    if (const auto* about = std::get_if<control::NodeInfo>(&item)) node = *about;
    if (const auto* fetch = std::get_if<control::FetchInfo>(&item)) fetches.push_back(*fetch);
    if (const auto* worker = std::get_if<report::WorkerInfo>(&item)) workers.push_back(*worker);
    if (const auto* counter = std::get_if<report::Counter>(&item)) counters.push_back(*counter);
  }
};

// Asks for these keys, or for all fetches where there are none. More keys than one item may name
// take several; what is not about keys is taken from the last.
Result<Answers> ask(Client& client, const std::vector<Key>& keys) {
  Answers all;
  all.welcome = client.welcome();
  all.pid = client.node_pid();
  std::size_t at = 0;
  do {
    control::Status status;
    while (at < keys.size() && status.keys.size() < limits::kMaxKeys) {
      status.keys.push_back(keys[at++]);
    }
    Client::Items items;
    const auto done = client.call(std::move(status), items);
    if (!done) return tl::unexpected(done.error());
    all.workers.clear();
    all.counters.clear();
    for (const auto& item : items) all.add(item);
  } while (at < keys.size());
  return all;
}

std::string as_json(const Answers& all) {
  Json json;
  json.begin();
  json.begin("node", '{');
  json.add("key", to_z85(all.node.node)).add("name", all.node.name);
  json.add("listen", all.node.listen).add("uptime_ms", all.node.uptime_ms);
  if (all.pid) json.add("pid", static_cast<std::uint64_t>(*all.pid));
  json.add("network", all.welcome.network).add("key_length", all.welcome.key_length);
  json.add("max_value", all.welcome.max_value).add("digest", all.welcome.digest);
  json.add("agent", all.welcome.agent).end();
  json.begin("fetches", '[');
  for (const auto& fetch : all.fetches) {
    json.begin().add("key", to_hex(fetch.key.view())).add("state", name(fetch.state));
    json.add("waits_for", name(fetch.waits_for));
    json.add("detail", fetch.detail.empty() ? sentence(fetch.waits_for) : fetch.detail);
    json.add("subscribers", fetch.subscribers).add("requests", fetch.requests);
    json.add("age_ms", fetch.age_ms).add("next_ms", fetch.next_ms).end();
  }
  json.end().begin("workers", '[');
  for (const auto& worker : all.workers) add_worker(json, worker);
  json.end().begin("counters", '{');
  for (const auto& counter : all.counters) json.add(counter.name, counter.value);
  return json.end().end().line();
}

std::string fetches_text(const Answers& all) {
  if (all.fetches.empty()) return "no fetches in progress\n";
  Table table({"KEY", "STATE", ">AGE", ">ASKED", ">WAITING", "WAITS FOR"});
  for (const auto& fetch : all.fetches) {
    table.add({to_hex(fetch.key.view()), std::string(name(fetch.state)),
               format_duration(milliseconds(fetch.age_ms)), std::to_string(fetch.requests),
               std::to_string(fetch.subscribers), describe(fetch)});
  }
  return table.text();
}

std::string as_text(const Answers& all) {
  const auto& node = all.node;
  std::string text = "node " + to_z85(node.node);
  if (!node.name.empty()) text += " (" + shown(node.name) + ")";
  text += node.listen.empty() ? ", only asks" : ", listens at " + shown(node.listen);
  text += ", up " + format_duration(milliseconds(node.uptime_ms));
  if (all.pid) text += ", pid " + std::to_string(*all.pid);
  text += "\n";
  text += "network " + shown(all.welcome.network) + ": keys of " +
          std::to_string(all.welcome.key_length) + " bytes";
  if (!all.welcome.digest.empty()) text += " (" + shown(all.welcome.digest) + ")";
  text += ", values up to " + format_size(all.welcome.max_value) + "\n\n" + fetches_text(all);
  if (!all.workers.empty()) {
    Table table({"WORKER", "NAME", ">ATTACHED", ">JOBS", ">DONE", ">LOST", ">PER JOB"});
    for (const auto& worker : all.workers) {
      table.add({std::string(name(worker.role)), worker.name,
                 format_duration(milliseconds(worker.attached_ms)), std::to_string(worker.jobs),
                 std::to_string(worker.done), std::to_string(worker.lost),
                 std::to_string(worker.job_us) + " us"});
    }
    text += "\n" + table.text();
  }
  if (!all.counters.empty()) {
    Table table({"COUNTER", ">VALUE"});
    for (const auto& counter : all.counters) {
      // The steps of a histogram are for programs.
      if (counter.name.find("_us_") != std::string::npos) continue;
      if (counter.value != 0) table.add({counter.name, std::to_string(counter.value)});
    }
    if (!table.empty()) text += "\n" + table.text();
  }
  return text;
}

Exit status(const KeysFlags& flags) {
  auto client = Client::connect(flags.common.where());
  if (!client) return fail(client.error());
  std::set<Key> different;
  for (const std::string& text : flags.keys) {
    auto key = parse_key(text, (*client)->welcome().key_length);
    if (!key) return fail(key.error());
    different.insert(std::move(*key));
  }
  const auto all = ask(**client, {different.begin(), different.end()});
  if (!all) return fail(all.error());
  const Exit printed = finish(flags.common.json ? as_json(*all) : as_text(*all));
  if (printed != Exit::ok) return printed;
  for (const auto& fetch : all->fetches) different.erase(fetch.key);
  if (flags.keys.empty() || different.empty()) return Exit::ok;
  note("no fetch is in progress for " + to_hex(different.begin()->view()) +
       (different.size() == 1 ? "" : " and " + std::to_string(different.size() - 1) + " more"));
  return Exit::partial;
}

}  // namespace

void add_status(CommandLine& to) {
  const auto flags = std::make_shared<KeysFlags>();
  to.command("status", "Show what the node does: what each fetch waits for, and why",
             "  quarry status\n"
             "  quarry status --json | jq .counters")
      .home(flags->common)
      .arguments("KEY", flags->keys, "Only these fetches", false)
      .does([flags] { return status(*flags); });
}

}  // namespace quarry::cli
