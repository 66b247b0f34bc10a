// Every command of the program, or several that belong together. Each function stands in a file of
// its own, declares what the command may be told, and what it does then.
#pragma once

namespace quarry::cli {

class CommandLine;

void add_node(CommandLine& to);
void add_keygen(CommandLine& to);
void add_put(CommandLine& to);
void add_stored(CommandLine& to);
void add_fetch(CommandLine& to);
void add_cancel(CommandLine& to);
void add_retain(CommandLine& to);
void add_status(CommandLine& to);
void add_explain(CommandLine& to);
void add_peers(CommandLine& to);
void add_workers(CommandLine& to);
void add_verifier(CommandLine& to);
void add_store(CommandLine& to);
void add_testnet(CommandLine& to);
void add_bench(CommandLine& to);
void add_bridge(CommandLine& to);
void add_completion(CommandLine& to);

}  // namespace quarry::cli
