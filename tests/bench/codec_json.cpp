// tenon's json against nlohmann: a value to text (to_json and dump), text to a value (parse and get). Run by run_codec.sh.
#include "codec.hpp"

#include <cstddef>
#include <string>
#include <type_traits>

#include <nlohmann/json.hpp>

#include <tenon/codec/json.hpp>
#include <tenon/core/buffer.hpp>
#include <tenon/core/limits.hpp>

namespace codec_bench {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(message, field1, field9, field18, field80, field81, field2, field3, field280, field6, field22, field4, field5, field59, field7, field16,
                                   field130, field12, field17, field13, field14, field104, field100, field101, field102, field103, field29, field30, field60, field271,
                                   field272, field150, field23, field24, field25, field78, field67, field68, field128, field129, field131)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(item, id, count, price, name)

}  // namespace codec_bench

namespace {

using namespace codec_bench;

template <class Codec, class Value>
void compare(table& results, const std::string& what, const Value& value) {
  tenon::buffer out;
  Codec::encode(out, value);
  const std::string text{out.view()};
  if constexpr (std::is_same_v<Codec, tenon::codec::json>) {
    require(nlohmann::json::parse(text) == nlohmann::json(value), "nlohmann reads something else");
  }
  const auto encode_ours = [&] {
    out.clear();
    Codec::encode(out, value);
    keep(out);
  };
  const auto encode_theirs = [&] {
    const std::string dumped = nlohmann::json(value).dump();
    keep(dumped);
  };
  results.row((what + ", encode").c_str(), encode_ours, encode_theirs);

  const auto decode_ours = [&](Value& into) {
    const bool decoded = Codec::decode(text, into, tenon::limits{}).ok();
    if (!decoded) require(false, "tenon does not decode");
    keep(into);
  };
  const std::string reference_text = nlohmann::json(value).dump();
  const auto decode_theirs = [&] {
    const Value read = nlohmann::json::parse(reference_text).template get<Value>();
    keep(read);
  };
  Value decoded;
  decode_ours(decoded);
  require(decoded == value, "tenon decodes something else");
  results.row((what + ", decode, reused").c_str(), [&] { decode_ours(decoded); }, decode_theirs);
  const auto decode_ours_fresh = [&] {
    Value fresh;
    decode_ours(fresh);
  };
  results.row((what + ", decode, fresh").c_str(), decode_ours_fresh, decode_theirs);
}

}  // namespace

int main() {
  table results{"tenon ns", "nlohmann ns"};
  std::vector<item> all = make_items().all;
  compare<tenon::codec::json>(results, "message", make_message());
  compare<tenon::codec::json>(results, "1000 items", all);
  // Prices that need all seventeen digits, as results of arithmetic do.
  for (std::size_t i = 0; i < all.size(); ++i) all[i].price = static_cast<double>(i) / 7;
  compare<tenon::codec::json>(results, "1000 items, 17 digits", all);
  compare<tenon::codec::proto_json>(results, "message, proto3 style", make_message());
}
