#include "cli/command_line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>

#include "cli/output.hpp"

namespace quarry::cli {
namespace {

// Options that mean the same to all commands; in the file they stand above all sections. The hidden
// ones are those that a command takes from the node.
bool is_shared(const CLI::App& command, const std::string& option) {
  if (option == "peers") return true;
  const CLI::Option* known = command.get_option_no_throw("--" + option);
  return known != nullptr && known->get_group().empty();
}

// The name of an option's environment variable: QUARRY_LISTEN for `node --listen` and what is
// shared, QUARRY_FETCH_KEEP for `fetch --keep`.
std::string variable_of(const CLI::App& command, const std::string& option) {
  std::string name = "QUARRY_";
  if (command.get_name() != "node" && option != "home" && !is_shared(command, option)) {
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

constexpr std::ptrdiff_t kScreen = 24;  // lines

// The program's own help is one page with a line for each command.
class Help : public CLI::Formatter {
 public:
  std::string make_help(const CLI::App* app, std::string name,
                        CLI::AppFormatMode mode) const override {
    if (app->get_parent() != nullptr) {
      std::string page = CLI::Formatter::make_help(app, std::move(name), mode);
      const std::size_t gap = page.find("\n\n\n");
      if (gap != std::string::npos) page.erase(gap, 1);
      // What does not fit a screen has no room for empty lines.
      while (std::count(page.begin(), page.end(), '\n') > kScreen) {
        const std::size_t empty = page.rfind("\n\n");
        if (empty == std::string::npos) break;
        page.erase(empty, 1);
      }
      return page;
    }
    std::string page = "quarry: " + app->get_description() + "\nUsage: " + name +
                       " COMMAND [OPTIONS]   " + name + " COMMAND --help   " + name +
                       " --version\nCommands:\n";
    for (const CLI::App* command : app->get_subcommands([](const CLI::App*) { return true; })) {
      std::string line = "  " + command->get_name();
      line.resize(14, ' ');
      page += line + command->get_description() + "\n";
    }
    return page + app->get_footer() + "\n";
  }
};

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
  line_->last_ = app_->add_option(name, value, text)->required()->type_name("");
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
  line_->last_ = app_->add_option(names, value, text)->type_name(type)->take_last();
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
  line_->last_ = app_->add_option(names, values, text)->type_name(type)->delimiter(',');
  line_->last_->allow_extra_args(false);
  return *this;
}
Command& Command::flag(const std::string& names, bool& value, const std::string& text) {
  line_->last_ = app_->add_flag(names, value, text);
  return *this;
}
Command& Command::choice(const std::string& names, std::string& value, const std::string& text,
                         const std::string& type, std::vector<std::string> words) {
  any_option(names, value, text, type);
  line_->last_->check([words](const std::string& said) {
    if (std::find(words.begin(), words.end(), said) != words.end()) return std::string();
    std::string all;
    for (const std::string& word : words) {
      all += (all.empty() ? "" : word == words.back() ? " or " : ", ") + word;
    }
    return "'" + shown(said, 40) + "' is none of " + all;
  });
  line_->words_[line_->last_] = std::move(words);
  return *this;
}
Command& Command::hidden() {
  if (line_->last_ == nullptr) {
    app_->group("");
  } else {
    line_->last_->group("");
  }
  return *this;
}

CommandLine::CommandLine()
    : app_(std::make_unique<CLI::App>("fetches values by key from peers that nobody trusts.",
                                      "quarry")) {
  const auto format = std::make_shared<Help>();
  format->column_width(28);
  format->label("SUBCOMMAND", "COMMAND");
  format->label("Positionals", "Arguments");
  format->label("REQUIRED", "");
  app_->formatter(format);
  app_->set_version_flag("--version", "quarry " QUARRY_VERSION, "Print the version");
  app_->set_help_flag("-h,--help", "Print this help");
  app_->require_subcommand(1);
  app_->footer("Try it on this machine: quarry testnet up --nodes 3");
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
  last_ = nullptr;
  return Command(*this, *made);
}

std::vector<Declared> CommandLine::declared() const {
  std::vector<Declared> all;
  const std::function<void(CLI::App*, const std::vector<std::string>&)> look =
      [&](CLI::App* app, const std::vector<std::string>& path) {
        Declared made{path, app->get_description(), {}, {}, {}};
        for (const CLI::Option* option : app->get_options()) {
          if (option->get_positional()) {
            made.arguments.push_back(option->get_name(true));
            continue;
          }
          if (option->get_group().empty()) continue;  // hidden
          Declared::Option declared;
          for (const auto& name : option->get_snames()) declared.names.push_back("-" + name);
          for (const auto& name : option->get_lnames()) declared.names.push_back("--" + name);
          const bool takes_value = option->get_items_expected_max() > 0;
          if (takes_value) declared.type = option->get_type_name();
          declared.text = option->get_description();
          if (const auto at = words_.find(option); at != words_.end()) declared.words = at->second;
          made.options.push_back(std::move(declared));
        }
        const auto below =
            app->get_subcommands([](const CLI::App* sub) { return !sub->get_group().empty(); });
        for (const CLI::App* command : below) made.commands.push_back(command->get_name());
        all.push_back(std::move(made));
        for (CLI::App* command : below) {
          std::vector<std::string> longer = path;
          longer.push_back(command->get_name());
          look(command, longer);
        }
      };
  look(app_.get(), {});
  return all;
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
  if (item.parents.empty() && is_shared(*command, item.name) &&
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
