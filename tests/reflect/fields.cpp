#include <tenon/reflect/fields.hpp>

#include <doctest/doctest.h>

#include <array>
#include <boost/hana/adapt_struct.hpp>
#include <boost/hana/at_key.hpp>
#include <boost/hana/define_struct.hpp>
#include <boost/hana/first.hpp>
#include <boost/hana/for_each.hpp>
#include <boost/hana/keys.hpp>
#include <boost/hana/length.hpp>
#include <boost/hana/second.hpp>
#include <boost/hana/string.hpp>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace hana = boost::hana;

namespace fields_test {

enum class side { buy, sell };

struct quote {
  std::string symbol;
  double price = 0;
};

struct everything {
  bool flag;
  char letter;
  std::string text;
  std::string_view view;
  const char* literal;
  std::vector<std::string> list;
  std::vector<bool> bits;
  std::optional<std::vector<int>> maybe;
  std::optional<std::unique_ptr<int>> maybe_owned;
  std::variant<std::monostate, int, std::string> either;
  std::unique_ptr<quote> owned;
  std::map<std::string, quote> by_name;
  std::array<int, 3> three;
  std::pair<int, std::string> two;
  std::tuple<int, std::string, double> triple;
  std::chrono::milliseconds delay{5};
  std::chrono::system_clock::time_point at;
  side which = side::sell;
  quote nested;
  const int fixed = 3;
};

struct tree {
  int value = 0;
  std::vector<tree> children;
  std::unique_ptr<tree> next;
};

struct empty {};
struct derived : quote {};
struct further : derived {};
struct tagged : empty {
  int first = 1;
  int second = 2;
};
struct two_bases : empty, quote {};

class secret {
 public:
  int shown = 1;

  int number() const { return number_; }

 private:
  int number_ = 5;
  std::string text_ = "t";

