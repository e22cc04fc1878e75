// expect: tenon: two fields of a struct have the same number, so that protobuf could not tell them apart; give each its own by tenon::number
#include <tenon/codec/protobuf.hpp>

struct quote {
  int bid = 0;
  int ask = 0;
  TENON_STRUCT(quote, (bid, tenon::number(2)), ask)
};

void write(tenon::buffer& out) { tenon::codec::protobuf::encode(out, quote{}); }
