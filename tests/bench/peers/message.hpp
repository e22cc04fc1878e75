// The 40-field message of codec.proto with the values that tenon's side sends (make_message of codec.hpp): 581 bytes. For tests/bench only.
#pragma once

#include <cstdio>
#include <cstdlib>

#include "codec.pb.h"

namespace bench_peers {

inline codec_bench_peer::Message make_message() {
  codec_bench_peer::Message made;
  const google::protobuf::Reflection& reflection = *made.GetReflection();
  const google::protobuf::Descriptor& fields = *made.GetDescriptor();
  for (int i = 0; i < fields.field_count(); ++i) {
    using type = google::protobuf::FieldDescriptor;
    const type* field = fields.field(i);
    if (field->is_repeated()) continue;
    switch (field->cpp_type()) {
      case type::CPPTYPE_STRING: reflection.SetString(&made, field, "许多往事在眼前一幕一幕，变的那麼模糊"); break;
      case type::CPPTYPE_BOOL: reflection.SetBool(&made, field, true); break;
      case type::CPPTYPE_INT64: reflection.SetInt64(&made, field, 100000); break;
      default: reflection.SetInt32(&made, field, 100000);
    }
  }
  if (made.ByteSizeLong() != 581) {
    std::fprintf(stderr, "the message has %zu bytes, not 581\n", made.ByteSizeLong());
    std::exit(1);
  }
  return made;
}

}  // namespace bench_peers
