// tenon: write a struct, get a service, on every protocol, with its policies in the type.
// The map of the house: each line is a layer, and a layer includes only those above it here. `ls include/tenon` shows the same.
#pragma once

#include <tenon/version.hpp>

// values, errors, time, tasks
#include <tenon/core.hpp>
// what is known of a struct or a service at compile time
#include <tenon/reflect.hpp>
// structs to bytes and back: msgpack, json, protobuf
#include <tenon/codec.hpp>
// what stands around a call: timeout, and your own
#include <tenon/policy.hpp>
// bytes to calls and back: rpcx, JSON over HTTP
#include <tenon/protocol.hpp>
// sockets, memory, deadlines
#include <tenon/net.hpp>
// from a wire name to a handler
#include <tenon/service.hpp>
// calling
#include <tenon/client.hpp>
// serving
#include <tenon/server.hpp>
