// A line on a terminal that tells how far many fetches have come: how many, how fast, how long it
// will take. It fits the terminal's width, whatever that is at the moment, and needs nothing of the
// terminal but that a carriage return goes to the beginning of the line.
#pragma once

#include <cstdint>
#include <string>

#include "msg/time.hpp"

namespace quarry::cli {

struct Advance {
  std::uint64_t done = 0;
  std::uint64_t all = 0;
  std::uint64_t bytes = 0;
  Duration elapsed{0};
};

// At most `width` columns; what matters least is left out first.
std::string progress_line(const Advance& advance, std::size_t width);

class Progress {
 public:
  // On stderr, if that is a terminal that can show it and `wanted` says so.
  explicit Progress(bool wanted);
  ~Progress() { hide(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  bool shown() const { return shows_; }
  // Draws if it is time to.
  void update(const Advance& advance, Time now);
  // When it wants to be drawn next, if nothing changes; kNever where it is not shown.
  Time next_draw() const { return shows_ ? next_ : kNever; }
  // Makes room for another line; the next update draws it again.
  void hide();

 private:
  bool shows_;
  Time next_{};
  std::size_t drawn_ = 0;  // columns
};

}  // namespace quarry::cli
