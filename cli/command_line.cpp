#include "cli/command_line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>

#include "cli/output.hpp"

namespace quarry::cli {
namespace {

// Options that mean the same to all commands; in the file they stand above all sections.
constexpr std::string_view kShared = "peers";

// The name of an option's environment variable: QUARRY_LISTEN for `node --listen` and what is
// shared, QUARRY_FETCH_KEEP for `fetch --keep`.
std::string variable_of(const CLI::App& command, const std::string& option) {
  std::string name = "QUARRY_";
  if (command.get_name() != "node" && option != "home" && option != kShared) {
    const CLI::App* group = command.get_parent();
    if (group->get_parent() != nullptr) name += group->get_name() + "_";
    name += command.get_name() + "_";
  }
  name += option;
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) {
    return c == '-' ? '_' : static_cast<char>(std::toupper(c));
  });
  return name;
}

// The command that was asked for.
CLI::App* asked(CLI::App* in) {
  for (CLI::App* sub : in->get_subcommands()) return asked(sub);
  return in;
}

}  // namespace

Command Command::command(std::string name, std::string text, std::string example) {
  app_->require_subcommand(1);
  return line_->add(*app_, std::move(name), std::move(text), std::move(example));
}

Command& Command::does(std::function<Exit()> act) {
  line_->acts_[app_] = std::move(act);
  return *this;
}

Command& Command::home(Common& common, bool json) {
  line_->commons_[app_] = &common;
  option("--home", common.home, "The node's home (otherwise ~/.quarry)", "DIR");
  return json ? flag("--json", common.json, "Results as JSON") : *this;
}

Command& Command::peers_file(Common& common, const std::string& text) {
  return option("--peers", common.peers, text, "FILE");
}

Command& Command::argument(const std::string& name, std::string& value, const std::string& text) {
  app_->add_option(name, value, text)->required()->type_name("");
  return *this;
}
Command& Command::arguments(const std::string& name, std::vector<std::string>& values,
                            const std::string& text, bool needed) {
  app_->add_option(name, values, text)->required(needed)->type_name("");
  return *this;
}

template <class T>
Command& Command::any_option(const std::string& names, T& value, const std::string& text,
                             const std::string& type) {
  app_->add_option(names, value, text)->type_name(type);
  return *this;
}
Command& Command::option(const std::string& names, std::string& value, const std::string& text,
                         const std::string& type) {
  return any_option(names, value, text, type);
}
Command& Command::option(const std::string& names, std::uint32_t& value, const std::string& text,
                         const std::string& type) {
  return any_option(names, value, text, type);
}
Command& Command::option(const std::string& names, std::uint64_t& value, const std::string& text,
                         const std::string& type) {
  return any_option(names, value, text, type);
}
Command& Command::option(const std::string& names, double& value, const std::string& text,
                         const std::string& type) {
  return any_option(names, value, text, type);
}
Command& Command::option(const std::string& names, std::vector<std::string>& values,
                         const std::string& text, const std::string& type) {
  CLI::Option* made = app_->add_option(names, values, text);
  made->type_name(type)->delimiter(',')->allow_extra_args(false);
  return *this;
}
Command& Command::flag(const std::string& names, bool& value, const std::string& text) {
  app_->add_flag(names, value, text);
  return *this;
}

CommandLine::CommandLine()
    : app_(std::make_unique<CLI::App>("Fetches values by key from peers that nobody trusts.",
                                      "quarry")) {
  app_->set_version_flag("--version", "quarry " QUARRY_VERSION, "Print the version");
  app_->require_subcommand(1);
  app_->footer(
      "Each option is also a key of the home's quarry.toml, and an environment variable.\n"
      "Help on a command: quarry COMMAND --help");
  app_->set_help_flag("-h,--help", "Print this help");
  const auto format = app_->get_formatter();
  format->column_width(30);
  format->label("SUBCOMMAND", "COMMAND");
  format->label("Positionals", "Arguments");
  format->label("REQUIRED", "");
}

CommandLine::~CommandLine() = default;

Command CommandLine::command(std::string name, std::string text, std::string example) {
  return add(*app_, std::move(name), std::move(text), std::move(example));
}

Command CommandLine::add(CLI::App& parent, std::string name, std::string text,
                         std::string example) {
  CLI::App* made = parent.add_subcommand(std::move(name), std::move(text));
  made->group("Commands");
  made->footer("Example:\n" + std::move(example));
  return Command(*this, *made);
}

