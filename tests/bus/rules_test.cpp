// What bus/ must never contain, looked for in its sources.
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/catch.hpp"

namespace quarry::bus {
namespace {

// The code of a source, without its comments.
std::string code_of(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::string code;
  for (std::string line; std::getline(in, line);) code += line.substr(0, line.find("// ")) + "\n";
  return code;
}

TEST_CASE(
    "What bites is never used: heartbeats, handover, routing ids, monitors, polling to write") {
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(QUARRY_BUS_SOURCES)) {
    const auto extension = entry.path().extension();
    if (extension != ".cpp" && extension != ".hpp") continue;
    ++files;
    const std::string code = code_of(entry.path());
    for (const char* never :
         {"ZMQ_HEARTBEAT", "ZMQ_ROUTER_HANDOVER", "ZMQ_IMMEDIATE", "ZMQ_ROUTING_ID", "ZMQ_IDENTITY",
          "ZMQ_GSSAPI", "ZMQ_POLLOUT", "ZMQ_CONFLATE", "zmq_poller", "ZMQ_SERVER", "ZMQ_CLIENT",
          "ZMQ_BUILD_DRAFT_API", "zmq_socket_monitor", "fork(", "zmq::"}) {
      CAPTURE(entry.path(), never);
      CHECK(code.find(never) == std::string::npos);
    }
  }
  CHECK(files > 15);
}

}  // namespace
}  // namespace quarry::bus
