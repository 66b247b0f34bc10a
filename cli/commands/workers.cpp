#include "cli/client.hpp"
#include "cli/command_line.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/describe.hpp"
#include "cli/output.hpp"
#include "cli/values.hpp"
#include "msg/worker.hpp"

namespace quarry::cli {
namespace {

// Which keys a worker is for: `all`, or prefixes (`2cf2*`) and ranges (`47..e3ff`).
std::string keys_text(const report::WorkerInfo& worker) {
  std::string text;
  for (const KeyRange& range : worker.keys) {
    text += (text.empty() ? "" : " ") + to_hex(range.first.view());
    text += range.first == range.last ? "*" : ".." + to_hex(range.last.view());
  }
  return text.empty() ? "all" : text;
}

std::string abilities_text(const report::WorkerInfo& worker) {
  if (worker.role == WorkerRole::verifier) return "judges";
  std::string text;
  for (const auto& [ability, word] :
       {std::pair(worker::kLooksUp, "looks up"), std::pair(worker::kLists, "lists"),
        std::pair(worker::kKeeps, "keeps")}) {
    if ((worker.abilities & ability) != 0) text += (text.empty() ? "" : ", ") + std::string(word);
  }
  return text;
}

std::string as_text(const std::vector<report::WorkerInfo>& workers) {
  Table table({"WORKER", "NAME", "DOES", "KEYS", ">ATTACHED", ">CREDIT", ">JOBS", ">DONE", ">LOST",
               ">PER JOB", "STATE", "AGENT"});
  bool judged = false;
  for (const auto& worker : workers) {
    judged = judged || worker.role == WorkerRole::verifier;
    table.add({std::string(name(worker.role)), worker.name, abilities_text(worker),
               keys_text(worker), format_duration(std::chrono::milliseconds(worker.attached_ms)),
               std::to_string(worker.credit), std::to_string(worker.jobs),
               std::to_string(worker.done), std::to_string(worker.lost),
               std::to_string(worker.job_us) + " us",
               worker.stalled    ? "stalled"
               : worker.jobs > 0 ? "works"
                                 : "idle",
               worker.agent});
  }
  std::string text = workers.empty() ? "no workers are attached\n" : table.text();
  if (!judged) text += "no verifier is attached: values wait, and nothing new is asked for long\n";
  return text;
}

Exit workers(const Common& common) {
  auto client = Client::connect(common.where());
  if (!client) return fail(client.error());
  Client::Items items;
  const auto done = (*client)->call(control::Status{}, items);
  if (!done) return fail(done.error());
  std::vector<report::WorkerInfo> workers;
  for (const auto& item : items) {
    if (const auto* worker = std::get_if<report::WorkerInfo>(&item)) workers.push_back(*worker);
  }
  if (!common.json) return finish(as_text(workers));
  Json json;
  json.begin().begin("workers", '[');
  for (const auto& worker : workers) add_worker(json, worker);
  return finish(json.end().end().line());
}

}  // namespace

void add_worker(Json& json, const report::WorkerInfo& worker) {
  json.begin().add("role", name(worker.role)).add("name", worker.name);
  json.add("agent", worker.agent).add("instance", std::to_string(worker.instance.value));
  json.add_flag("looks_up", (worker.abilities & worker::kLooksUp) != 0);
  json.add_flag("lists", (worker.abilities & worker::kLists) != 0);
  json.add_flag("keeps", (worker.abilities & worker::kKeeps) != 0);
  json.begin("keys", '[');
  for (const KeyRange& range : worker.keys) {
    json.begin().add("first", to_hex(range.first.view()));
    json.add("last", to_hex(range.last.view())).end();
  }
  json.end().add("attached_ms", worker.attached_ms).add("credit", worker.credit);
  json.add("jobs", worker.jobs).add("done", worker.done).add("lost", worker.lost);
  json.add("job_us", worker.job_us).add_flag("stalled", worker.stalled).end();
}

void add_workers(CommandLine& to) {
  const auto common = std::make_shared<Common>();
  to.command("workers", "List the verifiers and storages attached, and what they do",
             "  quarry workers\n"
             "  quarry workers --json | jq '.workers[] | select(.stalled)'")
      .home(*common)
      .does([common] { return workers(*common); });
}

}  // namespace quarry::cli
