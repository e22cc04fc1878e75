// tenon's MessagePack against msgpack-c: by name and by position, both codecs on the same bytes. Run by run_codec.sh.
#include "codec.hpp"

#include <string>

#include <msgpack.hpp>

#include <tenon/codec/msgpack.hpp>

#define EVERY_FIELD                                                                                                                                          \
  field1, field9, field18, field80, field81, field2, field3, field280, field6, field22, field4, field5, field59, field7, field16, field130, field12,          \
      field17, field13, field14, field104, field100, field101, field102, field103, field29, field30, field60, field271, field272, field150, field23, field24, \
      field25, field78, field67, field68, field128, field129, field131

namespace {

using namespace codec_bench;

struct named_message : message {
  MSGPACK_DEFINE_MAP(EVERY_FIELD)
};
struct positional_message : message {
  MSGPACK_DEFINE_ARRAY(EVERY_FIELD)
};
struct named_item : item {
  MSGPACK_DEFINE_MAP(id, count, price, name)
};
struct positional_item : item {
  MSGPACK_DEFINE_ARRAY(id, count, price, name)
};
struct named_items {
  std::vector<named_item> all;
  MSGPACK_DEFINE_MAP(all)
};
struct positional_items {
  std::vector<positional_item> all;
  MSGPACK_DEFINE_ARRAY(all)
};

template <class Items>
Items copy_of(const items& from) {
  Items made;
  for (const item& each : from.all) made.all.push_back({each});
  return made;
}

std::string label(const char* what, const char* style, const char* operation) { return std::string{what} + " " + style + ", " + operation; }

// `ours` and `theirs` hold the same, and so must their bytes.
template <class Codec, class Ours, class Theirs>
void compare(table& results, const char* what, const char* style, const Ours& ours, const Theirs& theirs) {
  tenon::buffer out;
  msgpack::sbuffer reference_out;
  Codec::encode(out, ours);
  msgpack::pack(reference_out, theirs);
  const std::string wire{out.view()};
  require(wire == std::string_view{reference_out.data(), reference_out.size()}, "tenon's bytes are not msgpack-c's");

  const auto encode_ours = [&] {
    out.clear();
    Codec::encode(out, ours);
    keep(out);
  };
  const auto encode_theirs = [&] {
    reference_out.clear();
    msgpack::pack(reference_out, theirs);
    keep(reference_out);
  };
  results.row(label(what, style, "encode").c_str(), encode_ours, encode_theirs);

  const auto decode_ours = [&](Ours& into) {
    const bool decoded = Codec::decode(wire, into, tenon::limits{}).ok();
    if (!decoded) require(false, "tenon does not decode");
    keep(into);
  };
  const auto decode_theirs = [&](Theirs& into) {
    const msgpack::object_handle handle = msgpack::unpack(wire.data(), wire.size());
    handle.get().convert(into);
    keep(into);
  };
  Ours decoded;
  Theirs reference_decoded;
  decode_ours(decoded);
  require(decoded == ours, "tenon decodes something else");
  results.row(label(what, style, "decode, reused").c_str(), [&] { decode_ours(decoded); }, [&] { decode_theirs(reference_decoded); });
  const auto decode_ours_fresh = [&] {
    Ours fresh;
    decode_ours(fresh);
  };
  const auto decode_theirs_fresh = [&] {
    Theirs fresh;
    decode_theirs(fresh);
  };
  results.row(label(what, style, "decode, fresh").c_str(), decode_ours_fresh, decode_theirs_fresh);
}

}  // namespace

int main() {
  table results{"tenon ns", "msgpack-c ns"};
  const items all = make_items();
  compare<tenon::codec::msgpack>(results, "message", "by name", make_message(), make_message<named_message>());
  compare<tenon::codec::msgpack>(results, "1000 items", "by name", all, copy_of<named_items>(all));
  compare<tenon::codec::msgpack_positional>(results, "message", "by position", make_message(), make_message<positional_message>());
  compare<tenon::codec::msgpack_positional>(results, "1000 items", "by position", all, copy_of<positional_items>(all));
}
