// Text as JSON, into types of every shape.
#include "codec.hpp"

#include <nlohmann/json.hpp>

#include <tenon/codec/json.hpp>

using text = tenon::codec::json;

std::vector<std::string> fuzz::seeds() {
  std::vector<std::string> made;
  add_seed<text>(made, '0', full());
  add_seed<text>(made, '1', grown());
  add_seed<text>(made, '2', keyed{});
  add_seed<text>(made, '3', mixed());
  add_seed<text>(made, '4', std::vector<everything>(2));
  made.push_back(R"(5{"a": [1, -2.5e-3, "\u00e9\ud83d\ude00\n", null, true, {"b": {}}], "c": 18446744073709551615})");
  return made;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view in{reinterpret_cast<const char*>(data + 1), size - 1};
  switch (data[0] % 6) {
    case 0: fuzz::check<text, fuzz::everything>(in); break;
    case 1: fuzz::check<text, fuzz::tree>(in); break;
    case 2: fuzz::check<text, fuzz::keyed>(in); break;
    case 3: fuzz::check<text, fuzz::loose>(in); break;
    case 4: fuzz::check<text, std::vector<fuzz::everything>>(in); break;
    default: fuzz::check<text, nlohmann::json>(in); break;
  }
  return 0;
}
