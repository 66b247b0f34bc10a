#include "tests/msg/documents.hpp"

#include <fstream>
#include <sstream>

#include "tests/support/catch.hpp"

namespace quarry::test {
namespace {

using Lines = std::vector<std::string>;

Lines lines_of(const std::string& document) {
  std::ifstream file(std::string(QUARRY_DOCUMENTS) + "/" + document + ".md");
  REQUIRE(file.good());
  Lines lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

std::vector<std::string> split(const std::string& text, const std::string& by) {
  std::vector<std::string> parts;
  std::size_t from = 0;
  for (std::size_t at = 0; (at = text.find(by, from)) != std::string::npos; from = at + by.size()) {
    parts.push_back(text.substr(from, at - from));
  }
  parts.push_back(text.substr(from));
  return parts;
}

// The cells of a table's row, without the blanks around them; none for any other line.
std::vector<std::string> cells(const std::string& line) {
  if (!line.starts_with("|")) return {};
  std::vector<std::string> parts = split(line, "|");
  parts.erase(parts.begin());
  parts.pop_back();
  for (std::string& part : parts) {
    part.erase(0, part.find_first_not_of(' '));
    part.erase(part.find_last_not_of(' ') + 1);
  }
  return parts;
}

bool is_number(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

// The text between the first two backquotes.
std::string quoted(const std::string& text) {
  const auto parts = split(text, "`");
  CAPTURE(text);
  REQUIRE(parts.size() >= 3);
  return parts[1];
}

std::vector<Field> parse_fields(const std::string& cell) {
  std::vector<Field> fields;
  if (cell.empty()) return fields;
  for (const std::string& field : split(cell, ", ")) {
    const auto words = split(field, " ");
    REQUIRE(words.size() >= 2);
    fields.push_back({quoted(words[0]), words[1]});
  }
  return fields;
}

// What `name=` is followed by in the first line of a block.
std::string attribute(const std::string& fence, const std::string& name) {
  const std::size_t at = fence.find(" " + name + "=");
  if (at == std::string::npos) return {};
  const std::size_t from = at + name.size() + 2;
  return fence.substr(from, fence.find(' ', from) - from);
}

std::string block(const Lines& lines, std::size_t& at) {
  std::string text;
  for (++at; at < lines.size() && !lines[at].starts_with("```"); ++at) text += lines[at] + '\n';
  REQUIRE(at < lines.size());
  return text;
}

std::string without_comments(const std::string& text) {
  std::string kept;
  for (const std::string& line : split(text, "\n")) kept += line.substr(0, line.find('#')) + ' ';
  return kept;
}

void read_examples(const std::string& document, std::vector<Example>& to) {
  const Lines lines = lines_of(document);
  for (std::size_t at = 0; at < lines.size(); ++at) {
    const std::string& fence = lines[at];
    if (fence.starts_with("```hex ")) {
      Example example{document,
                      attribute(fence, "name"),
                      attribute(fence, "direction"),
                      attribute(fence, "refused"),
                      {},
                      {}};
      example.frames.payload = bytes_from_hex(attribute(fence, "payload"));
      example.frames.envelope = bytes_from_hex(without_comments(block(lines, at)));
      to.push_back(example);
    } else if (fence.starts_with("```json ")) {
      CAPTURE(fence);
      REQUIRE_FALSE(to.empty());
      REQUIRE(to.back().name == attribute(fence, "name"));
      to.back().notation = block(lines, at);
    }
  }
}

}  // namespace

const std::vector<Example>& examples() {
  static const std::vector<Example> all = [] {
    std::vector<Example> read;
    for (const char* document : {"README", "peer", "control", "worker", "link"}) {
      read_examples(document, read);
    }
    return read;
  }();
  return all;
}

std::vector<std::vector<ItemRow>> kind_tables(const std::string& document) {
  std::vector<std::vector<ItemRow>> tables;
  for (const std::string& line : lines_of(document)) {
    const auto row = cells(line);
    if (row.size() != 3) continue;
    if (row[0] == "kind") tables.emplace_back();
    if (is_number(row[0])) {
      REQUIRE_FALSE(tables.empty());
      tables.back().push_back({std::stoull(row[0]), quoted(row[1]), parse_fields(row[2])});
    }
  }
  return tables;
}

std::map<std::string, std::vector<Field>> records(const std::string& document) {
  std::map<std::string, std::vector<Field>> records;
  bool inside = false;
  for (const std::string& line : lines_of(document)) {
    const auto row = cells(line);
    inside = row.size() == 2 && (inside || row[0] == "record");
    if (inside && row[0].starts_with('`')) records[quoted(row[0])] = parse_fields(row[1]);
  }
  return records;
}

std::map<std::uint64_t, std::string> word_table(const std::string& word) {
  std::map<std::uint64_t, std::string> table;
  bool inside = false;
  for (const std::string& line : lines_of("README")) {
    if (line.starts_with("#")) inside = line.starts_with("### `" + word + "`");
    const auto row = cells(line);
    if (!inside || row.size() != 3 || !is_number(row[0])) continue;
    REQUIRE(table.emplace(std::stoull(row[0]), quoted(row[1])).second);
  }
  return table;
}

std::vector<std::string> words() {
  std::vector<std::string> words;
  for (const std::string& line : lines_of("README")) {
    if (line.starts_with("### `")) words.push_back(quoted(line));
  }
  return words;
}

std::map<std::string, std::uint64_t> limits_in(const std::string& document) {
  std::map<std::string, std::uint64_t> limits;
  bool inside = false;
  for (const std::string& line : lines_of(document)) {
    const auto row = cells(line);
    inside = row.size() == 3 && (inside || row[0] == "limit");
    if (inside && is_number(row[1])) limits[quoted(row[0])] = std::stoull(row[1]);
  }
  return limits;
}

}  // namespace quarry::test