  TENON_STRUCT((secret, tenon::name("vault.secret")), number_,
               (text_, tenon::name("text"), tenon::number(9), tenon::required))
};

struct foreign {
  int a = 1;
  int b = 2;
  int c = 3;
};
TENON_STRUCT_FOR(foreign, (c, tenon::name("last")), a)

struct derived_from_listed : secret {};

template <class T>
struct page {
  std::vector<T> items;
  int total = 0;
  TENON_STRUCT(page, items, total); // A semicolon may follow.
};

struct hana_defined {
  BOOST_HANA_DEFINE_STRUCT(hana_defined, (int, one), (std::string, two));
};
struct hana_adapted {
  long left = 1;
  long skipped = 2;
  long right = 3;
};

struct sixty_four {
  int f0 = 0;
  int f1 = 1;
  int f2 = 2;
  int f3 = 3;
  int f4 = 4;
  int f5 = 5;
  int f6 = 6;
  int f7 = 7;
  int f8 = 8;
  int f9 = 9;
  int f10 = 10;
  int f11 = 11;
  int f12 = 12;
  int f13 = 13;
  int f14 = 14;
  int f15 = 15;
  int f16 = 16;
  int f17 = 17;
  int f18 = 18;
  int f19 = 19;
  int f20 = 20;
  int f21 = 21;
  int f22 = 22;
  int f23 = 23;
  int f24 = 24;
  int f25 = 25;
  int f26 = 26;
  int f27 = 27;
  int f28 = 28;
  int f29 = 29;
  int f30 = 30;
  int f31 = 31;
  int f32 = 32;
  int f33 = 33;
  int f34 = 34;
  int f35 = 35;
  int f36 = 36;
  int f37 = 37;
  int f38 = 38;
  int f39 = 39;
  int f40 = 40;
  int f41 = 41;
  int f42 = 42;
  int f43 = 43;
  int f44 = 44;
  int f45 = 45;
  int f46 = 46;
  int f47 = 47;
  int f48 = 48;
  int f49 = 49;
  int f50 = 50;
  int f51 = 51;
  int f52 = 52;
  int f53 = 53;
  int f54 = 54;
  int f55 = 55;
  int f56 = 56;
  int f57 = 57;
  int f58 = 58;
  int f59 = 59;
  int f60 = 60;
  int f61 = 61;
  int f62 = 62;
  int f63 = 63;
};
struct hundred {
  int g0 = 0;
  int g1 = 1;
  int g2 = 2;
  int g3 = 3;
  int g4 = 4;
  int g5 = 5;
  int g6 = 6;
  int g7 = 7;
  int g8 = 8;
  int g9 = 9;
  int g10 = 10;
  int g11 = 11;
  int g12 = 12;
  int g13 = 13;
  int g14 = 14;
  int g15 = 15;
  int g16 = 16;
  int g17 = 17;
  int g18 = 18;
  int g19 = 19;
  int g20 = 20;
  int g21 = 21;
  int g22 = 22;
  int g23 = 23;
  int g24 = 24;
  int g25 = 25;
  int g26 = 26;
  int g27 = 27;
  int g28 = 28;
  int g29 = 29;
  int g30 = 30;
  int g31 = 31;
  int g32 = 32;
  int g33 = 33;
  int g34 = 34;
  int g35 = 35;
  int g36 = 36;
  int g37 = 37;
  int g38 = 38;
  int g39 = 39;
  int g40 = 40;
  int g41 = 41;
  int g42 = 42;
  int g43 = 43;
  int g44 = 44;
  int g45 = 45;
  int g46 = 46;
  int g47 = 47;
  int g48 = 48;
  int g49 = 49;
  int g50 = 50;
  int g51 = 51;
  int g52 = 52;
  int g53 = 53;
  int g54 = 54;
  int g55 = 55;
  int g56 = 56;
  int g57 = 57;
  int g58 = 58;
  int g59 = 59;
  int g60 = 60;
  int g61 = 61;
  int g62 = 62;
  int g63 = 63;
  int g64 = 64;
  int g65 = 65;
  int g66 = 66;
  int g67 = 67;
  int g68 = 68;
  int g69 = 69;
  int g70 = 70;
  int g71 = 71;
  int g72 = 72;
  int g73 = 73;
  int g74 = 74;
  int g75 = 75;
  int g76 = 76;
  int g77 = 77;
  int g78 = 78;
  int g79 = 79;
  int g80 = 80;
  int g81 = 81;
  int g82 = 82;
  int g83 = 83;
  int g84 = 84;
  int g85 = 85;
  int g86 = 86;
  int g87 = 87;
  int g88 = 88;
  int g89 = 89;
  int g90 = 90;
  int g91 = 91;
  int g92 = 92;
  int g93 = 93;
  int g94 = 94;
  int g95 = 95;
  int g96 = 96;
  int g97 = 97;
  int g98 = 98;
  int g99 = 99;
};
struct listed_128 {
  int h0 = 0;
  int h1 = 1;
  int h2 = 2;
  int h3 = 3;
  int h4 = 4;
  int h5 = 5;
  int h6 = 6;
  int h7 = 7;
  int h8 = 8;
  int h9 = 9;
  int h10 = 10;
  int h11 = 11;
  int h12 = 12;
  int h13 = 13;
  int h14 = 14;
  int h15 = 15;
  int h16 = 16;
  int h17 = 17;
  int h18 = 18;
  int h19 = 19;
  int h20 = 20;
  int h21 = 21;
  int h22 = 22;
  int h23 = 23;
  int h24 = 24;
  int h25 = 25;
  int h26 = 26;
  int h27 = 27;
  int h28 = 28;
  int h29 = 29;
  int h30 = 30;
  int h31 = 31;
  int h32 = 32;
  int h33 = 33;
  int h34 = 34;
  int h35 = 35;
  int h36 = 36;
  int h37 = 37;
  int h38 = 38;
  int h39 = 39;
  int h40 = 40;
  int h41 = 41;
  int h42 = 42;
  int h43 = 43;
  int h44 = 44;
  int h45 = 45;
  int h46 = 46;
  int h47 = 47;
  int h48 = 48;
  int h49 = 49;
  int h50 = 50;
  int h51 = 51;
  int h52 = 52;
  int h53 = 53;
  int h54 = 54;
  int h55 = 55;
  int h56 = 56;
  int h57 = 57;
  int h58 = 58;
  int h59 = 59;
  int h60 = 60;
  int h61 = 61;
  int h62 = 62;
  int h63 = 63;
  int h64 = 64;
  int h65 = 65;
  int h66 = 66;
  int h67 = 67;
  int h68 = 68;
  int h69 = 69;
  int h70 = 70;
  int h71 = 71;
  int h72 = 72;
  int h73 = 73;
  int h74 = 74;
  int h75 = 75;
  int h76 = 76;
  int h77 = 77;
  int h78 = 78;
  int h79 = 79;
  int h80 = 80;
  int h81 = 81;
  int h82 = 82;
  int h83 = 83;
  int h84 = 84;
  int h85 = 85;
  int h86 = 86;
  int h87 = 87;
  int h88 = 88;
  int h89 = 89;
  int h90 = 90;
  int h91 = 91;
  int h92 = 92;
  int h93 = 93;
  int h94 = 94;
  int h95 = 95;
  int h96 = 96;
  int h97 = 97;
  int h98 = 98;
  int h99 = 99;
  int h100 = 100;
  int h101 = 101;
  int h102 = 102;
  int h103 = 103;
  int h104 = 104;
  int h105 = 105;
  int h106 = 106;
  int h107 = 107;
  int h108 = 108;
  int h109 = 109;
  int h110 = 110;
  int h111 = 111;
  int h112 = 112;
  int h113 = 113;
  int h114 = 114;
  int h115 = 115;
  int h116 = 116;
  int h117 = 117;
  int h118 = 118;
  int h119 = 119;
  int h120 = 120;
  int h121 = 121;
  int h122 = 122;
  int h123 = 123;
  int h124 = 124;
  int h125 = 125;
  int h126 = 126;
  int h127 = 127;
  TENON_STRUCT(listed_128, h0, h1, h2, h3, h4, h5, h6, h7, h8, h9, h10, h11, h12, h13, h14, h15, h16, h17, h18, h19,
               h20, h21, h22, h23, h24, h25, h26, h27, h28, h29, h30, h31, h32, h33, h34, h35, h36, h37, h38, h39, h40,
               h41, h42, h43, h44, h45, h46, h47, h48, h49, h50, h51, h52, h53, h54, h55, h56, h57, h58, h59, h60, h61,
               h62, h63, h64, h65, h66, h67, h68, h69, h70, h71, h72, h73, h74, h75, h76, h77, h78, h79, h80, h81, h82,
               h83, h84, h85, h86, h87, h88, h89, h90, h91, h92, h93, h94, h95, h96, h97, h98, h99, h100, h101, h102,
               h103, h104, h105, h106, h107, h108, h109, h110, h111, h112, h113, h114, h115, h116, h117, h118, h119,
               h120, h121, h122, h123, h124, h125, h126, h127)
};

struct no_default {
  int& reference;
};
struct range {
  int* first = nullptr;
  int* begin() { return first; }
  int* end() { return first; }
};

// All names of a record, with a bar between them.
template <class T>
std::string names() {
  std::string all;
  hana::for_each(tenon::fields_of<T>, [&all](auto field) { all += std::string(field.name) + "|"; });
  return all;
}

namespace {
struct hidden {
  int x = 1;
  std::unique_ptr<int> y;
};
struct hidden_listed {
  int x = 1;
  TENON_STRUCT(hidden_listed, x)
};
} // namespace

} // namespace fields_test

