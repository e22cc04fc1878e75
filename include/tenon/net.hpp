// Door of the net layer: the only place that touches a socket or arms a timer.
#pragma once

#include <tenon/net/connector.hpp>
#include <tenon/net/endpoint.hpp>
#include <tenon/net/listener.hpp>
#include <tenon/net/loop.hpp>
#include <tenon/net/memory.hpp>
#include <tenon/net/socket_address.hpp>
#include <tenon/net/socket_stream.hpp>
#include <tenon/net/stream.hpp>
#include <tenon/net/timer_wheel.hpp>
