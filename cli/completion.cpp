#include "cli/completion.hpp"

#include <algorithm>

namespace quarry::cli {
namespace {

std::string joined(const std::vector<std::string>& words, const char* between = " ") {
  std::string all;
  for (const std::string& word : words) all += (all.empty() ? "" : between) + word;
  return all;
}

bool is_file(const std::string& type) { return type == "FILE" || type == "PATH"; }

// What follows an option that takes a value.
std::string values_of(const Declared& command) {
  std::string cases;
  for (const Declared::Option& option : command.options) {
    if (option.type.empty()) continue;
    std::string what = ":";
    if (!option.words.empty()) {
      what = "COMPREPLY=($(compgen -W '" + joined(option.words) + "' -- \"$word\"))";
    } else if (is_file(option.type)) {
      what = "COMPREPLY=($(compgen -f -- \"$word\"))";
    } else if (option.type == "DIR") {
      what = "COMPREPLY=($(compgen -d -- \"$word\"))";
    }
    cases += "        " + joined(option.names, "|") + ") " + what + "; return ;;\n";
  }
  return cases.empty() ? "" : "      case \"$before\" in\n" + cases + "      esac\n";
}

std::string case_of(const Declared& command) {
  std::string text = "    '" + joined(command.path) + "')\n" + values_of(command);
  std::vector<std::string> words = command.commands;
  for (const Declared::Option& option : command.options) {
    words.insert(words.end(), option.names.begin(), option.names.end());
  }
  bool files = false;
  for (const std::string& argument : command.arguments) files = files || is_file(argument);
  const std::string given = "COMPREPLY=($(compgen -W '" + joined(words) + "' -- \"$word\"))";
  if (files) {
    text += "      if [[ $word == -* ]]; then " + given +
            "; else COMPREPLY=($(compgen -f -- \"$word\")); fi ;;\n";
  } else {
    text += "      " + given + " ;;\n";
  }
  return text;
}

std::string fish_quoted(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) quoted += (c == '\'' || c == '\\' ? "\\" : "") + std::string(1, c);
  return quoted + "'";
}

std::string fish_value(const Declared::Option& option) {
  if (!option.words.empty()) return " -x -a " + fish_quoted(joined(option.words));
  if (is_file(option.type)) return " -r -F";
  if (option.type == "DIR") return " -x -a '(__fish_complete_directories)'";
  return option.type.empty() ? "" : " -x";
}

// What fish is told of one command: its own commands, then its options.
std::string fish_lines(const Declared& command, const std::vector<Declared>& all) {
  const std::string when =
      "complete -c quarry -n " + fish_quoted("__quarry_at " + fish_quoted(joined(command.path)));
  std::string lines;
  for (const std::string& name : command.commands) {
    std::vector<std::string> path = command.path;
    path.push_back(name);
    const auto below = std::find_if(all.begin(), all.end(),
                                    [&](const Declared& other) { return other.path == path; });
    lines += when + " -a " + name + " -d " + fish_quoted(below->text) + "\n";
  }
  for (const Declared::Option& option : command.options) {
    lines += when;
    for (const std::string& name : option.names) {
      lines += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
    }
    lines += " -d " + fish_quoted(option.text) + fish_value(option) + "\n";
  }
  for (const std::string& argument : command.arguments) {
    if (is_file(argument)) lines += when + " -F\n";
  }
  return lines;
}

}  // namespace

std::string bash_completion(const std::vector<Declared>& commands) {
  std::string paths, cases;
  for (const Declared& command : commands) {
    paths += "|" + joined(command.path);
    cases += case_of(command);
  }
  return "# Completion of quarry for bash: source <(quarry completion bash)\n"
         "_quarry() {\n"
         "  local word=\"${COMP_WORDS[COMP_CWORD]}\" before=\"${COMP_WORDS[COMP_CWORD-1]}\"\n"
         "  local path='' known='" +
         paths +
         "|' i longer\n"
         "  for ((i = 1; i < COMP_CWORD; ++i)); do\n"
         "    longer=\"${path:+$path }${COMP_WORDS[i]}\"\n"
         "    [[ $known == *\"|$longer|\"* ]] && path=\"$longer\"\n"
         "  done\n"
         "  COMPREPLY=()\n"
         "  case \"$path\" in\n" +
         cases +
         "  esac\n"
         "}\n"
         "complete -o filenames -F _quarry quarry\n";
}

std::string zsh_completion(const std::vector<Declared>& commands) {
  return "# Completion of quarry for zsh: source <(quarry completion zsh)\n"
         "autoload -U +X bashcompinit && bashcompinit\n" +
         bash_completion(commands);
}

std::string fish_completion(const std::vector<Declared>& commands) {
  std::string paths, lines;
  for (const Declared& command : commands) {
    if (!command.path.empty()) paths += " " + fish_quoted(joined(command.path));
    lines += fish_lines(command, commands);
  }
  return "# Completion of quarry for fish: quarry completion fish | source\n"
         "function __quarry_at\n"
         "  set -l path\n"
         "  for word in (commandline -opc)[2..]\n"
         "    set -l longer (string join -- ' ' $path $word)\n"
         "    contains -- $longer" +
         paths +
         "; and set path $longer\n"
         "  end\n"
         "  test \"$path\" = \"$argv[1]\"\n"
         "end\n"
         "complete -c quarry -f\n" +
         lines;
}

}  // namespace quarry::cli
