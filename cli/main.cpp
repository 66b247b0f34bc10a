// What the command line looks like: commands, options, their help. Each option of a command is a
// flag, an environment variable and a key of the home's quarry.toml alike; the flag goes first,
// then the environment, then the file.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <functional>
#include <memory>

#include "cli/commands/commands.hpp"
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

// The program's commands, and which of them was asked for.
class CommandLine {
 public:
  CommandLine();
  Exit run(int argc, char** argv);

 private:
  using App = CLI::App;
  App* command(App* parent, std::string name, std::string text, std::string example,
               std::function<Exit()> act);
  template <class T>
  CLI::Option* option(App* to, const std::string& names, T& value, const std::string& text);
  CLI::Option* flag(App* to, const std::string& names, bool& value, const std::string& text);
  void common(App* to, Common& to_fill, bool json = true);
  void add_node();
  void add_values();
  void add_peers();
  void add_testnet();

  App* asked(App* in);
  App* named(const std::vector<std::string>& path);
  Result<> read_environment();
  Result<> read_config();
  Result<> set(CLI::Option* option, const std::vector<std::string>& values,
               const std::string& where);
  Result<> take(const CLI::ConfigItem& item, const std::string& file);
  Exit wrong(const CLI::ParseError& why);

  App app_{"Fetches values by key from peers that nobody trusts.", "quarry"};
  NodeFlags node_;
  Common home_;
  PutFlags put_;
  FetchFlags fetch_;
  KeysFlags keys_;
  PeerFlags peers_;
  TestnetFlags testnet_;
  std::function<Exit()> act_;
  const Common* common_ = nullptr;
  std::map<const App*, const Common*> commons_;
};

CLI::App* CommandLine::command(App* parent, std::string name, std::string text, std::string example,
                               std::function<Exit()> act) {
  App* to = parent->add_subcommand(std::move(name), std::move(text));
  to->group("Commands");
  to->footer("Example:\n" + std::move(example));
  if (act) {
    to->callback([this, to, act = std::move(act)] {
      act_ = act;
      if (const auto it = commons_.find(to); it != commons_.end()) common_ = it->second;
    });
  }
  return to;
}

template <class T>
CLI::Option* CommandLine::option(App* to, const std::string& names, T& value,
                                 const std::string& text) {
  CLI::Option* made = to->add_option(names, value, text);
  if (made->get_positional()) made->type_name("");
  return made;
}

CLI::Option* CommandLine::flag(App* to, const std::string& names, bool& value,
                               const std::string& text) {
  return to->add_flag(names, value, text);
}

void CommandLine::common(App* to, Common& to_fill, bool json) {
  commons_[to] = &to_fill;
  option(to, "--home", to_fill.home, "The node's home (otherwise ~/.quarry)")->type_name("DIR");
  if (json) flag(to, "--json", to_fill.json, "Results as JSON");
}

void CommandLine::add_node() {
  App* node = command(&app_, "node", "Run a node until it is ended by Ctrl-C or SIGTERM",
                      "  quarry keygen --home alice\n"
                      "  quarry node --home alice --listen tcp://0.0.0.0:7000",
                      [this] { return cli::node(node_); });
  common(node, node_.common, false);
  option(node, "--listen", node_.listen, "Where peers reach it; none: it only asks [none]")
      ->type_name("tcp://ADDRESS:PORT");
  option(node, "--name", node_.name, "What people call it")->type_name("NAME");
  option(node, "--peers", node_.common.peers, "Its peers file (otherwise DIR/peers)")
      ->type_name("FILE");
  option(node, "--network", node_.network, "The network's name [main]")->type_name("NAME");
  option(node, "--key-length", node_.key_length, "Bytes of a key, on all nodes alike [32]")
      ->type_name("BYTES");
  option(node, "--max-value", node_.max_value, "Largest value, on all nodes alike [4MiB]")
      ->type_name("SIZE");
  option(node, "--digest", node_.digest, "How keys follow from values; none: they do not [sha256]")
      ->type_name("NAME");
  option(node, "--placement", node_.placement, "Its actors: on one thread, or on threads [one]")
      ->type_name("one|threads");
  option(node, "--log-level", node_.log_level, "debug, info, warn, error or off [info]")
      ->type_name("LEVEL");
  flag(node, "--json-log", node_.json_log, "Log lines as JSON");

  App* keygen = command(&app_, "keygen", "Make a home for a new node, and print its public key",
                        "  quarry keygen --home alice", [this] { return cli::keygen(home_); });
  common(keygen, home_);
  App* id = command(&app_, "id", "Print the public key of the node", "  quarry id --home alice",
                    [this] { return cli::id(home_); });
  common(id, home_);
}

