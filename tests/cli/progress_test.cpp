#include "cli/progress.hpp"

#include "tests/support/catch.hpp"

namespace quarry::cli {
namespace {

using std::chrono::seconds;

const Advance kHalf{50'000, 100'000, 50 << 20, seconds(5)};

TEST_CASE("the line tells how many, how fast and how long, beside a bar") {
  CHECK(progress_line(kHalf, 100) ==
        "[###################...................]  50%  50000/100000  5.0 s left  10000/s  "
        "10.0 MiB/s");
  CHECK(progress_line({0, 7, 0, seconds(0)}, 60) ==
        "[.............................]  0%  0/7  ? left  0/s  0 B/s");
  CHECK(progress_line({7, 7, 7, seconds(1)}, 30) == "100%  7/7  0 ms left  7/s");
}

TEST_CASE("however narrow the terminal, the line fits, and the number is what stays") {
  for (std::size_t width = 0; width < 120; ++width) {
    CAPTURE(width);
    CHECK(progress_line(kHalf, width).size() <= width);
  }
  CHECK(progress_line(kHalf, 23) == "50%  50000/100000");
  CHECK(progress_line(kHalf, 6) == "50%");
}

}  // namespace
}  // namespace quarry::cli
