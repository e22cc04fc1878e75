// Protobuf: tenon's codec against libprotobuf's generated code, which gives and takes the same bytes. For tests/bench/run_codec.sh.
#include <cstdio>
#include <string>

#include <codec.pb.h>

#include <tenon/codec/concept.hpp>
#include <tenon/codec/protobuf.hpp>
#include <tenon/reflect/struct.hpp>

#include "codec.hpp"

namespace codec_bench {

// In the order of their numbers, in which protobuf writes fields.
using tenon::fixed;
using tenon::number;
TENON_STRUCT_FOR(message,
                 (field1, number(1)), (field2, number(2)), (field3, number(3)), (field4, number(4)), (field5, number(5), fixed),
                 (field6, number(6)), (field7, number(7)), (field9, number(9)), (field12, number(12)), (field13, number(13)),
                 (field14, number(14)), (field16, number(16)), (field17, number(17)), (field18, number(18)), (field22, number(22)),
                 (field23, number(23)), (field24, number(24)), (field25, number(25)), (field29, number(29)), (field30, number(30)),
                 (field59, number(59)), (field60, number(60)), (field67, number(67)), (field68, number(68)), (field78, number(78)),
                 (field80, number(80)), (field81, number(81)), (field100, number(100)), (field101, number(101)), (field102, number(102)),
                 (field103, number(103)), (field104, number(104)), (field128, number(128)), (field129, number(129)), (field130, number(130)),
                 (field131, number(131)), (field150, number(150)), (field271, number(271)), (field272, number(272)), (field280, number(280)))

}  // namespace codec_bench

int main() {
  using codec = tenon::codec::protobuf;
  using codec_bench::keep;
  using codec_bench::require;

  const auto message = codec_bench::make_message<>();
  const auto items = codec_bench::make_items();
  tenon::buffer message_wire;
  tenon::buffer items_wire;
  codec::encode(message_wire, message);
  codec::encode(items_wire, items);
  const std::string message_text{message_wire.view()};
  const std::string items_text{items_wire.view()};

  codec_bench_peer::Message their_message;
  codec_bench_peer::Items their_items;
  require(their_message.ParseFromString(message_text) && their_message.SerializeAsString() == message_text, "libprotobuf does not agree on the message");
  require(their_items.ParseFromString(items_text) && their_items.SerializeAsString() == items_text, "libprotobuf does not agree on the items");
  require(tenon::decode<codec_bench::message, codec>(message_text).value() == message, "the message does not come back");
  require(tenon::decode<codec_bench::items, codec>(items_text).value() == items, "the items do not come back");

  codec_bench::message our_message;
  codec_bench::items our_items;
  tenon::buffer out;
  std::string text;
  codec_bench::table table{"tenon ns", "libprotobuf"};
  const auto encode = [&](const char* operation, const auto& ours, const auto& theirs) {
    table.row(
        operation,
        [&] {
          out.clear();
          codec::encode(out, ours);
          keep(out);
        },
        [&] {
          text.clear();
          theirs.AppendToString(&text);
          keep(text);
        });
  };
  const auto decode = [&](const char* operation, const std::string& wire, auto& ours, auto& theirs) {
    table.row(
        operation,
        [&] {
          require(codec::decode(wire, ours).ok(), "decode");
          keep(ours);
        },
        [&] {
          require(theirs.ParseFromString(wire), "ParseFromString");
          keep(theirs);
        });
  };
  const auto decode_fresh = [&](const char* operation, const std::string& wire, const auto& ours, const auto& theirs) {
    table.row(
        operation,
        [&] {
          std::remove_cvref_t<decltype(ours)> fresh;
          require(codec::decode(wire, fresh).ok(), "decode");
          keep(fresh);
        },
        [&] {
          std::remove_cvref_t<decltype(theirs)> fresh;
          require(fresh.ParseFromString(wire), "ParseFromString");
          keep(fresh);
        });
  };
  encode("message, encode", message, their_message);
  decode("message, decode", message_text, our_message, their_message);
  decode_fresh("message, decode fresh", message_text, our_message, their_message);
  encode("1000 items, encode", items, their_items);
  decode("1000 items, decode", items_text, our_items, their_items);
  decode_fresh("1000 items, decode fresh", items_text, our_items, their_items);
}
