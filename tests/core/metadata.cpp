#include <tenon/core/metadata.hpp>

#include <doctest/doctest.h>

#include <string>

using tenon::metadata;

static_assert(metadata::same_key("Content-Type", "content-type") && !metadata::same_key("a", "ab") && !metadata::same_key("[", "{"));

TEST_CASE("metadata keeps order, duplicates and the spelling of keys") {
  metadata entries{{"Trace", "1"}, {"user", "ann"}};
  entries.add("TRACE", "2");
  CHECK(entries.size() == 3);
  CHECK(entries.get("trace") == "1");
  CHECK(entries.begin()->first == "Trace");
  CHECK_FALSE(entries.get("none").has_value());
  CHECK(entries.contains("USER"));
}

TEST_CASE("set replaces every value of a key, and erase takes them all") {
  metadata entries{{"a", "1"}, {"b", "2"}, {"A", "3"}};
  entries.set("a", "4");
  CHECK(entries == metadata{{"b", "2"}, {"a", "4"}});
  entries.erase("B");
  CHECK(entries == metadata{{"a", "4"}});
  entries.clear();
  CHECK(entries.empty());
}

TEST_CASE("what is set or erased may be a view of the metadata itself") {
  const std::string text = "a value that is longer than any small string, one";
  metadata entries{{"first", text}, {"second", "2"}, {"First", "3"}};
  entries.set("first", *entries.get("first"));
  CHECK(entries.get("first") == text);
  entries.set("second", *entries.get("first"));
  CHECK(entries.get("second") == text);
  entries.erase(entries.begin()->first);
  CHECK(entries == metadata{{"second", text}});
  for (int i = 0; i < 100; ++i) entries.add(entries.begin()->first, *entries.get("second"));
  CHECK(entries.size() == 101);
  CHECK((entries.end() - 1)->second == text);
}
