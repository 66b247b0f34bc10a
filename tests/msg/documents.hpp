// The documents of docs/protocol as the tests see them: their examples, and the rows of their
// tables.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/msg/schema.hpp"

namespace quarry::test {

struct Example {
  std::string document;
  std::string name;
  std::string direction;
  std::string refused;   // the reason; empty where it fits
  Frames frames;         // from the hex block
  std::string notation;  // the json block; empty where it is refused
};
// Of all documents, in order.
const std::vector<Example>& examples();

struct ItemRow {
  std::uint64_t kind = 0;
  std::string name;
  std::vector<Field> fields;
  friend bool operator==(const ItemRow&, const ItemRow&) = default;
};
// The kind tables of a document ("peer"), in order.
std::vector<std::vector<ItemRow>> kind_tables(const std::string& document);
// Its tables of records.
std::map<std::string, std::vector<Field>> records(const std::string& document);
// The table below the heading of a word: number and word.
std::map<std::uint64_t, std::string> word_table(const std::string& word);
// Every word that has a heading.
std::vector<std::string> words();
// The rows of the tables of limits: name and value.
std::map<std::string, std::uint64_t> limits_in(const std::string& document);

}  // namespace quarry::test
