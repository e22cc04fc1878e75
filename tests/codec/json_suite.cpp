// What is json and what is not: cases of our own for every production of RFC 8259, and the public JSONTestSuite where TENON_JSON_TEST_SUITE names its
// folder test_parsing. Each text is read free, typed and skipped, and compared with nlohmann.
#include <tenon/codec/json.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include <tenon/codec/concept.hpp>

namespace json_suite_test {

using tenon::codec::json;
using tenon::codec::proto_json;
using namespace std::string_literals;
using namespace std::string_view_literals;

struct nothing {};
struct holder {
  nlohmann::json free;
};

template <class Codec = json>
bool reads_free(std::string_view text) {
  nlohmann::json value;
  return tenon::decode_into<Codec>(text, value).ok();
}

// The same text where it is a field that nobody wants, and where it is an element of one.
bool is_skipped(std::string_view text) {
  nothing value;
  const std::string within = "{\"x\":["s.append(text).append("]}");
  return tenon::decode_into<json>(within, value).ok();
}
bool reads_within(std::string_view text) {
  holder value;
  const std::string within = "{\"free\":["s.append(text).append("]}");
  return tenon::decode_into<json>(within, value).ok();
}

void check_accepted(std::string_view text) {
  INFO(text);
  CHECK(reads_free(text));
  CHECK(reads_free<proto_json>(text));
  CHECK(nlohmann::json::accept(text));
  CHECK(is_skipped(text));
  CHECK(reads_within(text));
  // White space around a text changes nothing.
  CHECK(reads_free(" \t\n\r"s.append(text).append("\r\n\t ")));
}

void check_refused(std::string_view text) {
  INFO(text);
  CHECK_FALSE(reads_free(text));
  CHECK_FALSE(reads_free<proto_json>(text));
  CHECK_FALSE(nlohmann::json::accept(text));
}
// A single value that is wrong is wrong everywhere.
void check_refused_value(std::string_view text) {
  check_refused(text);
  INFO(text);
  CHECK_FALSE(is_skipped(text));
  CHECK_FALSE(reads_within(text));
}

template <class T>
std::string failure(std::string_view text) {
  const tenon::result<T> value = tenon::decode<T, json>(text);
  return value.has_value() ? "none" : value.error().message();
}

}  // namespace json_suite_test

using namespace json_suite_test;

TEST_CASE("every production of the grammar is accepted") {
  // clang-format off
  for (const std::string_view text : {
           // Literals and numbers.
           "null"sv, "true"sv, "false"sv, "0"sv, "-0"sv, "7"sv, "-12"sv, "1234567890"sv, "0.0"sv, "-0.5"sv, "10.25"sv, "0e0"sv, "0E5"sv, "1e1"sv, "1E+2"sv, "1e-2"sv, "1.5e3"sv,
           "-1.5E-03"sv, "0e+00"sv, "1e007"sv, "9007199254740993"sv, "-9223372036854775808"sv, "18446744073709551615"sv, "3.141592653589793238462643383279"sv,
           "0.00000000000000000000000000000000000001"sv, "100000000000000000000000000"sv,
           // Strings.
           R"("")"sv, R"("a")"sv, R"("\"")"sv, R"("\\")"sv, R"("\/")"sv, R"("\b\f\n\r\t")"sv, R"("\u0041")"sv, R"("\u00e9\u00E9")"sv, R"("\u0000")"sv, R"("\ud83d\ude00")"sv,
           R"("\uD83D\uDE00 and \uDBFF\uDFFF")"sv, R"("\ud800\udc00")"sv, R"("\ufffe\uffff\ufdd0")"sv, R"("\\u0041")"sv, R"("\\\"")"sv, R"("/*no comment*/")"sv, R"("'")"sv,
           R"("\u2028\u2029")"sv, "\"\xE2\x80\xA8\xE2\x80\xA9\""sv, "\"\x7F\""sv, "\"\xC2\x80\""sv, "\"\xDF\xBF\""sv, "\"\xE0\xA0\x80\""sv, "\"\xED\x9F\xBF\""sv,
           "\"\xEE\x80\x80\""sv, "\"\xEF\xBF\xBF\""sv, "\"\xF0\x90\x80\x80\""sv, "\"\xF4\x8F\xBF\xBF\""sv, "\"\xEF\xBB\xBF within\""sv, "\"許多往事 \xF0\x9F\x98\x80\""sv,
           R"("a text that is longer than sixteen characters, with an escape\n after it")"sv,
           // Arrays.
           "[]"sv, "[ ]"sv, "[1]"sv, "[1,2]"sv, "[ 1 , 2 ]"sv, "[[]]"sv, "[[],[[]],{}]"sv, "[null,true,false,0,\"\",[],{}]"sv, "[\n\t1\r]"sv, "[[1],2]"sv,
           // Objects.
           "{}"sv, "{ }"sv, R"({"":0})"sv, R"({"a":1})"sv, R"({"a":1,"b":{"c":[]}})"sv, R"({ "a" : 1 , "b" : 2 })"sv, R"({"a":1,"a":2})"sv, R"({"a":{},"a":[]})"sv,
           R"({"\u0061":1,"a":2})"sv, R"({"a\"b":1})"sv, R"({"\u0000":0})"sv, "{\n\"a\"\t:\r1\n}"sv, R"({"許":"é"})"sv}) {
    // clang-format on
    check_accepted(text);
  }
}

