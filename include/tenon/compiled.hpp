// The definitions of what TENON_SEPARATE_COMPILATION leaves out: include this in one source file of the program. Optional; outside the umbrella.
// A file that includes tenon with that macro defined only declares the server, what a client's calls travel by, and the readers of the codecs; the CMake target
// tenon::compiled defines the macro and brings the one file.
#pragma once

#include <tenon/core/asio.hpp>

#include <tenon/client/channel.hpp>
#include <tenon/client/link.hpp>
#include <tenon/codec/detail/json_reader.hpp>
#include <tenon/codec/detail/json_scanner.hpp>
#include <tenon/codec/detail/msgpack_reader.hpp>
#include <tenon/codec/detail/protobuf_reader.hpp>
#include <tenon/net/connector.hpp>
#include <tenon/net/memory.hpp>
#include <tenon/server/server.hpp>

namespace tenon::inline v0 {

template class codec::detail::basic_json_scanner<void>;
template class codec::detail::basic_json_reader<void>;
template class codec::detail::basic_msgpack_reader<void>;
template class codec::detail::basic_protobuf_reader<void>;
template class net::basic_socket_connector<asio::io_context>;
template class net::basic_memory_network<asio::io_context>;
template class detail::basic_link<asio::io_context>;
template class detail::basic_channel<asio::io_context>;
template class server<default_protocols>;

}  // namespace tenon::inline v0
