// User code may throw; nothing that is thrown passes this line. Service layer.
#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <utility>

#include <tenon/core/status.hpp>

namespace tenon::inline v0::service {

#if defined(__cpp_exceptions)
/// The status of an exception that is being handled: UNKNOWN with its text, as gRPC has it.
[[gnu::cold]] inline status status_of_exception(std::string_view attempted) noexcept {
  try {
    throw;
  } catch (const std::exception& thrown) {
    return status{code::unknown, thrown.what()}.prefixed(attempted);
  } catch (...) {
    return status{code::unknown, "something that is no std::exception"}.prefixed(attempted);
  }
}
#endif

/// Runs `work`, which returns a status, and turns what it throws into one.
template <class Work>
status guarded(std::string_view attempted, Work&& work) {
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

}  // namespace tenon::inline v0::service