TEST_CASE("numbers that are none are refused") {
  // clang-format off
  for (const std::string_view text : {
           "-"sv, "+1"sv, "++1"sv, "--1"sv, "+-1"sv, "00"sv, "01"sv, "-01"sv, "-00"sv, "012"sv, "0x1"sv, "0b1"sv, "1_000"sv, "1 000"sv, "."sv, ".5"sv, "-.5"sv, "5."sv, "-5."sv, "0."sv, "1.e1"sv,
           "0.e1"sv, "1e"sv, "1E"sv, "1e+"sv, "1e-"sv, "1.0e"sv, "1e1.5"sv, "1ee1"sv, "1e1e1"sv, "1.2.3"sv, "1e+-1"sv, "1-2"sv, "1+2"sv, "1a"sv, "1e1a"sv, "- 1"sv, "-a"sv, "-Infinity"sv, "Infinity"sv,
           "inf"sv, "NaN"sv, "nan"sv, "-NaN"sv, "1.8011670033376514H-308"sv, "\xEF\xBC\x91"sv, "1\xC3\xA9"sv, "0.1.2"sv, "0e"sv, "0e+"sv, "$1"sv, "1f"sv, "1L"sv}) {
    // clang-format on
    check_refused_value(text);
  }
}

TEST_CASE("strings that are none are refused") {
  // clang-format off
  for (const std::string_view text : {
           "\""sv, "\"a"sv, "'a'"sv, "a"sv, "\"a\"b"sv, "\"a\"\"b\""sv, "\"\\"sv, "\"\\\""sv, R"("\a")"sv, R"("\x41")"sv, R"("\'")"sv, R"("\0")"sv, R"("\ ")"sv, R"("\U0041")"sv, "\"\\\n\""sv, "\"\\\xC3\xA9\""sv,
           R"("\u")"sv, R"("\u0")"sv, R"("\u00")"sv, R"("\u004")"sv, R"("\u004g")"sv, R"("\u{41}")"sv, R"("\u+041")"sv, R"("\u 041")"sv, R"("\u-041")"sv, "\"\\u00"sv,
           // Control characters must be escaped.
           "\"\n\""sv, "\"\t\""sv, "\"\r\""sv, "\"\0\""sv, "\"\x01\""sv, "\"\x1F\""sv, "\"twenty characters and\x1F more\""sv,
           // Lone surrogates, and pairs the wrong way round.
           R"("\ud800")"sv, R"("\udc00")"sv, R"("\udfff")"sv, R"("\ud800a")"sv, R"("\ud800\n")"sv, R"("\ud800\u0041")"sv, R"("\ud800\ud800")"sv, R"("\udc00\ud800")"sv, R"("\ud83d\ude0")"sv, R"("\ud83d\u")"sv,
           R"("\ud83d\\ude00")"sv, "\"\\ud83d\\\""sv,
           // Bytes that are no UTF-8: stray and missing continuations, overlong forms, surrogates, beyond U+10FFFF, Latin-1.
           "\"\x80\""sv, "\"\xBF\""sv, "\"\xC3\""sv, "\"\xC3(\""sv, "\"\xE2\x82\""sv, "\"\xE2(\xA1\""sv, "\"\xF0\x9F\x98\""sv, "\"\xF0\x9F(\x80\""sv, "\"\xC0\x80\""sv, "\"\xC1\xBF\""sv, "\"\xE0\x80\x80\""sv,
           "\"\xE0\x9F\xBF\""sv, "\"\xF0\x80\x80\x80\""sv, "\"\xF0\x8F\xBF\xBF\""sv, "\"\xED\xA0\x80\""sv, "\"\xED\xBF\xBF\""sv, "\"\xF4\x90\x80\x80\""sv, "\"\xF5\x80\x80\x80\""sv, "\"\xF8\x88\x80\x80\x80\""sv,
           "\"\xFE\""sv, "\"\xFF\""sv, "\"caf\xE9\""sv, "\"plain text before \xFF it\""sv}) {
    // clang-format on
    check_refused_value(text);
  }
}

