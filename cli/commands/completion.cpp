#include "cli/completion.hpp"

#include <memory>

#include "cli/commands/commands.hpp"
#include "cli/output.hpp"

namespace quarry::cli {

void add_completion(CommandLine& to) {
  const auto shell = std::make_shared<std::string>();
  to.command("completion", "Print a script by which a shell completes commands",
             "  source <(quarry completion bash)\n"
             "  quarry completion bash > /etc/bash_completion.d/quarry")
      .argument("SHELL", *shell, "bash, zsh or fish")
      .does([shell, &to] {
        if (*shell == "bash") return finish(bash_completion(to.declared()));
        if (*shell == "zsh") return finish(zsh_completion(to.declared()));
        if (*shell == "fish") return finish(fish_completion(to.declared()));
        return fail({Error::Kind::usage, "there is no completion for '" + shown(*shell, 40) + "'",
                     "use bash, zsh or fish"});
      });
}

}  // namespace quarry::cli
