// The other unit of first.cpp.
#include "two_units/shared.hpp"

std::string encoded_by_second(const quote& value) { return tenon::encode<tenon::codec::msgpack>(value); }

tenon::status serve_from_second(tenon::server<>& server) {
  server.serve(market{});
  return {};
}

const void* version_seen_by_second() { return &tenon::version; }
