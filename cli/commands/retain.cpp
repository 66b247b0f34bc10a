#include <algorithm>
#include <memory>
#include <set>

#include "cli/client.hpp"
#include "cli/command_line.hpp"
#include "cli/commands/commands.hpp"
#include "cli/output.hpp"
#include "cli/values.hpp"

namespace quarry::cli {
namespace {

struct RetainFlags {
  Common common;
  std::vector<std::string> keys;
  std::vector<std::string> range;
  std::string prefix;
  std::string tag;
  bool negated = false;
};

Result<std::vector<Key>> parse_keys(const std::vector<std::string>& texts, std::size_t length) {
  std::vector<Key> keys;
  for (const std::string& text : texts) {
    auto key = parse_key(text, length);
    if (!key) return tl::unexpected(key.error());
    keys.push_back(std::move(*key));
  }
  return keys;
}

Result<control::Retain> retain_of(const RetainFlags& flags, std::size_t key_length) {
  control::Retain retain;
  retain.negated = flags.negated;
  const int predicates =
      !flags.keys.empty() + !flags.range.empty() + !flags.prefix.empty() + !flags.tag.empty();
  if (predicates != 1) {
    return error(Error::Kind::usage, "it is not clear what is to be kept",
                 "use one of --keys, --range, --prefix and --tag; quarry clear ends all fetches");
  }
  if (!flags.prefix.empty()) {
    auto prefix = parse_prefix(flags.prefix, key_length);
    if (!prefix) return tl::unexpected(prefix.error());
    retain.by = control::Predicate::prefix;
    retain.prefix = std::move(*prefix);
    return retain;
  }
  if (!flags.tag.empty()) {
    if (flags.tag.size() > limits::kMaxTag) {
      return error(Error::Kind::usage, "a tag of " + std::to_string(flags.tag.size()) + " bytes",
                   "tags have at most " + std::to_string(limits::kMaxTag));
    }
    retain.by = control::Predicate::tag;
    retain.tag = Tag(flags.tag);
    return retain;
  }
  const bool range = !flags.range.empty();
  auto keys = parse_keys(range ? flags.range : flags.keys, key_length);
  if (!keys) return tl::unexpected(keys.error());
  retain.by = range ? control::Predicate::range : control::Predicate::keys;
  retain.keys = std::move(*keys);
  if (range && (retain.keys.size() != 2 || retain.keys[1] < retain.keys[0])) {
    return error(Error::Kind::usage, "a range is two keys, the first not above the last",
                 "write it like --range FIRST,LAST");
  }
  if (retain.keys.size() > limits::kMaxKeys) {
    return error(Error::Kind::usage, std::to_string(retain.keys.size()) + " keys to be kept",
                 "name at most " + std::to_string(limits::kMaxKeys) + ", or a range or prefix");
  }
  return retain;
}

Exit ended(const Common& common, std::uint64_t count, bool subscriptions) {
  if (common.json) return finish(Json().begin().add("ended", count).end().line());
  const std::string what = subscriptions ? "subscription" : "fetch";
  const std::string several = subscriptions ? "s" : "es";
  return finish(std::to_string(count) + " " + what + (count == 1 ? "" : several) + " ended\n");
}

Exit retain(const RetainFlags& flags) {
  auto client = Client::connect(flags.common.where());
  if (!client) return fail(client.error());
  auto command = retain_of(flags, (*client)->welcome().key_length);
  if (!command) return fail(command.error());
  const bool by_tag = command->by == control::Predicate::tag;
  Client::Items ignored;
  const auto count = (*client)->call(std::move(*command), ignored);
  return count ? ended(flags.common, *count, by_tag) : fail(count.error());
}

Exit clear(const Common& common) {
  auto client = Client::connect(common.where());
  if (!client) return fail(client.error());
  Client::Items ignored;
  const auto count = (*client)->call(control::Clear{}, ignored);
  return count ? ended(common, *count, false) : fail(count.error());
}

}  // namespace

void add_retain(CommandLine& to) {
  const auto common = std::make_shared<Common>();
  to.command("clear", "End all fetches, for everybody", "  quarry clear")
      .home(*common)
      .does([common] { return clear(*common); });

  const auto flags = std::make_shared<RetainFlags>();
  to.command("retain", "End all fetches but those that are named, for everybody",
             "  quarry retain --prefix 58         only keys that begin so go on\n"
             "  quarry retain --tag backup --not  what is tagged so ends")
      .home(flags->common)
      .option("--keys", flags->keys, "Keep fetches of these keys", "KEY,...")
      .option("--range", flags->range, "Keep those of keys from first to last", "FIRST,LAST")
      .option("--prefix", flags->prefix, "Keep those of keys that begin so", "HEX")
      .option("--tag", flags->tag, "Keep subscriptions with this tag", "TAG")
      .flag("--not", flags->negated, "The other way round: end those, keep the rest")
      .does([flags] { return retain(*flags); });
}

}  // namespace quarry::cli
