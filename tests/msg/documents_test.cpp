// Holds the tables of docs/protocol against the code: what they list is what the code reads and
// writes, name by name and number by number.

#include "tests/msg/documents.hpp"

#include "tests/support/catch.hpp"

using namespace quarry;
using namespace quarry::test;

namespace {

std::string show(const std::vector<ItemRow>& rows) {
  std::string text;
  for (const ItemRow& row : rows) {
    text += std::to_string(row.kind) + ' ' + row.name + ':';
    for (const Field& field : row.fields) text += ' ' + field.name + ' ' + field.type;
    text += '\n';
  }
  return text;
}

template <class Items>
std::vector<ItemRow> rows_of() {
  std::vector<ItemRow> rows;
  each_item<Items>([&]<class Item>() {
    rows.push_back({Item::kKind, snake_name<Item>(), fields_of<Item>()});
  });
  return rows;
}

std::vector<ItemRow> sorted(std::vector<ItemRow> rows) {
  std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.kind < b.kind; });
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  return rows;
}

template <NamedWord Word>
std::string check_word() {
  const std::string word = snake_name<Word>();
  CAPTURE(word);
  std::map<std::uint64_t, std::string> in_code;
  for (std::uint64_t number = 0; number < Names<Word>::list.size(); ++number) {
    if (known<Word>(number)) in_code[number] = name(static_cast<Word>(number));
  }
  REQUIRE(word_table(word) == in_code);
  return word;
}

}  // namespace

TEST_CASE("the kind tables of the documents are those of the code") {
  std::map<std::string, std::size_t> tables_seen;
  each_direction([&]<class Direction>(const Direction& direction) {
    const std::string document(direction.name.substr(0, direction.name.find('.')));
    if (document == "link") return;
    CAPTURE(direction.name);
    const auto tables = kind_tables(document);
    const std::size_t at = tables_seen[document]++;
    REQUIRE(at < tables.size());
    REQUIRE(show(tables[at]) == show(sorted(rows_of<typename Direction::Items>())));
  });
  for (const auto& [document, seen] : tables_seen) {
    CAPTURE(document);
    REQUIRE(kind_tables(document).size() == seen);
  }
}

TEST_CASE("the kind tables of the link's document together are those of the code") {
  std::vector<ItemRow> in_code, in_document;
  each_direction([&]<class Direction>(const Direction& direction) {
    if (!direction.name.starts_with("link.")) return;
    for (const ItemRow& row : rows_of<typename Direction::Items>()) {
      if (row.kind < 64) in_code.push_back(row);  // from 64 on they are control's
    }
  });
  for (const auto& table : kind_tables("link")) {
    in_document.insert(in_document.end(), table.begin(), table.end());
  }
  REQUIRE(show(sorted(in_document)) == show(sorted(in_code)));
}

TEST_CASE("the records of the documents are those of the code") {
  const auto check = []<class... Records>(const std::string& document, Records...) {
    CAPTURE(document);
    const std::map<std::string, std::vector<Field>> in_code{
        {snake_name<Records>(), fields_of<Records>()}...};
    REQUIRE(records(document) == in_code);
  };
  check("README", KeyRange{}, report::StoredEntry{});
  check("control", report::PeerEntry{}, report::AskCandidate{});
}

TEST_CASE("the words of the documents are those of the code") {
  const std::vector<std::string> checked{check_word<Reason>(),
                                         check_word<Outcome>(),
                                         check_word<Terminal>(),
                                         check_word<FetchState>(),
                                         check_word<WaitsFor>(),
                                         check_word<Class>(),
                                         check_word<WorkerRole>(),
                                         check_word<PeerRole>(),
                                         check_word<PeerState>(),
                                         check_word<Why>(),
                                         check_word<AskResult>(),
                                         check_word<Standing>(),
                                         check_word<control::Predicate>()};
  REQUIRE(words() == checked);
}

TEST_CASE("the limits of the documents are those of the code") {
  const std::map<std::string, std::uint64_t> shared{
      {"batch_items", limits::kBatchItems},
      {"max_envelope", limits::kMaxEnvelope},
      {"max_tokens", limits::kMaxTokens},
      {"max_depth", limits::kMaxDepth},
      {"max_network", limits::kMaxNetwork},
      {"max_text", limits::kMaxText},
      {"max_tag", limits::kMaxTag},
      {"max_targets", limits::kMaxTargets},
      {"max_tags", limits::kMaxTags},
      {"max_keys", limits::kMaxKeys},
      {"max_ranges", limits::kMaxRanges},
      {"max_stored", limits::kMaxStored},
      {"max_records", limits::kMaxRecords},
      {"batch_bytes", limits::kBatchBytes},
      {"travels_alone", limits::kTravelsAlone},
  };
  REQUIRE(limits_in("README") == shared);
  REQUIRE(limits_in("peer") == std::map<std::string, std::uint64_t>{
                                   {"max_ask_envelope", limits::max_ask_envelope(Network{})}});
}

TEST_CASE("a list has at most as many elements as the documents say of what it lists") {
  REQUIRE(kListLimit<PeerKey> == limits::kMaxTargets);
  REQUIRE(kListLimit<Tag> == limits::kMaxTags);
  REQUIRE(kListLimit<Key> == limits::kMaxKeys);
  REQUIRE(kListLimit<FetchId> == limits::kMaxKeys);
  REQUIRE(kListLimit<std::uint16_t> == limits::kMaxKeys);
  REQUIRE(kListLimit<KeyRange> == limits::kMaxRanges);
  REQUIRE(kListLimit<report::StoredEntry> == limits::kMaxStored);
  REQUIRE(kListLimit<report::PeerEntry> == limits::kMaxRecords);
}
