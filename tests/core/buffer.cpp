#include <tenon/core/buffer.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstring>
#include <limits>
#include <new>
#include <string>
#include <string_view>
#include <utility>

using tenon::buffer;

TEST_CASE("an empty buffer holds nothing and views nothing") {
  buffer empty;
  CHECK(empty.empty());
  CHECK(empty.view().empty());
  CHECK(empty.view(0).empty());
  empty.append("");
  empty.append(nullptr, 0);
  empty.drop_front(0);
  empty.release();
  CHECK(empty.capacity() == 0);
}

TEST_CASE("a buffer keeps what is written to it in every way") {
  buffer out;
  std::string expected;
  for (int i = 0; i < 2000; ++i) {
    out.push_back(static_cast<char>('a' + i % 26));
    expected.push_back(static_cast<char>('a' + i % 26));
    out.append("xyz");
    expected += "xyz";
    std::memcpy(out.extend(2), "12", 2);
    expected += "12";
    std::memcpy(out.prepare(100), "34", 2);
    out.commit(2);
    expected += "34";
  }
  CHECK(out.view() == expected);
  CHECK(out.view(5) == std::string_view{expected}.substr(5));
  out.drop_front(7);
  CHECK(out.view() == std::string_view{expected}.substr(7));
  out.truncate(3);
  CHECK(out.view() == std::string_view{expected}.substr(7, 3));
  const std::size_t kept = out.capacity();
  out.clear();
  CHECK(out.capacity() == kept);
  out.release();
  CHECK(out.capacity() == 0);
}

TEST_CASE("a buffer that was moved from is empty and usable") {
  buffer one;
  one.append("abc");
  buffer two = std::move(one);
  CHECK(two.view() == "abc");
  CHECK(one.empty());
  one.append("d");
  two = std::move(one);
  CHECK(two.view() == "d");
  buffer& same = two;
  two = std::move(same);
  CHECK(two.view() == "d");
  buffer three;
  three.swap(two);
  CHECK(three.view() == "d");
  CHECK(two.empty());
}

TEST_CASE("a size that no machine has is refused and changes nothing") {
  buffer out;
  out.append("abc");
  CHECK_THROWS_AS((void)out.extend((std::numeric_limits<std::size_t>::max)()), std::bad_alloc);
  CHECK(out.view() == "abc");
}

TEST_CASE("reserve gives exactly what is asked for, and keeps what is there") {
  tenon::buffer bytes;
  bytes.append(std::string_view{"kept"});
  CHECK(bytes.reserve(10'000));
  CHECK(bytes.capacity() == 10'000);
  CHECK(bytes.view() == "kept");
  CHECK(bytes.reserve(100));
  CHECK(bytes.capacity() == 10'000);
}
