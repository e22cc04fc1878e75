// The message of codec.hpp with the field numbers of codec.proto, in the order of their numbers, in which protobuf writes fields. For tests/bench only; in every file of a
// program that encodes the message in protobuf, or in none.
#pragma once

#include <tenon/reflect/struct.hpp>

#include "codec.hpp"

namespace codec_bench {

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
