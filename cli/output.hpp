// How the program speaks: results to stdout, for people (tables) or for programs (JSON); all else
// to stderr, one line at a time, each beginning with "quarry: ".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cli/exit_codes.hpp"
#include "cli/text.hpp"
#include "msg/bytes.hpp"
#include "msg/result.hpp"
#include "msg/types.hpp"

namespace quarry::cli {

// A result. Fails when stdout is full or closed.
Result<> print(std::string_view text);
Result<> print(ByteView bytes);
// Prints, and says so where it fails: for a command's last words.
Exit finish(std::string_view text);

// One line for the person, made fit to be shown.
void note(std::string_view line);
// Says what went wrong, and how the program ends for it.
Exit fail(const Error& error);

bool on_terminal(int fd);
// For a line on stdout: whether it may carry colour (a terminal, and no NO_COLOR).
bool colour();
std::string bold(std::string_view text);
std::string red(std::string_view text);

// With so many digits after the point.
std::string fixed(double number, int decimals);

// A JSON object or array, written from front to back.
class Json {
 public:
  Json& begin(char bracket = '{');
  Json& begin(std::string_view name, char bracket);
  Json& end();
  Json& add(std::string_view name, std::string_view text);
  Json& add(std::string_view name, const char* text) { return add(name, std::string_view(text)); }
  Json& add(std::string_view name, const std::string& text) {
    return add(name, std::string_view(text));
  }
  Json& add(std::string_view name, std::uint64_t number);
  Json& add_number(std::string_view name, double number, int decimals);
  Json& add_flag(std::string_view name, bool flag);
  Json& null(std::string_view name);
  const std::string& text() const { return text_; }
  std::string line() const { return text_ + "\n"; }

 private:
  void name(std::string_view name);
  void separate();
  std::string text_;
  std::string open_;
};

// Columns that fit their widest cell; numbers to the right. Cells are made fit to be shown.
class Table {
 public:
  // A heading that begins with ">" is a column of numbers.
  explicit Table(std::vector<std::string> headings);
  void add(std::vector<std::string> cells);
  bool empty() const { return rows_.empty(); }
  std::string text() const;

 private:
  std::vector<std::string> headings_;
  std::vector<bool> to_right_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace quarry::cli
