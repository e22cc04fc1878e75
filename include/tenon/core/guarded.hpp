// User code may throw; nothing that is thrown passes this line. Core layer.
#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <utility>

#include <tenon/core/outcome.hpp>
#include <tenon/core/status.hpp>

namespace tenon::inline v0::detail {

#if defined(__cpp_exceptions)
// The status of an exception that is being handled: UNKNOWN with its text, as gRPC has it, and marked, so that a server's log may hear of it as well.
[[gnu::cold]] inline status status_of_exception(std::string_view attempted) noexcept {
  constexpr outcome what{.code = code::unknown, .flags = outcome::threw};
  try {
    throw;
  } catch (const std::exception& thrown) {
    return status{what, thrown.what()}.prefixed(attempted);
  } catch (...) {
    return status{what, "something that is no std::exception"}.prefixed(attempted);
  }
}
#endif

// Runs `work`, which returns a status or something made from one, and turns what it throws into one.
template <class Work>
auto guarded(std::string_view attempted, Work&& work) -> decltype(work()) {
#if defined(__cpp_exceptions)
  try {
    return work();
  } catch (...) {
    return status_of_exception(attempted);
  }
#else
  (void)attempted;
  return work();
#endif
}

}  // namespace tenon::inline v0::detail
