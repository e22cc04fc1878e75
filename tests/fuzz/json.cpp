// Text as JSON, plain and as proto3 has it, into types of every shape.
#include "codec.hpp"

#include <nlohmann/json.hpp>

#include <tenon/codec/json.hpp>

using text = tenon::codec::json;
using proto = tenon::codec::proto_json;

namespace {

struct choice {
  std::variant<std::monostate, std::int64_t, std::string, fuzz::point, nlohmann::json> body;
  std::map<bool, std::optional<nlohmann::json>> by_truth;
  std::vector<choice> more;
};

}  // namespace

std::vector<std::string> fuzz::seeds() {
  std::vector<std::string> made;
  add_seed<text>(made, '0', full());
  add_seed<text>(made, '1', grown());
  add_seed<text>(made, '2', keyed{});
  add_seed<text>(made, '3', mixed());
  add_seed<text>(made, '4', std::vector<everything>(2));
  made.push_back(R"(5{"a": [1, -2.5e-3, "\u00e9\ud83d\ude00\n", null, true, {"b": {}}], "c": 18446744073709551615})");
  add_seed<proto>(made, '6', full());
  add_seed<proto>(made, '7', mixed());
  add_seed<proto>(made, '8', choice{std::string{"x"}, {{true, nlohmann::json{1}}}, {{point{5, 6}, {}, {}}, {std::int64_t{7}, {}, {}}, {nlohmann::json{{"a", 1}}, {}, {}}}});
  return made;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view in{reinterpret_cast<const char*>(data + 1), size - 1};
  switch (static_cast<unsigned char>(data[0] - '0') % 9) {
    case 0: fuzz::check<text, fuzz::everything>(in); break;
    case 1: fuzz::check<text, fuzz::tree>(in); break;
    case 2: fuzz::check<text, fuzz::keyed>(in); break;
    case 3: fuzz::check<text, fuzz::loose>(in); break;
    case 4: fuzz::check<text, std::vector<fuzz::everything>>(in); break;
    case 6: fuzz::check<proto, fuzz::everything>(in); break;
    case 7: fuzz::check<proto, fuzz::loose>(in); break;
    case 8: fuzz::check<proto, choice>(in); break;
    default: fuzz::check<text, nlohmann::json>(in); break;
  }
  return 0;
}
