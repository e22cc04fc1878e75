// Protobuf: tenon's codec against libprotobuf's generated code, which gives and takes the same bytes. For tests/bench/run_codec.sh.
#include <cstdio>
#include <string>

#include <codec.pb.h>

#include <tenon/codec/concept.hpp>
#include <tenon/codec/protobuf.hpp>

#include "codec_numbers.hpp"

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