BOOST_HANA_ADAPT_STRUCT(fields_test::hana_adapted, left, right);

using namespace fields_test;

TEST_CASE("a plain aggregate needs no macro") {
  struct local {
    int w;
    bool z;
  };
  CHECK(names<quote>() == "symbol|price|");
  CHECK(names<tree>() == "value|children|next|");
  CHECK(names<empty>() == "");
  CHECK(names<hidden>() == "x|y|");
  CHECK(names<local>() == "w|z|");
  CHECK(names<everything>() == "flag|letter|text|view|literal|list|bits|maybe|maybe_owned|either|owned|by_name|three|"
                               "two|triple|delay|at|which|nested|fixed|");
  static_assert(tenon::field_count<sixty_four> == 64);
  static_assert(tenon::field_count<hundred> == 100);
}

TEST_CASE("every field of a hundred is the right one") {
  hundred value;
  int expected = 0;
  tenon::for_each_field(value, [&](auto field, int& member) {
    CHECK(field.name == "g" + std::to_string(expected));
    CHECK(member == expected);
    CHECK(field.number == expected + 1);
    CHECK(&field(value) == &member);
    ++expected;
  });
  CHECK(expected == 100);
  CHECK(&tenon::get_field<99>(value) == &value.g99);
}

TEST_CASE("a field knows its type, and gives access to it") {
  static_assert(std::is_same_v<tenon::field<quote, 0>::type, std::string>);
  static_assert(std::is_same_v<tenon::field<tree, 2>::type, std::unique_ptr<tree>>);
  static_assert(std::is_same_v<tenon::field<secret, 1>::type, std::string>);
  static_assert(std::is_same_v<tenon::field<hana_adapted, 1>::type, long>);
  quote value{"ACME", 1.5};
  tenon::get_field<0>(value) = "TNT";
  const quote& constant = value;
  CHECK(tenon::field<quote, 0>{}(constant) == "TNT");
  static_assert(std::is_same_v<decltype(tenon::get_field<1>(constant)), const double&>);
  static constexpr foreign at_compile_time{1, 2, 3};
  static_assert(tenon::get_field<0>(at_compile_time) == 3);
}