void CommandLine::add_values() {
  App* put = command(&app_, "put", "Keep files in the node's storage, and print their keys",
                     "  quarry put *.jpg > keys\n"
                     "  echo hello | quarry put -",
                     [this] { return cli::put(put_); });
  common(put, put_.common);
  option(put, "FILE", put_.files, "Files; - for stdin")->required();
  option(put, "--key", put_.key, "The key, where keys are no digests")->type_name("KEY");

  App* fetch = command(&app_, "fetch",
                       "Fetch values by their keys, for as long as it takes (Ctrl-C ends it)",
                       "  quarry fetch 5891b5b5…be03 > hello\n"
                       "  quarry fetch $(cut -d' ' -f1 keys) -o pictures",
                       [this] { return cli::fetch(fetch_); });
  common(fetch, fetch_.common);
  option(fetch, "KEY", fetch_.keys, "Keys, in hexadecimal")->required();
  option(fetch, "-o,--output", fetch_.output, "Where values go: a file, or a folder for several")
      ->type_name("PATH");
  option(fetch, "--target", fetch_.targets, "Ask only these peers (names or keys)")
      ->type_name("PEER")
      ->delimiter(',')
      ->allow_extra_args(false);
  option(fetch, "--deadline", fetch_.deadline, "Give up after this long: 500ms, 30s, 5m")
      ->type_name("TIME");
  flag(fetch, "--no-local", fetch_.no_local, "Do not look into the node's own storage first");
  flag(fetch, "--keep", fetch_.keep, "Keep the value in the node's storage");
  option(fetch, "--peers", fetch_.common.peers, "Peers file for names (otherwise DIR/peers)")
      ->type_name("FILE");

  App* cancel = command(&app_, "cancel", "End fetches for everybody who waits for them",
                        "  quarry cancel 5891b5b5…be03", [this] { return cli::cancel(keys_); });
  common(cancel, keys_.common);
  option(cancel, "KEY", keys_.keys, "Keys, in hexadecimal")->required();

  App* status =
      command(&app_, "status", "Show what the node does: what each fetch waits for, and why",
              "  quarry status\n"
              "  quarry status --json | jq .counters",
              [this] { return cli::status(keys_); });
  common(status, keys_.common);
  option(status, "KEY", keys_.keys, "Only these fetches");
}

void CommandLine::add_peers() {
  App* peers = command(&app_, "peers", "See and change whom the node knows",
                       "  quarry peers add KEY tcp://10.0.0.7:7000 --name bob\n"
                       "  quarry peers list",
                       nullptr);
  peers->require_subcommand(1);
  // Before the command's name too, where scripts that work on one home put it.
  option(peers, "--home", peers_.common.home, "The node's home (otherwise ~/.quarry)")
      ->type_name("DIR");
  const auto add = [&](std::string name, std::string text, std::string example, auto act) {
    App* to = command(peers, std::move(name), std::move(text), std::move(example),
                      [this, act] { return act(peers_); });
    common(to, peers_.common, to->get_name() == "list");
    option(to, "--peers", peers_.common.peers, "The peers file (otherwise DIR/peers)")
        ->type_name("FILE");
    return to;
  };
  const auto whom = [this](App* to) {
    option(to, "PEER", peers_.peer, "Its name or public key")->required();
  };
  add("list", "How each peer stands with the node", "  quarry peers list", peers_list);
  App* made = add("add", "Know a peer from now on",
                  "  quarry peers add KEY tcp://10.0.0.7:7000 --name bob", peers_add);
  option(made, "KEY", peers_.peer, "Its public key: quarry id")->required();
  option(made, "ENDPOINT", peers_.endpoint, "Where it listens; - for a serve_only peer")
      ->required();
  option(made, "--role", peers_.role, "primary, secondary or serve_only [primary]")
      ->type_name("ROLE");
  option(made, "--name", peers_.name, "What you call it")->type_name("NAME");
  whom(add("remove", "Know a peer no longer", "  quarry peers remove bob", peers_remove));
  made = add("block", "Neither ask nor serve a peer for a while",
             "  quarry peers block bob --for 2h", peers_block);
  whom(made);
  option(made, "--for", peers_.duration, "How long (otherwise as long as for a lie)")
      ->type_name("TIME");
  whom(add("unblock", "End the block of a peer", "  quarry peers unblock bob", peers_unblock));
}