TEST_CASE("literals, arrays and objects that are none are refused") {
  // clang-format off
  for (const std::string_view text : {
           "nul"sv, "nulll"sv, "Null"sv, "NULL"sv, "tru"sv, "truee"sv, "True"sv, "fals"sv, "FALSE"sv, "undefined"sv, "t"sv, "n"sv, "f"sv, "true false"sv,
           "["sv, "[1"sv, "[1,"sv, "[,1]"sv, "[1,,2]"sv, "[1,]"sv, "[,]"sv, "[1 2]"sv, "[1;2]"sv, "[1}"sv, "[\"a\""sv, "[[]"sv, "[\"a\":1]"sv, "[1:2]"sv, "[a]"sv, "[\\n]"sv, "[\"\""sv, "[*]"sv, "[<null>]"sv,
           "{"sv, "{\"a\""sv, "{\"a\":"sv, "{\"a\":1"sv, "{\"a\":1,"sv, "{\"a\":1,}"sv, "{,}"sv, "{\"a\"}"sv, "{\"a\",1}"sv, "{\"a\" 1}"sv, "{\"a\"::1}"sv, "{\"a\":}"sv, "{:1}"sv, "{a:1}"sv, "{'a':1}"sv, "{1:1}"sv,
           "{null:1}"sv, "{[]:1}"sv, "{\"a\":1 \"b\":2}"sv, "{\"a\":1;\"b\":2}"sv, "{\"a\":1]"sv, "{\"a\":1,,\"b\":2}"sv, "{\"a\":1,\"b\"}"sv, "{\"a\"=1}"sv, "{\"a\":\"b\" c}"sv, "{\"\xE9\":1}"sv, "{\"\\ud800\":1}"sv,
           "{\"a\n\":1}"sv, "{\"a\":truth}"sv, "{{}}"sv, "{[]}"sv, "{\"a\":1/**/}"sv, "{\"a\":1}//"sv, "/**/1"sv, "1/**/"sv, "# 1"sv,
           // White space is four characters and no more.
           "\f1"sv, "\v1"sv, "1\f"sv, "[\f]"sv, "\xC2\xA0" "1"sv, "[\xE2\x81\xA0]"sv, "\xE3\x80\x80" "1"sv, "\x85" "1"sv}) {
    // clang-format on
    check_refused_value(text);
  }
}

TEST_CASE("nothing, or more than one value, is no text") {
  for (const std::string_view text : {""sv, " "sv, "\n"sv, "1 2"sv, "[][]"sv, "{}{}"sv, "1,2"sv, "1,"sv, ",1"sv, "[]]"sv, "{}}"sv, "]"sv, "}"sv, ","sv, ":"sv, "[1]x"sv, "{\"a\":1}#"sv, "\"a\" \"b\""sv, "\0"sv, "\x1A"sv}) {
    check_refused(text);
  }
  CHECK(failure<int>("1 2") == "expected end of input, found 1 more byte at byte 2");
}