TEST_CASE("a field is a hana pair of name and accessor") {
  quote value{"ACME", 1.5};
  hana::for_each(tenon::fields_of<quote>, [&](auto field) {
    CHECK(std::string_view(hana::first(field)) == field.name);
    CHECK(static_cast<const void*>(&hana::second(field)(value)) ==
          static_cast<const void*>(&tenon::get_field<field.index>(value)));
  });
}

TEST_CASE("an aggregate takes its fields from itself or from one base") {
  CHECK(names<derived>() == "symbol|price|");
  CHECK(names<further>() == "symbol|price|");
  CHECK(names<tagged>() == "first|second|");
  CHECK(names<two_bases>() == "symbol|price|");
  further value;
  tenon::get_field<1>(value) = 2.5;
  CHECK(value.price == 2.5);
}

TEST_CASE("a listed struct has the listed fields, private ones included, with their attributes") {
  CHECK(names<secret>() == "number_|text|");
  using text = tenon::field<secret, 1>;
  static_assert(text::identifier == "text_" && text::number == 9 && text::is_required);
  static_assert(tenon::field<secret, 0>::number == 1 && !tenon::field<secret, 0>::is_required);
  secret value;
  tenon::get_field<0>(value) = 6;
  CHECK(value.number() == 6);
  CHECK(names<foreign>() == "last|a|");
  CHECK(names<page<int>>() == "items|total|");
  CHECK(names<hidden_listed>() == "x|");
  CHECK(names<derived_from_listed>() == "number_|text|");
  static_assert(tenon::field_count<listed_128> == 128);
  listed_128 many;
  CHECK(tenon::get_field<127>(many) == 127);
}

TEST_CASE("a listed struct is a Hana Struct") {
  static_assert(hana::Struct<secret>::value);
  static_assert(!hana::Struct<quote>::value);
  secret value;
  CHECK(hana::at_key(value, BOOST_HANA_STRING("number_")) == 5);
  static_assert(decltype(hana::length(hana::keys(value)))::value == 2);
  foreign other;
  hana::at_key(other, BOOST_HANA_STRING("c")) = 8;
  CHECK(other.c == 8);
}

TEST_CASE("a Hana Struct from elsewhere is a record as it stands") {
  CHECK(names<hana_defined>() == "one|two|");
  CHECK(names<hana_adapted>() == "left|right|");
  hana_adapted value;
  tenon::get_field<1>(value) = 7;
  CHECK(value.right == 7);
  CHECK(value.skipped == 2);
}

TEST_CASE("a visit may stop") {
  quote value;
  int visited = 0;
  CHECK_FALSE(tenon::for_each_field_while(value, [&](auto, auto&) { return ++visited < 1; }));
  CHECK(visited == 1);
  CHECK(tenon::for_each_field_while(value, [&](auto, auto&) { return true; }));
  CHECK(tenon::for_each_field_while(empty{}, [&](auto, auto&) { return false; }));
}

TEST_CASE("what is not a record is told apart") {
  static_assert(tenon::record<quote> && tenon::record<empty> && tenon::record<secret> && tenon::record<hana_defined>);
  static_assert(!tenon::record<int> && !tenon::record<std::string> && !tenon::record<std::vector<int>> &&
                !tenon::record<int[3]>);
  static_assert(!tenon::record<std::array<int, 3>> && !tenon::record<std::pair<int, int>> &&
                !tenon::record<std::tuple<int>>);
  static_assert(!tenon::record<no_default> && !tenon::record<range> && !tenon::record<side> && !tenon::record<quote&>);
  CHECK(true);
}