void CommandLine::add_testnet() {
  App* testnet = command(&app_, "testnet", "Several nodes on this machine, for trying things out",
                         "  quarry testnet up --nodes 3\n"
                         "  quarry testnet down",
                         nullptr);
  testnet->require_subcommand(1);
  const auto add = [&](std::string name, std::string text, std::string example, auto act) {
    App* to = command(testnet, std::move(name), std::move(text), std::move(example),
                      [this, act] { return act(testnet_); });
    option(to, "--dir", testnet_.directory,
           "Its folder (otherwise a temporary one, removed by down)")
        ->type_name("DIR");
    return to;
  };
  App* up = add("up", "Make nodes that all know each other, and start those that do not run",
                "  quarry testnet up --nodes 3", testnet_up);
  option(up, "--nodes", testnet_.nodes, "How many [3]")->type_name("N");
  option(up, "--placement", testnet_.placement, "Of each node's actors: one or threads [one]")
      ->check(CLI::IsMember({"one", "threads"}))
      ->type_name("one|threads");
  flag(up, "--json", testnet_.json, "Results as JSON");
  App* status = add("status", "Which nodes run, and whom they reach", "  quarry testnet status",
                    testnet_status);
  flag(status, "--json", testnet_.json, "Results as JSON");
  App* down = add("down", "End all nodes", "  quarry testnet down", testnet_down);
  flag(down, "--purge", testnet_.purge, "Remove the folder too");
}

CommandLine::CommandLine() {
  app_.set_version_flag("--version", "quarry " QUARRY_VERSION, "Print the version");
  app_.require_subcommand(1);
  app_.footer(
      "Try it on this machine: quarry testnet up --nodes 3\n"
      "Each option is also a key of the home's quarry.toml, and an environment variable.\n"
      "Help on a command: quarry COMMAND --help");
  app_.set_help_flag("-h,--help", "Print this help");
  const auto format = app_.get_formatter();
  format->column_width(30);
  format->label("SUBCOMMAND", "COMMAND");
  format->label("Positionals", "Arguments");
  format->label("REQUIRED", "");
  add_node();
  add_values();
  add_peers();
  add_testnet();
}

CLI::App* CommandLine::asked(App* in) {
  for (App* sub : in->get_subcommands()) return asked(sub);
  return in;
}

// The command of this name, whether or not it was asked for.
CLI::App* CommandLine::named(const std::vector<std::string>& path) {
  App* at = &app_;
  for (const std::string& name : path) {
    const auto found = at->get_subcommands([&](App* sub) { return sub->get_name() == name; });
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
  App* owner = named(item.parents.empty() ? std::vector<std::string>{"node"} : item.parents);
  App* command = asked(&app_);
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
  App* command = asked(&app_);
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
  if (common_ == nullptr) return {};
  const std::filesystem::path file = common_->where().config_file();
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) return {};
  std::vector<CLI::ConfigItem> items;
  try {
    items = app_.get_config_formatter()->from_file(file.string());
  } catch (const CLI::Error& why) {
    return error(Error::Kind::config, "cannot read " + file.string() + ": " + why.what());
  }
  for (const CLI::ConfigItem& item : items) {
    if (auto taken = take(item, file.string()); !taken) return taken;
  }
  return {};
}

Exit CommandLine::wrong(const CLI::ParseError& why) {
  App* command = asked(&app_);
  std::string path = "quarry";
  for (App* at = &app_; at != command;) {
    at = at->get_subcommands().front();
    path += " " + at->get_name();
  }
  std::string what = why.what();
  std::replace(what.begin(), what.end(), '\n', ' ');
  if (!command->get_subcommands([](App*) { return true; }).empty()) {
    const auto rest = command->remaining();
    what = rest.empty() ? "no command was given" : "there is no command '" + rest.front() + "'";
  }
  return fail({Error::Kind::usage, what, "see " + path + " --help"});
}

Exit CommandLine::run(int argc, char** argv) {
  try {
    app_.parse(argc, argv);
  } catch (const CLI::Success& help) {
    return static_cast<Exit>(app_.exit(help));
  } catch (const CLI::ParseError& why) {
    return wrong(why);
  }
  if (auto read = read_environment(); !read) return fail(read.error());
  if (auto read = read_config(); !read) return fail(read.error());
  QUARRY_CHECK(act_);
  return act_();
}

}  // namespace
}  // namespace quarry::cli

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  return static_cast<int>(quarry::cli::CommandLine().run(argc, argv));
}
