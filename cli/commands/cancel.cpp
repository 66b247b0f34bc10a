#include <memory>

#include "cli/command_line.hpp"
#include "cli/commands/by_keys.hpp"
#include "cli/commands/commands.hpp"
#include "cli/key_list.hpp"
#include "cli/output.hpp"

namespace quarry::cli {
namespace {

struct CancelFlags {
  Common common;
  std::vector<std::string> keys;
  std::string from;
};

Exit cancel(const CancelFlags& flags) {
  auto client = Client::connect(flags.common.where());
  if (!client) return fail(client.error());
  const auto keys = keys_given(flags.keys, flags.from, (*client)->welcome().key_length);
  if (!keys) return fail(keys.error());
  const auto ended = call_by_keys<control::Cancel>(**client, *keys);
  if (!ended) return fail(ended.error());
  std::string line =
      std::to_string(*ended) + (*ended == 1 ? " fetch" : " fetches") + " cancelled\n";
  if (flags.common.json) line = Json().begin().add("cancelled", *ended).end().line();
  if (const Exit printed = finish(line); printed != Exit::ok) return printed;
  if (*ended >= keys->size()) return Exit::ok;
  note("no fetch was in progress for " + std::to_string(keys->size() - *ended) + " of " +
       std::to_string(keys->size()) + " keys");
  return Exit::partial;
}

}  // namespace

void add_cancel(CommandLine& to) {
  const auto flags = std::make_shared<CancelFlags>();
  to.command("cancel", "End fetches for everybody who waits for them",
             "  quarry cancel 5891b5b5…be03")
      .home(flags->common)
      .arguments("KEY", flags->keys, "Keys, in hexadecimal", false)
      .option("--from", flags->from, "Keys from a file too, one a line; - for stdin", "FILE")
      .does([flags] { return cancel(*flags); });
}

}  // namespace quarry::cli
