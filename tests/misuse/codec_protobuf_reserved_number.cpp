// expect: tenon: a field has a number that tenon::reserved keeps for an older one; give it another tenon::number
#include <tenon/codec/protobuf.hpp>

struct quote {
  int bid = 0;
  TENON_STRUCT((quote, tenon::reserved(1)), bid)
};

void write(tenon::buffer& out) { tenon::codec::protobuf::encode(out, quote{}); }
