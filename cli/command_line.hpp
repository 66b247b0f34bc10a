// What the program can be asked: commands, their arguments and options, their help. Each option is
// a flag, an environment variable and a key of the home's quarry.toml alike; the flag goes first,
// then the environment, then the file. Knows no command: each declares itself in cli/commands/.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cli/exit_codes.hpp"
#include "cli/home.hpp"
#include "msg/result.hpp"

// CLI11 takes seconds to compile: only command_line.cpp includes it.
namespace CLI {
class App;
class Option;
class ParseError;
struct ConfigItem;
}  // namespace CLI

namespace quarry::cli {

// What nearly every command is told: which home, which peers file, and for whom it speaks.
struct Common {
  std::string home;   // as given; empty: the default
  std::string peers;  // as given; empty: the home's
  bool json = false;

  Home where() const { return Home(home_directory(home)); }
  std::filesystem::path peers_file() const {
    return peers.empty() ? where().peers_file() : std::filesystem::path(peers);
  }
};

class CommandLine;

// One command, while it is declared. What it fills in lives as long as what the command does: let
// that own it.
class Command {
 public:
  // A command of this one, which then does nothing by itself.
  Command command(std::string name, std::string text, std::string example);
  Command& does(std::function<Exit()> act);

  // --home, and where it prints results --json.
  Command& home(Common& common, bool json = true);
  Command& peers_file(Common& common, const std::string& text);

  // Arguments: words without a name. Each of the first kind has to be there.
  Command& argument(const std::string& name, std::string& value, const std::string& text);
  Command& arguments(const std::string& name, std::vector<std::string>& values,
                     const std::string& text, bool needed = true);

  // Options. `names` as CLI11 takes them: "-o,--output"; `type` is what the help calls the value.
  Command& option(const std::string& names, std::string& value, const std::string& text,
                  const std::string& type);
  Command& option(const std::string& names, std::uint32_t& value, const std::string& text,
                  const std::string& type);
  Command& option(const std::string& names, std::uint64_t& value, const std::string& text,
                  const std::string& type);
  Command& option(const std::string& names, double& value, const std::string& text,
                  const std::string& type);
  // Several values: repeated, or with commas.
  Command& option(const std::string& names, std::vector<std::string>& values,
                  const std::string& text, const std::string& type);
  Command& flag(const std::string& names, bool& value, const std::string& text);
  // One of these words, and no other.
  Command& choice(const std::string& names, std::string& value, const std::string& text,
                  const std::string& type, std::vector<std::string> words);
  // What was declared last, an option or the command, is left out of the help.
  Command& hidden();

 private:
  friend class CommandLine;
  Command(CommandLine& line, CLI::App& app) : line_(&line), app_(&app) {}
  template <class T>
  Command& any_option(const std::string& names, T& value, const std::string& text,
                      const std::string& type);

  CommandLine* line_;
  CLI::App* app_;
};

// A command as it was declared, for whoever writes about it: a shell's completion.
struct Declared {
  struct Option {
    std::vector<std::string> names;  // with their dashes
    std::string type;                // what the help calls its value; empty: it takes none
    std::string text;
    std::vector<std::string> words;  // that it takes, where it takes only these
  };
  std::vector<std::string> path;  // empty: the program itself
  std::string text;
  std::vector<Option> options;
  std::vector<std::string> arguments;  // as the help calls them
  std::vector<std::string> commands;   // of this one
};

class CommandLine {
 public:
  CommandLine();
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  // The help lists commands in the order in which they are declared. `example` is shown in the
  // help: one line or several, each beginning with two blanks.
  Command command(std::string name, std::string text, std::string example);
  // The program and all its commands, each before its own.
  std::vector<Declared> declared() const;
  // Does what it was asked to do.
  Exit run(int argc, char** argv);

 private:
  friend class Command;
  Command add(CLI::App& parent, std::string name, std::string text, std::string example);
  CLI::App* named(const std::vector<std::string>& path);
  Result<> read_environment();
  Result<> read_config();
  Result<> set(CLI::Option* option, const std::vector<std::string>& values,
               const std::string& where);
  Result<> take(const CLI::ConfigItem& item, const std::string& file);
  Exit wrong(const CLI::ParseError& why);

  std::unique_ptr<CLI::App> app_;
  std::map<const CLI::App*, std::function<Exit()>> acts_;
  std::map<const CLI::App*, const Common*> commons_;
  std::map<const CLI::Option*, std::vector<std::string>> words_;
  CLI::Option* last_ = nullptr;
};

}  // namespace quarry::cli
