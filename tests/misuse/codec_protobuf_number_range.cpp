// expect: tenon: protobuf numbers its fields from 1 to 536870911 without 19000 to 19999; give the field another tenon::number
#include <tenon/codec/protobuf.hpp>

struct quote {
  int bid = 0;
  TENON_STRUCT(quote, (bid, tenon::number(19500)))
};

void write(tenon::buffer& out) { tenon::codec::protobuf::encode(out, quote{}); }
