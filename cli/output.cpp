#include "cli/output.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "cli/files.hpp"

namespace quarry::cli {
namespace {

// The columns that a text takes: its characters, as far as one takes one column.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string coloured(std::string_view code, std::string_view text) {
  if (!colour()) return std::string(text);
  return "\x1b[" + std::string(code) + "m" + std::string(text) + "\x1b[0m";
}

}  // namespace

Result<> print(ByteView bytes) {
  if (write_all(STDOUT_FILENO, bytes)) return {};
  return error(Error::Kind::io, std::string("cannot write to stdout: ") + std::strerror(errno));
}
Result<> print(std::string_view text) { return print(bytes_of(text)); }

Exit finish(std::string_view text) {
  const auto printed = print(text);
  return printed ? Exit::ok : fail(printed.error());
}

void note(std::string_view line) {
  const std::string whole = "quarry: " + shown(line) + "\n";
  // There is nobody left to tell when this fails.
  static_cast<void>(write_all(STDERR_FILENO, bytes_of(whole)));
}

Exit fail(const Error& error) {
  note(error.line());
  return exit_for(error.kind);
}

bool on_terminal(int fd) { return ::isatty(fd) == 1; }

bool colour() {
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  const bool dumb = term != nullptr && std::string_view(term) == "dumb";
  return on_terminal(STDOUT_FILENO) && !dumb && (no_color == nullptr || *no_color == '\0');
}
std::string bold(std::string_view text) { return coloured("1", text); }
std::string red(std::string_view text) { return coloured("31", text); }

void Json::separate() {
  if (!text_.empty() && text_.back() != '{' && text_.back() != '[') text_ += ',';
}
void Json::name(std::string_view name) {
  separate();
  text_ += json_string(name);
  text_ += ':';
}
std::string fixed(double number, int decimals) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", decimals, number);
  return text;
}

Json& Json::begin(char bracket) {
  separate();
  text_ += bracket;
  open_ += bracket;
  return *this;
}
Json& Json::begin(std::string_view named, char bracket) {
  name(named);
  text_ += bracket;
  open_ += bracket;
  return *this;
}
Json& Json::end() {
  QUARRY_CHECK(!open_.empty());
  text_ += open_.back() == '{' ? '}' : ']';
  open_.pop_back();
  return *this;
}
Json& Json::add(std::string_view named, std::string_view text) {
  name(named);
  text_ += json_string(text);
  return *this;
}
Json& Json::add(std::string_view named, std::uint64_t number) {
  name(named);
  text_ += std::to_string(number);
  return *this;
}
Json& Json::add_number(std::string_view named, double number, int decimals) {
  name(named);
  text_ += fixed(number, decimals);
  return *this;
}
Json& Json::add_flag(std::string_view named, bool flag) {
  name(named);
  text_ += flag ? "true" : "false";
  return *this;
}
Json& Json::null(std::string_view named) {
  name(named);
  text_ += "null";
  return *this;
}

Table::Table(std::vector<std::string> headings) : headings_(std::move(headings)) {
  for (std::string& heading : headings_) {
    to_right_.push_back(heading.starts_with('>'));
    if (to_right_.back()) heading.erase(0, 1);
  }
}

void Table::add(std::vector<std::string> cells) {
  QUARRY_CHECK(cells.size() == headings_.size());
  for (std::string& cell : cells) cell = shown(cell);
  rows_.push_back(std::move(cells));
}

std::string Table::text() const {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < headings_.size(); ++i) {
    widths.push_back(width_of(headings_[i]));
    for (const auto& row : rows_) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  const auto line_of = [&](const std::vector<std::string>& cells) {
    std::string line;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const std::string gap(widths[i] - width_of(cells[i]), ' ');
      line += to_right_[i] ? gap + cells[i] : cells[i] + gap;
      line += "  ";
    }
    line.erase(line.find_last_not_of(' ') + 1);
    return line;
  };
  std::string text = bold(line_of(headings_)) + "\n";
  for (const auto& row : rows_) text += line_of(row) + "\n";
  return text;
}

}  // namespace quarry::cli
