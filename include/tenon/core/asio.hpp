// The only door to asio's core: makes its coroutines visible under clang with libstdc++ before the first asio header. Core layer.
#pragma once

#if defined(__clang__) && !defined(ASIO_HAS_CO_AWAIT)
#if defined(ASIO_DETAIL_CONFIG_HPP)
#error "tenon: an asio header was included before tenon, and asio up to 1.22 does not see coroutines under clang; include <tenon.hpp> first, or define ASIO_HAS_CO_AWAIT and ASIO_HAS_STD_COROUTINE to 1"
#endif
#define ASIO_HAS_CO_AWAIT 1
#define ASIO_HAS_STD_COROUTINE 1
#endif

// Before asio: it uses aligned_alloc where a header of the standard library has said that there is one, and must decide alike in all units of a program.
#include <cstddef>

// Qt defines `emit` as nothing, and asio has a function of that name.
#pragma push_macro("emit")
#undef emit

#include <asio/any_io_executor.hpp>
#include <asio/associated_cancellation_slot.hpp>
#include <asio/associated_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/awaitable.hpp>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/dispatch.hpp>
#include <asio/error_code.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>

namespace tenon::inline v0::detail {

inline void cancel_everything(asio::cancellation_signal& signal) { signal.emit(asio::cancellation_type::all); }

}  // namespace tenon::inline v0::detail

#pragma pop_macro("emit")
