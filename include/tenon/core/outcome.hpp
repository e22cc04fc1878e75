// The small half of a status: eight bytes that policies and protocols pass in a register. Core layer.
#pragma once

#include <cstdint>
#include <type_traits>

#include <tenon/core/code.hpp>

namespace tenon::inline v0 {

/// A code plus the two facts that decide what may follow: who produced it, and whether the handler ran.
///
/// Units   `pushback_ms` in milliseconds, valid with the flag `pushback`; negative means never try again.
struct outcome {
  enum flag : std::uint8_t {
    local = 1,         ///< made by this process, not by the peer
    not_executed = 2,  ///< it is certain that no handler of the peer ran
    pushback = 4,      ///< the peer said when to come back: `pushback_ms`
    no_retry = 8,      ///< trying again cannot help
    threw = 16,        ///< code of the program's own threw an exception in this process; its text is the message. Never told to the peer
  };

  tenon::code code = tenon::code::ok;
  std::uint8_t flags = 0;
  std::uint16_t producer = 0;  ///< which policy made it; 0 when none did
  std::int32_t pushback_ms = 0;

  constexpr bool ok() const noexcept { return code == tenon::code::ok; }
  constexpr bool has(flag which) const noexcept { return (flags & which) != 0; }
  constexpr bool operator==(const outcome&) const = default;
};

static_assert(sizeof(outcome) == 8 && std::is_trivially_copyable_v<outcome>);

/// An outcome that this process made before anything left it: safe to try elsewhere at once.
constexpr outcome refused_here(code why) noexcept {
  return {.code = why, .flags = outcome::local | outcome::not_executed};
}

}  // namespace tenon::inline v0
