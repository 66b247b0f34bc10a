#include "cli/progress.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "cli/files.hpp"
#include "cli/output.hpp"
#include "cli/values.hpp"

namespace quarry::cli {
namespace {

constexpr Duration kDrawEvery = std::chrono::milliseconds(100);
constexpr std::size_t kUsualWidth = 80;
// A shorter bar shows nothing that the number does not.
constexpr std::size_t kLeastBar = 10, kMostBar = 40;

std::size_t width_of_terminal() {
  winsize size{};
  const bool known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : kUsualWidth;
}

std::string bar(double part, std::size_t width) {
  const auto full = static_cast<std::size_t>(part * static_cast<double>(width - 2));
  return "[" + std::string(full, '#') + std::string(width - 2 - full, '.') + "]";
}

bool can_show() {
  const char* term = std::getenv("TERM");
  return on_terminal(STDERR_FILENO) && term != nullptr && *term != '\0' &&
         std::string_view(term) != "dumb";
}

}  // namespace

std::string progress_line(const Advance& advance, std::size_t width) {
  const double part =
      advance.all == 0 ? 1.0 : static_cast<double>(advance.done) / static_cast<double>(advance.all);
  const double seconds = std::chrono::duration<double>(advance.elapsed).count();
  const double rate = seconds > 0 ? static_cast<double>(advance.done) / seconds : 0;
  const double speed = seconds > 0 ? static_cast<double>(advance.bytes) / seconds : 0;
  std::string left = "? left";
  if (advance.done > 0) {
    const double wait_ms = static_cast<double>(advance.all - advance.done) / rate * 1000;
    left = format_duration(std::chrono::milliseconds(static_cast<std::int64_t>(wait_ms))) + " left";
  }
  // From what matters most on.
  const std::vector<std::string> parts{
      std::to_string(static_cast<int>(part * 100)) + "%",
      std::to_string(advance.done) + "/" + std::to_string(advance.all),
      left,
      std::to_string(static_cast<std::uint64_t>(rate)) + "/s",
      format_size(static_cast<std::uint64_t>(speed)) + "/s",
  };
  std::string line;
  for (const std::string& text : parts) {
    if (line.size() + 2 + text.size() > width) break;
    line += (line.empty() ? "" : "  ") + text;
  }
  const std::size_t room = width > line.size() + 2 ? width - line.size() - 2 : 0;
  if (room >= kLeastBar) line = bar(part, std::min(room, kMostBar)) + "  " + line;
  return line.substr(0, width);
}

Progress::Progress(bool wanted) : shows_(wanted && can_show()) {}

void Progress::update(const Advance& advance, Time now) {
  if (!shows_ || now < next_) return;
  next_ = now + kDrawEvery;
  // The last column stays free: many terminals go on to the next line with it.
  std::string line = progress_line(advance, width_of_terminal() - 1);
  const std::size_t columns = line.size();
  if (columns < drawn_) line.append(drawn_ - columns, ' ');
  drawn_ = columns;
  static_cast<void>(write_all(STDERR_FILENO, bytes_of("\r" + line)));
}

void Progress::hide() {
  if (drawn_ == 0) return;
  const std::string blank = "\r" + std::string(drawn_, ' ') + "\r";
  drawn_ = 0;
  next_ = {};
  static_cast<void>(write_all(STDERR_FILENO, bytes_of(blank)));
}

}  // namespace quarry::cli
