// The program: every command, in the order of the help.

#include <csignal>

#include "cli/command_line.hpp"
#include "cli/commands/commands.hpp"

int main(int argc, char** argv) {
  using namespace quarry::cli;
  std::signal(SIGPIPE, SIG_IGN);
  CommandLine line;
  for (const auto add : {
           add_node,
           add_keygen,
           add_put,
           add_stored,
           add_fetch,
           add_cancel,
           add_retain,
           add_status,
           add_explain,
           add_peers,
           add_workers,
           add_verifier,
           add_store,
           add_testnet,
           add_bench,
           add_bridge,
           add_completion,
       }) {
    add(line);
  }
  return static_cast<int>(line.run(argc, argv));
}
