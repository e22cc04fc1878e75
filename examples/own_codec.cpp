#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>
#include <tenon.hpp>

using nlohmann::json;

// Follows nlohmann's reader and keeps nothing: its recursion knows no limit, and no peer is to choose the depth of our stack.
struct nesting : json::json_sax_t {
  std::size_t left = 100;
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool key(string_t&) override { return true; }
  bool start_object(std::size_t) override { return left-- != 0; }
  bool start_array(std::size_t) override { return left-- != 0; }
  bool end_object() override { return ++left != 0; }
  bool end_array() override { return ++left != 0; }
  bool parse_error(std::size_t, const std::string&, const json::exception&) override { return false; }
};

struct cbor {                                                       // a codec: CBOR, by way of JSON
  static constexpr std::string_view name = "cbor", content_type = "application/cbor";
  static constexpr std::uint8_t serialization = 7;                  // its number on the wire; 4 to 15 are free
  template <class T>
  static void encode(tenon::buffer& out, const T& value) {
    const auto bytes = json::to_cbor(json::parse(tenon::encode<tenon::codec::json>(value)));
    out.append(bytes.data(), bytes.size());
  }
  template <class T>
  static tenon::status decode(std::string_view in, T& value, const tenon::limits& bounds) {
    if (nesting checked; !json::sax_parse(in, &checked, json::input_format_t::cbor)) return {tenon::code::invalid_argument, "expected CBOR"};
    return tenon::decode_into<tenon::codec::json>(json::from_cbor(in).dump(-1, ' ', false, json::error_handler_t::replace), value, bounds);
  }
};

struct quote { std::string symbol; double price = 0; };
struct market {
  quote last(std::string symbol) { return {symbol, 42.5}; }
  TENON_SERVICE(market, last)
};

int main() {
  tenon::server server;
  server.serve<cbor>(market{});                                     // beside the codecs that every server speaks
  auto at = server.listen("tcp://127.0.0.1:0");
  server.start();
  tenon::client<market, cbor> m{at.url()};
  std::printf("%s costs %.2f, in %zu bytes\n", m.last("ACME").get()->symbol.c_str(), 42.5, tenon::encode<cbor>(quote{"ACME", 42.5}).size());
}
// prints:
// ACME costs 42.50, in 24 bytes
