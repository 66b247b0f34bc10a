#include <cerrno>
#include <memory>

#include "cli/command_line.hpp"
#include "cli/commands/by_keys.hpp"
#include "cli/commands/commands.hpp"
#include "cli/key_list.hpp"
#include "cli/output.hpp"

namespace quarry::cli {
namespace {

std::string line_of(const report::StoredEntry& entry, bool json) {
  const std::string key = to_hex(entry.key.view());
  if (!json) return key + "  " + std::to_string(entry.size) + "\n";
  return Json().begin().add("key", key).add("size", entry.size).end().line();
}

// A page at a time, however many there are.
Exit list(const Common& common) {
  auto client = Client::connect(common.where());
  if (!client) return fail(client.error());
  report::StoredList next;
  for (;;) {
    Client::Items answers;
    const auto count = (*client)->call(next, answers);
    if (!count) return fail(count.error());
    if (*count == 0) return Exit::ok;
    std::string lines;
    for (const auto& answer : answers) {
      const auto* page = std::get_if<report::Stored>(&answer);
      if (page == nullptr || page->entries.empty()) continue;
      for (const auto& entry : page->entries) lines += line_of(entry, common.json);
      next.after = Prefix(page->entries.back().key.view());
    }
    if (auto printed = print(lines); !printed) {
      // Whoever reads has seen enough: quarry ls | head
      return errno == EPIPE ? Exit::ok : fail(printed.error());
    }
  }
}

struct RemoveFlags {
  Common common;
  std::vector<std::string> keys;
  std::string from;
};

Exit remove(const RemoveFlags& flags) {
  auto client = Client::connect(flags.common.where());
  if (!client) return fail(client.error());
  const auto keys = keys_given(flags.keys, flags.from, (*client)->welcome().key_length);
  if (!keys) return fail(keys.error());
  const auto removed = call_by_keys<control::Remove>(**client, *keys);
  if (!removed) return fail(removed.error());
  std::string line =
      std::to_string(*removed) + (*removed == 1 ? " value" : " values") + " removed\n";
  if (flags.common.json) line = Json().begin().add("removed", *removed).end().line();
  if (const Exit printed = finish(line); printed != Exit::ok) return printed;
  if (*removed >= keys->size()) return Exit::ok;
  note("no value was there for " + std::to_string(keys->size() - *removed) + " of " +
       std::to_string(keys->size()) + " keys");
  return Exit::partial;
}

}  // namespace

void add_stored(CommandLine& to) {
  const auto common = std::make_shared<Common>();
  to.command("ls", "List what the node's storage keeps: keys, and sizes in bytes",
             "  quarry ls | sort -nrk 2 | head   # the largest")
      .home(*common)
      .does([common] { return list(*common); });

  const auto flags = std::make_shared<RemoveFlags>();
  to.command("rm", "Remove values from the node's storage",
             "  quarry rm 5891b5b5…be03\n"
             "  quarry ls | quarry rm --from -   # all of them")
      .home(flags->common)
      .arguments("KEY", flags->keys, "Keys, in hexadecimal", false)
      .option("--from", flags->from, "Keys from a file too, one a line; - for stdin", "FILE")
      .does([flags] { return remove(*flags); });
}

}  // namespace quarry::cli
