#include "cli/containers.hpp"

#include <unistd.h>

#include <sstream>

#include "bus/clock.hpp"
#include "cli/processes.hpp"

namespace quarry::cli {
namespace {

// More than a node of a testnet ever takes, also one that sanitizers watch; less than harms.
constexpr const char* kMemory = "2g";
constexpr const char* kProcesses = "256";

}  // namespace

Containers::Containers(std::filesystem::path directory, std::string image)
    : directory_(std::move(directory)), image_(std::move(image)) {}

// A name that no other testnet's has: networks have no folder.
std::string Containers::network() const {
  std::uint64_t hash = 14695981039346656037ULL;  // FNV-1a
  for (const char c : directory_.string()) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  }
  return "quarry-" + std::to_string(hash);
}

Result<> Containers::prepare() const {
  if (auto answers = run_process({"docker", "version"}); !answers) {
    return error(Error::Kind::unavailable, answers.error().what,
                 "start a Docker engine, or go without --docker");
  }
  if (auto there = run_process({"docker", "image", "inspect", "--format", "{{.Id}}", image_});
      !there) {
    return error(Error::Kind::unavailable, there.error().what,
                 "build the image: docker build -f docker/Dockerfile -t " + image_ + " .");
  }
  if (run_process({"docker", "network", "inspect", network()})) return {};
  return run_process({"docker", "network", "create", "--label", label(), network()})
      .map([](const std::string&) {});
}

std::vector<std::string> Containers::start_words(const What& what) const {
  const std::string user = std::to_string(::getuid()) + ":" + std::to_string(::getgid());
  // Not the name alone: the last container of that name may not be gone yet.
  const std::string name = "quarry-" + what.name + "-" + std::to_string(bus::random_u64() >> 40);
  std::vector<std::string> words{"docker",
                                 "run",
                                 "--detach",
                                 "--rm",
                                 "--name",
                                 name,
                                 "--label",
                                 label(),
                                 "--user",
                                 user,
                                 "--pid",
                                 "host",
                                 "--read-only",
                                 "--tmpfs",
                                 "/tmp",
                                 "--cap-drop",
                                 "ALL",
                                 "--security-opt",
                                 "no-new-privileges:true",
                                 "--memory",
                                 kMemory,
                                 "--pids-limit",
                                 kProcesses,
                                 "--no-healthcheck",
                                 "--volume",
                                 directory_.string() + ":" + directory_.string()};
  if (what.alone) {
    words.insert(words.end(), {"--network", "none"});
  } else {
    words.insert(words.end(), {"--network", network(), "--network-alias", what.name});
  }
  if (what.small_bytes > 0) {
    words.insert(
        words.end(),
        {"--tmpfs", what.small.string() + ":mode=0777,size=" + std::to_string(what.small_bytes)});
  }
  words.insert(words.end(),
               {"--entrypoint", "sh", image_, "-c", R"(exec "$@" >>"$0" 2>&1)", what.log.string()});
  words.insert(words.end(), what.words.begin(), what.words.end());
  return words;
}

Result<> Containers::remove() const {
  const auto all =
      run_process({"docker", "ps", "--all", "--quiet", "--filter", "label=" + label()});
  if (!all) return tl::unexpected(all.error());
  std::istringstream ids(*all);
  for (std::string id; ids >> id;) {
    // One that has just ended is being removed already.
    static_cast<void>(run_process({"docker", "rm", "--force", id}));
  }
  if (!run_process({"docker", "network", "inspect", network()})) return {};
  return run_process({"docker", "network", "rm", network()}).map([](const std::string&) {});
}

}  // namespace quarry::cli
