// Scripts by which shells complete a command line, made from what the program declares. Knows the
// shells; knows no command.
#pragma once

#include <string>
#include <vector>

#include "cli/command_line.hpp"

namespace quarry::cli {

std::string bash_completion(const std::vector<Declared>& commands);
// The same for zsh, which reads those of bash.
std::string zsh_completion(const std::vector<Declared>& commands);
std::string fish_completion(const std::vector<Declared>& commands);

}  // namespace quarry::cli
