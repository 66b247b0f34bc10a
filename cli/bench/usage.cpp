#include "cli/bench/usage.hpp"

#include <unistd.h>

#include <ctime>
#include <fstream>
#include <string>

namespace quarry::cli::bench {

Usage usage_of(const std::vector<pid_t>& processes) {
  Usage sum;
  for (const pid_t process : processes) {
    clockid_t clock{};
    timespec used{};
    if (clock_getcpuclockid(process, &clock) == 0 && clock_gettime(clock, &used) == 0) {
      sum.cpu_s += static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
    }
    std::uint64_t all = 0, resident = 0;  // pages
    std::ifstream statm("/proc/" + std::to_string(process) + "/statm");
    if (statm >> all >> resident) {
      sum.rss_bytes += resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    }
  }
  return sum;
}

double allocated_mib(pid_t process) {
  std::ifstream status("/proc/" + std::to_string(process) + "/status");
  double kib = 0;
  for (std::string word; status >> word;) {
    if (word == "RssAnon:") status >> kib;
  }
  return kib / 1024;
}

}  // namespace quarry::cli::bench