TEST_CASE("where the grammar leaves the answer open, ours is stated") {
  // A byte order mark is refused: RFC 8259 8.1 forbids to send it. nlohmann skips it.
  CHECK_FALSE(reads_free("\xEF\xBB\xBF{}"));
  CHECK(nlohmann::json::accept("\xEF\xBB\xBF{}"s));
  CHECK_FALSE(reads_free("\xEF\xBB\xBF"));
  // A byte of zero after the text is a trailing byte. nlohmann takes it for the end.
  CHECK_FALSE(reads_free("123\0"sv));
  CHECK(failure<int>("123\0"sv) == "expected end of input, found 1 more byte at byte 3");
  // UTF-16 is no UTF-8, with or without its mark.
  CHECK_FALSE(reads_free("\xFF\xFE[\0]\0"sv));
  CHECK_FALSE(reads_free("[\0]\0"sv));
  CHECK_FALSE(reads_free("\0[\0]"sv));
  // Overlong numbers: a double takes the nearest value, zero for the smallest; what is larger than all doubles is refused and not infinite.
  CHECK(reads_free("-123456789012345678901234567890"));
  CHECK(reads_free("1e-99999999999999999999"));
  CHECK(reads_free("0." + std::string(1000, '0') + "1"));
  CHECK(failure<double>("1e309") == "expected number within the range of a double, found 1e309 at byte 0");
  CHECK(failure<double>("-1" + std::string(400, '0')) == "expected number within the range of a double, found -1" + std::string(38, '0') + "... at byte 0");
  CHECK(failure<double>("0.4e00669999999999999999999999999999999999999999999999999999").starts_with("expected number within the range of a double"));
  // Nesting ends at 100 levels, which limits can raise.
  CHECK(reads_free(std::string(100, '[') + std::string(100, ']')));
  CHECK_FALSE(reads_free(std::string(101, '[') + std::string(101, ']')));
  CHECK_FALSE(reads_free(std::string(100'000, '[')));
  tenon::limits deep;
  deep.max_nesting = 500;
  nlohmann::json value;
  CHECK(tenon::decode_into<json>(std::string(500, '[') + std::string(500, ']'), value, deep).ok());
  // Of doubled keys the last counts, alone.
  CHECK(*tenon::decode<nlohmann::json, json>(R"({"a":{"b":1},"a":{"c":2}})") == nlohmann::json{{"a", {{"c", 2}}}});
}

// The folder is not part of the repository: github.com/nst/JSONTestSuite, MIT licence. tests/interop/json.sh gets it: of its 318 cases the 293 that are text.
TEST_CASE("JSONTestSuite: all y_ are accepted, all n_ refused, and of i_ those that say so here") {
  const char* const folder = std::getenv("TENON_JSON_TEST_SUITE");
  if (folder == nullptr || !std::filesystem::is_directory(folder)) {
    MESSAGE("skipped: TENON_JSON_TEST_SUITE names no folder test_parsing of JSONTestSuite");
    return;
  }
  // Numbers beyond 64 bits become doubles, and what is too small for a double becomes zero. All other i_ are refused: numbers too large for a double,
  // surrogates that are alone, bytes that are no UTF-8, the byte order mark, 500 levels.
  const std::vector<std::string> accepted{"i_number_double_huge_neg_exp.json", "i_number_real_underflow.json", "i_number_too_big_neg_int.json", "i_number_too_big_pos_int.json",
                                          "i_number_very_big_negative_int.json"};
  // Where nlohmann differs from us: it skips the byte order mark, has no bound on nesting, and takes a byte of zero for the end.
  const std::vector<std::string> differs{"i_structure_500_nested_arrays.json", "i_structure_UTF-8_BOM_empty_object.json", "n_multidigit_number_then_00.json"};
  const auto is_in = [](const std::vector<std::string>& names, const std::string& name) {
    for (const std::string& each : names) {
      if (each == name) return true;
    }
    return false;
  };
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    INFO(name);
    const bool ours = reads_free(text);
    CHECK(ours == (name.starts_with("y_") || is_in(accepted, name)));
    CHECK((ours == nlohmann::json::accept(text)) == !is_in(differs, name));
    ++count;
  }
  CHECK(count >= 293);
}
