#include "actors/workers/digest_verifier.hpp"
#include "actors/workers/exec_verifier.hpp"
#include "cli/commands/commands.hpp"
#include "cli/output.hpp"
#include "cli/worker_process.hpp"

namespace quarry::cli {
namespace {

struct VerifierFlags {
  WorkerFlags worker;
  std::string command;
  std::string digest;
};

Result<std::vector<MakeWork>> plan(const VerifierFlags& flags, const Served& served) {
  if (!flags.command.empty()) {
    return std::vector<MakeWork>{[=] {
      return workers::ExecVerifier::open(exec_options(flags.worker, flags.command, served));
    }};
  }
  const MakeWork one = [=] {
    return workers::DigestVerifier::open(flags.digest, served.network.key_length);
  };
  return std::vector<MakeWork>(std::max(1U, flags.worker.concurrency), one);
}

Exit verifier(const VerifierFlags& flags) {
  if (flags.command.empty() == flags.digest.empty()) {
    return fail({Error::Kind::usage, "it is not clear how to judge",
                 "use one of --exec CMD and --digest NAME"});
  }
  return run_workers(flags.worker, WorkerRole::verifier,
                     [&](const Served& served) { return plan(flags, served); });
}

}  // namespace

void add_verifier(CommandLine& to) {
  const auto flags = std::make_shared<VerifierFlags>();
  Command command = to.command("verifier", "Judge values for the node, until Ctrl-C or SIGTERM",
                               "  quarry verifier --exec 'jq empty || exit 65'\n"
                               "  quarry verifier --digest sha256 --concurrency 2");
  command
      .option("--exec", flags->command, "By a program: value on stdin; 0 right, 65 invalid", "CMD")
      .option("--digest", flags->digest, "By a digest, which must be the key", "NAME");
  add_worker_options(command, flags->worker);
  command.does([flags] { return verifier(*flags); });
}

}  // namespace quarry::cli
