// Bytes as MessagePack, into types of every shape, in the three styles.
#include "codec.hpp"

#include <msgpack.hpp>
#include <nlohmann/json.hpp>

#include <tenon/codec/msgpack.hpp>

using named = tenon::codec::msgpack;
using positional = tenon::codec::msgpack_positional;
using numbered = tenon::codec::msgpack_numbered;

std::vector<std::string> fuzz::seeds() {
  std::vector<std::string> made;
  add_seed<named>(made, 0, full());
  add_seed<positional>(made, 0, full());
  add_seed<numbered>(made, 1, full());
  add_seed<named>(made, 2, grown());
  add_seed<positional>(made, 2, grown());
  add_seed<named>(made, 3, keyed{});
  add_seed<numbered>(made, 3, keyed{});
  add_seed<named>(made, 4, mixed());
  add_seed<positional>(made, 4, mixed());
  add_seed<named>(made, 5, std::vector<everything>(2));
  add_seed<named>(made, 6, mixed());
  add_seed<named>(made, 7, full());
  return made;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view in{reinterpret_cast<const char*>(data + 1), size - 1};
  switch (data[0] % 8) {
    case 0: fuzz::check<named, fuzz::everything>(in); break;
    case 1: fuzz::check<numbered, fuzz::everything>(in); break;
    case 2: fuzz::check<positional, fuzz::tree>(in); break;
    case 3: fuzz::check<numbered, fuzz::keyed>(in); break;
    case 4: fuzz::check<positional, fuzz::loose>(in); break;
    case 5: fuzz::check<named, std::vector<fuzz::everything>>(in); break;
    case 6: fuzz::check<named, nlohmann::json>(in); break;
    default: fuzz::check<named, msgpack::object_handle>(in); break;
  }
  return 0;
}
