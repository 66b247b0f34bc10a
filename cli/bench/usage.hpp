// What processes have used so far, seen from outside: time on a CPU, and memory.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

namespace quarry::cli::bench {

struct Usage {
  double cpu_s = 0;             // user and system, all threads
  std::uint64_t rss_bytes = 0;  // resident now
};

// The sum over processes; one that is gone counts nothing.
Usage usage_of(const std::vector<pid_t>& processes);

// What one has allocated now, without what it maps of files; 0 where it is gone.
double allocated_mib(pid_t process);

}  // namespace quarry::cli::bench
