#include <tenon/core/plain_text.hpp>

#include <doctest/doctest.h>

#include <bit>
#include <cstddef>
#include <string>
#include <string_view>

using namespace tenon::detail;

namespace {

std::size_t plain_in_front(std::string_view text) {
  std::size_t count = 0;
  while (count < text.size() && is_plain(text[count])) ++count;
  return count;
}

template <class Block>
void check_block(const std::string& text) {
  if (text.size() < Block::size) return;
  const Block block{text.data()};
  const std::size_t first = plain_in_front(std::string_view{text}.substr(0, Block::size));
  // In the other order of bytes a block only says that some are not plain.
  if (first == Block::size || std::endian::native == std::endian::little) REQUIRE(block.plain() == first);
  else REQUIRE(block.plain() <= first);
  char copy[Block::size];
  block.store(copy);
  REQUIRE(std::string_view{copy, Block::size} == std::string_view{text}.substr(0, Block::size));
}

}  // namespace

TEST_CASE("many bytes at a time are told to be plain, or not, as one by one: every byte at every place, alone and behind another that is not") {
  for (std::size_t size = 0; size <= 40; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      for (int value = 0; value < 256; ++value) {
        std::string text(size, 'a');
        text[at] = static_cast<char>(value);
        if (value % 3 == 0) text[size - 1 - at / 2] = static_cast<char>(255 - value);
        CAPTURE(size);
        CAPTURE(at);
        CAPTURE(value);
        const std::size_t first = plain_in_front(text);
        REQUIRE(static_cast<std::size_t>(skip_plain(text.data(), text.data() + size) - text.data()) == first);
        REQUIRE(is_plain_text(text) == (first == size));
        check_block<text_word>(text);
        check_block<text_block>(text);
      }
    }
    CHECK(is_plain_text(std::string(size, 'z')));
  }
  CHECK(skip_plain(nullptr, nullptr) == nullptr);
  CHECK(is_plain_text({}));
}
