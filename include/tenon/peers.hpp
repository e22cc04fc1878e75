// Door of the peers layer: a server that calls its clients over their own connections. Outside the umbrella.
#pragma once

#include <tenon/peers/carried_stream.hpp>
#include <tenon/peers/offers.hpp>
#include <tenon/peers/peer.hpp>
