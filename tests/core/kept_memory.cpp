#include <tenon/core/kept_memory.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <string>

#include <tenon/core/buffer.hpp>

using tenon::buffer;
using tenon::detail::kept_input;
using tenon::detail::kept_memory;

namespace {

constexpr std::size_t bound = 2 * 1024 * 1024;
constexpr std::size_t large = 1024 * 1024;

}  // namespace

TEST_CASE("memory stays while messages need it, and goes when sixteen in a row were small") {
  buffer one;
  kept_memory kept;
  const auto use = [&](std::size_t bytes) {
    one.append(std::string(bytes, 'x'));
    one.clear();
    kept.emptied(one, bytes, bound);
    return one.capacity();
  };
  CHECK(use(large) >= large);
  for (int i = 0; i < 15; ++i) CHECK(use(100) >= large);
  CHECK(use(large) >= large);
  for (int i = 0; i < 15; ++i) CHECK(use(100) >= large);
  CHECK(use(100) == 0);
  for (int i = 0; i < 100; ++i) CHECK(use(1000) >= 1000);
}

TEST_CASE("memory above the bound goes at once, a little stays for ever, and what rests keeps a little") {
  buffer one;
  kept_memory kept;
  one.append(std::string(bound + 1, 'x'));
  one.clear();
  kept.emptied(one, bound + 1, bound);
  CHECK(one.capacity() == 0);
  one.append(std::string(kept_memory::little, 'x'));
  one.clear();
  kept.emptied(one, kept_memory::little, 0);
  kept_memory::rest(one);
  CHECK(one.capacity() >= kept_memory::little);
  one.append(std::string(large, 'x'));
  kept_memory::rest(one);
  CHECK(one.size() == large);
  one.clear();
  kept_memory::rest(one);
  CHECK(one.capacity() == 0);
}

TEST_CASE("what is read into waits with little memory, and finds the rest again when a large message comes") {
  buffer in;
  kept_input kept;
  const auto receive = [&](std::size_t bytes) {
    std::size_t largest = 0;
    while (in.size() < bytes) {
      const std::size_t room = kept.make_room(in);
      const std::size_t before = in.size();
      char* const into = in.prepare(room);
      for (std::size_t i = 0; i < room; ++i) into[i] = static_cast<char>((before + i) % 251);
      in.commit(room);
      kept.came(room);
      largest = in.capacity();
    }
    for (std::size_t i = 0; i < bytes; ++i) {
      if (in.data()[i] != static_cast<char>(i % 251)) return std::size_t{0};
    }
    const std::size_t had = in.size();
    in.clear();
    kept.emptied(in, had, bound);
    return largest;
  };
  const std::size_t first = receive(large);
  CHECK(first >= large);
  CHECK(in.capacity() <= kept_memory::little);
  CHECK(receive(large) == first);
  kept.rest();
  CHECK(in.capacity() <= kept_memory::little);
  CHECK(receive(large) >= large);
  for (int i = 0; i < 16; ++i) CHECK(receive(100) <= kept_memory::little);
}

TEST_CASE("reads grow as long as they are filled, to 64 KiB, and begin anew with little") {
  buffer in;
  kept_input kept;
  std::size_t room = kept.make_room(in);
  CHECK(room == kept_input::smallest_read);
  CHECK(!kept_input::holds_much(in));
  kept.came(room - 1);
  CHECK(kept.make_room(in) == kept_input::smallest_read);
  for (int i = 0; i < 20; ++i) kept.came(kept.make_room(in));
  CHECK(kept.make_room(in) == kept_input::largest_read);
  CHECK(kept_input::holds_much(in));
  kept.begin_anew(in);
  CHECK(in.capacity() == 0);
  CHECK(kept.make_room(in) == kept_input::smallest_read);
  // What has arrived of a message makes room for as much again.
  in.append(std::string(10'000, 'x'));
  CHECK(kept.make_room(in) == 10'000);
  CHECK(!kept_input::holds_much(in));
}
