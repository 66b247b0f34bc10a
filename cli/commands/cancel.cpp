#include <algorithm>
#include <set>

#include "cli/client.hpp"
#include "cli/command_line.hpp"
#include "cli/commands/commands.hpp"
#include "cli/output.hpp"
#include "cli/values.hpp"

namespace quarry::cli {
namespace {

struct KeysFlags {
  Common common;
  std::vector<std::string> keys;
};

Exit cancel(const KeysFlags& flags) {
  auto client = Client::connect(flags.common.where());
  if (!client) return fail(client.error());
  std::set<Key> different;
  for (const std::string& text : flags.keys) {
    auto key = parse_key(text, (*client)->welcome().key_length);
    if (!key) return fail(key.error());
    different.insert(std::move(*key));
  }
  const std::vector<Key> keys(different.begin(), different.end());
  std::uint64_t ended = 0;
  for (std::size_t at = 0; at < keys.size(); at += limits::kMaxKeys) {
    const std::size_t end = std::min(keys.size(), at + limits::kMaxKeys);
    control::Cancel command;
    command.keys.assign(keys.begin() + static_cast<std::ptrdiff_t>(at),
                        keys.begin() + static_cast<std::ptrdiff_t>(end));
    Client::Items ignored;
    const auto count = (*client)->call(std::move(command), ignored);
    if (!count) return fail(count.error());
    ended += *count;
  }
  std::string line = std::to_string(ended) + (ended == 1 ? " fetch" : " fetches") + " cancelled\n";
  if (flags.common.json) line = Json().begin().add("cancelled", ended).end().line();
  if (const Exit printed = finish(line); printed != Exit::ok) return printed;
  if (ended >= keys.size()) return Exit::ok;
  note("no fetch was in progress for " + std::to_string(keys.size() - ended) + " of " +
       std::to_string(keys.size()) + " keys");
  return Exit::partial;
}

}  // namespace

void add_cancel(CommandLine& to) {
  const auto flags = std::make_shared<KeysFlags>();
  to.command("cancel", "End fetches for everybody who waits for them",
             "  quarry cancel 5891b5b5…be03")
      .home(flags->common)
      .arguments("KEY", flags->keys, "Keys, in hexadecimal")
      .does([flags] { return cancel(*flags); });
}

}  // namespace quarry::cli
