// Bytes as protobuf, into messages of every shape.
#include "codec.hpp"

#include <tenon/codec/protobuf.hpp>

using proto = tenon::codec::protobuf;

namespace {

struct packed {
  std::vector<std::int32_t> numbers;
  std::vector<double> reals;
  std::vector<bool> flags;
  std::vector<fuzz::color> tints;
  std::variant<std::monostate, int, std::string, fuzz::point> either;
};
struct many {
  std::vector<fuzz::everything> all;
};

}  // namespace

std::vector<std::string> fuzz::seeds() {
  std::vector<std::string> made;
  add_seed<proto>(made, 0, full());
  add_seed<proto>(made, 1, grown());
  add_seed<proto>(made, 2, keyed{7, "text"});
  add_seed<proto>(made, 3, packed{{1, -1, 300}, {1.5}, {true, false}, {color::blue}, point{5, 6}});
  add_seed<proto>(made, 4, many{{full(), {}}});
  return made;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view in{reinterpret_cast<const char*>(data + 1), size - 1};
  switch (data[0] % 5) {
    case 0: fuzz::check<proto, fuzz::everything>(in); break;
    case 1: fuzz::check<proto, fuzz::tree>(in); break;
    case 2: fuzz::check<proto, fuzz::keyed>(in); break;
    case 3: fuzz::check<proto, packed>(in); break;
    default: fuzz::check<proto, many>(in); break;
  }
  return 0;
}
