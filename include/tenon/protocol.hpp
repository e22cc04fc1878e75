// Door of the protocol layer: wire protocols as bytes in, events out. No sockets, no clocks.
#pragma once

#include <tenon/protocol/client_protocol.hpp>
#include <tenon/protocol/compression.hpp>
#include <tenon/protocol/concept.hpp>
#include <tenon/protocol/http1.hpp>
#include <tenon/protocol/http_site.hpp>
#include <tenon/protocol/http_status.hpp>
#include <tenon/protocol/rpcx.hpp>
#include <tenon/protocol/rpcx_client.hpp>
#include <tenon/protocol/rpcx_extension.hpp>
#include <tenon/protocol/rpcx_frame.hpp>
#include <tenon/protocol/rpcx_status.hpp>
#include <tenon/protocol/streaming.hpp>
