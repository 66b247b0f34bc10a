#include "cli/completion.hpp"

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

}  // namespace quarry::cli
