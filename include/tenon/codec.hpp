// The codec layer's door: what a codec is, and the codecs.
#pragma once

#include <tenon/codec/arguments.hpp>
#include <tenon/codec/concept.hpp>
#include <tenon/codec/json.hpp>
#include <tenon/codec/msgpack.hpp>
#include <tenon/codec/protobuf.hpp>