// The command of this name, whether or not it was asked for.
CLI::App* CommandLine::named(const std::vector<std::string>& path) {
  CLI::App* at = app_.get();
  for (const std::string& name : path) {
    const auto found = at->get_subcommands([&](CLI::App* sub) { return sub->get_name() == name; });
    if (found.empty()) return nullptr;
    at = found.front();
  }
  return at;
}

// An item of the file goes to the option that it names, if the command that was asked for has it
// and neither the command line nor the environment has set it.
Result<> CommandLine::take(const CLI::ConfigItem& item, const std::string& file) {
  if (item.name == "++" || item.name == "--") return {};
  if (item.name.empty()) {
    return error(Error::Kind::config, file + ": a line is neither option = value nor [command]");
  }
  CLI::App* owner = named(item.parents.empty() ? std::vector<std::string>{"node"} : item.parents);
  CLI::App* command = asked(app_.get());
  if (item.parents.empty() && item.name == kShared &&
      command->get_option_no_throw("--" + item.name) != nullptr) {
    owner = command;
  }
  const std::string dashed = "--" + item.name;
  const CLI::Option* known = owner == nullptr ? nullptr : owner->get_option_no_throw(dashed);
  if (known == nullptr || item.name == "home" || item.name == "help") {
    return error(Error::Kind::config, file + ": there is no option '" + item.fullname() + "'",
                 "see quarry node --help");
  }
  if (owner != command || known->count() != 0) return {};
  return set(owner->get_option(dashed), item.inputs, file);
}

Result<> CommandLine::set(CLI::Option* option, const std::vector<std::string>& values,
                          const std::string& where) {
  try {
    option->add_result(values);
    option->run_callback();
  } catch (const CLI::Error& why) {
    return error(Error::Kind::config, where + ": " + why.what());
  }
  return {};
}

Result<> CommandLine::read_environment() {
  CLI::App* command = asked(app_.get());
  for (CLI::Option* option : command->get_options()) {
    if (option->get_positional() || option->get_lnames().empty() || option->count() != 0) continue;
    const std::string& name = option->get_lnames().front();
    if (name == "help" || name == "home") continue;
    const std::string variable = variable_of(*command, name);
    const char* value = std::getenv(variable.c_str());
    if (value == nullptr || *value == '\0') continue;
    if (auto done = set(option, {value}, variable); !done) return done;
  }
  return {};
}

Result<> CommandLine::read_config() {
  const auto common = commons_.find(asked(app_.get()));
  if (common == commons_.end()) return {};
  const std::filesystem::path file = common->second->where().config_file();
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) return {};
  std::vector<CLI::ConfigItem> items;
  try {
    items = app_->get_config_formatter()->from_file(file.string());
  } catch (const CLI::Error& why) {
    return error(Error::Kind::config, "cannot read " + file.string() + ": " + why.what());
  }
  for (const CLI::ConfigItem& item : items) {
    if (auto taken = take(item, file.string()); !taken) return taken;
  }
  return {};
}

Exit CommandLine::wrong(const CLI::ParseError& why) {
  CLI::App* command = asked(app_.get());
  std::string path = "quarry";
  for (CLI::App* at = app_.get(); at != command;) {
    at = at->get_subcommands().front();
    path += " " + at->get_name();
  }
  std::string what = why.what();
  std::replace(what.begin(), what.end(), '\n', ' ');
  if (!command->get_subcommands([](CLI::App*) { return true; }).empty()) {
    const auto rest = command->remaining();
    what = rest.empty() ? "no command was given" : "there is no command '" + rest.front() + "'";
  }
  return fail({Error::Kind::usage, what, "see " + path + " --help"});
}

Exit CommandLine::run(int argc, char** argv) {
  try {
    app_->parse(argc, argv);
  } catch (const CLI::Success& help) {
    return static_cast<Exit>(app_->exit(help));
  } catch (const CLI::ParseError& why) {
    return wrong(why);
  }
  if (auto read = read_environment(); !read) return fail(read.error());
  if (auto read = read_config(); !read) return fail(read.error());
  const auto act = acts_.find(asked(app_.get()));
  QUARRY_CHECK(act != acts_.end());
  return act->second();
}

}  // namespace quarry::cli
