// Door of the client layer: channels, calls and the typed client.
#pragma once

#include <tenon/client/attempts.hpp>
#include <tenon/client/backoff.hpp>
#include <tenon/client/call.hpp>
#include <tenon/client/call_list.hpp>
#include <tenon/client/call_state.hpp>
#include <tenon/client/channel.hpp>
#include <tenon/client/client.hpp>
#include <tenon/client/connection_state.hpp>
#include <tenon/client/follow_cancel.hpp>
#include <tenon/client/hooks.hpp>
#include <tenon/client/item_reader.hpp>
#include <tenon/client/item_writer.hpp>
#include <tenon/client/link.hpp>
#include <tenon/client/options.hpp>
#include <tenon/client/pending_table.hpp>
#include <tenon/client/stream_call.hpp>
#include <tenon/client/streams.hpp>
#include <tenon/client/typed_call.hpp>
