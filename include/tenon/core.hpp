// Door of the core layer: values, errors, time and tasks that everything else is made of. Includes nothing above it.
#pragma once

#include <tenon/core/asio.hpp>
#include <tenon/core/await_asio.hpp>
#include <tenon/core/base64.hpp>
#include <tenon/core/buffer.hpp>
#include <tenon/core/bytes.hpp>
#include <tenon/core/cancellation.hpp>
#include <tenon/core/clock.hpp>
#include <tenon/core/code.hpp>
#include <tenon/core/connection_handle.hpp>
#include <tenon/core/context.hpp>
#include <tenon/core/frame_cache.hpp>
#include <tenon/core/fwd.hpp>
#include <tenon/core/guarded.hpp>
#include <tenon/core/limits.hpp>
#include <tenon/core/metadata.hpp>
#include <tenon/core/outcome.hpp>
#include <tenon/core/post.hpp>
#include <tenon/core/random.hpp>
#include <tenon/core/result.hpp>
#include <tenon/core/spawn.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/task.hpp>
#include <tenon/core/units.hpp>
#include <tenon/core/utf8.hpp>
#include <tenon/core/waiter.hpp>
