// Who calls: a client shows credentials with every attempt, a server asks for them before anything else. Policy layer.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <tenon/core/code.hpp>
#include <tenon/core/context.hpp>
#include <tenon/core/guarded.hpp>
#include <tenon/core/metadata.hpp>
#include <tenon/core/outcome.hpp>
#include <tenon/core/random.hpp>
#include <tenon/core/result.hpp>
#include <tenon/core/units.hpp>
#include <tenon/policy/concept.hpp>
#include <tenon/policy/order.hpp>

namespace tenon::inline v0 {

/// Whether two secrets are equal, in a time that depends on the length of `given` alone.
inline bool same_secret(std::string_view given, std::string_view expected) noexcept {
  // Volatile, or the optimiser may leave the loop as soon as the answer is known.
  volatile unsigned char different = given.size() != expected.size() ? 1 : 0;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const char other = expected.empty() ? char{0} : expected[i % expected.size()];
    different = static_cast<unsigned char>(different | (static_cast<unsigned char>(given[i]) ^ static_cast<unsigned char>(other)));
  }
  return different == 0;
}

/// Where a client's credentials come from, when that is known only at run time.
class credential_source {
 public:
  /// The whole value, `Bearer abc`. On the client's loop: it must not block. Asked again when the peer did not accept the last one.
  virtual result<std::string> credential() = 0;

 protected:
  ~credential_source() = default;
};

/// Who decides on a server, when that is known only at run time.
class credential_verifier {
 public:
  /// Returns the principal's name, or unauthenticated, or permission_denied. On each of the server's loops: it must not block.
  virtual result<std::string> verify(std::string_view credential, const call_identity& to) = 0;

 protected:
  ~credential_verifier() = default;
};

/// Both pointers are to objects that outlive the client or server.
struct auth_options {
  credential_source* source = nullptr;        ///< instead of the template argument
  credential_verifier* verifier = nullptr;    ///< instead of the template argument
  duration keep{};                            ///< the source is asked again after so long; 0: when the peer did not accept what it gave
  duration refused_for = std::chrono::seconds{1};  ///< a credential that is unknown stays so for so long, and a source that had nothing new is left alone; 0: not at all
  bool operator==(const auth_options&) const = default;
};

namespace detail {

struct shown_credential {
  std::string text;
  std::uint64_t generation = 0;  // 0: never asked
  instant asked{};
  instant barren_until{};  // the source had nothing new
};

// Hashes of credentials that were refused, each place holding the latest; the seed keeps callers from choosing whom they meet there.
struct refused_credentials {
  struct entry {
    std::uint64_t hash = 0;
    instant until{};
  };
  std::array<entry, 64> entries{};
  std::uint64_t seed = 0;

  std::uint64_t hash_of(std::string_view credential) const noexcept {
    std::uint64_t hash = seed;
    for (const char each : credential) hash = (hash ^ static_cast<unsigned char>(each)) * 0x9E37'79B9'7F4A'7C15;
    return hash ^ hash >> 32;
  }
  entry& place(std::uint64_t hash) noexcept { return entries[hash % entries.size()]; }
};

template <class F>
inline constexpr bool gives_credential = std::is_same_v<F, std::nullptr_t> || std::is_invocable_v<const F&>;
template <class F>
inline constexpr bool verifies_credential = std::is_same_v<F, std::nullptr_t> || std::is_invocable_v<const F&, std::string_view> || std::is_invocable_v<const F&, std::string_view, const call_identity&>;

}  // namespace detail

/// Shows credentials on a client, checks them on a server: which of both says the function.
///
/// Shape   `client<market, auth<[] { return std::string{"Bearer abc"}; }>>`: called when credentials are needed; they travel as metadata `Key` with each attempt.
///         `server.serve<auth<[](std::string_view credential) -> result<std::string> {...}>>(market{})`: returns the principal, which a handler finds in
///         `context::principal()` and a limiter as its key. It may take a second parameter, `const call_identity&`, for rules per method. A pointer to a function will do;
///         `auth<>` has none and asks the options' `source` or `verifier`.
/// Laws    without credentials, without a verifier, or with a function for the other side, a server refuses: nobody is let in by mistake; so does one that stands behind
///         a policy that let the call wait, when the metadata are gone. Metadata of the call itself (`call_options`) gives way. An attempt that the peer calls unauthenticated is repeated once, at once, when the source has something new; that is neither counted
///         by retry nor paid from its budget. Any number of calls that are refused at a time ask the source once.
/// Errors  unauthenticated or what the function returned, local and not executed; its text stays on the server.
///         The connection is not encrypted by tenon, and what is shown can be read on the way: use it inside a trusted network or a tunnel.
template <auto Function = nullptr, policy::tag Key = "authorization">
struct auth : policy::base {
 private:
  using function = std::remove_cv_t<decltype(Function)>;

 public:
  static_assert(detail::gives_credential<function> || detail::verifies_credential<function>,
                "tenon::auth: the argument is no function for credentials; write auth<[] { return std::string{...}; }> on a client, "
                "auth<[](std::string_view credential) -> tenon::result<std::string> { ... }> on a server");

  using options = auth_options;
  static constexpr std::string_view name = "auth";
  static constexpr options defaults{};
  static constexpr bool measures = false;
  static constexpr bool attaches = detail::gives_credential<function>;
  static constexpr bool identifies = detail::verifies_credential<function>;
  static constexpr bool named = identifies;
  struct state {
    std::conditional_t<attaches, detail::shown_credential, policy::none> shown;
    std::conditional_t<identifies, detail::refused_credentials, policy::none> refused;
  };
  struct call_state {
    std::uint64_t generation = 0;  // of the credentials that the last attempt showed
  };

  template <class Info>
  static outcome admit([[maybe_unused]] state& all, [[maybe_unused]] const options& chosen, call_state&, Info& info) noexcept {
    if (!info.on_server) return attaches ? outcome{} : refused_here(code::unauthenticated);
    if constexpr (identifies && requires { info.request_metadata; }) return identify(all.refused, chosen, info);
    else return refused_here(code::unauthenticated);
  }
  static void observe(state&, const options&, call_state&, call_info&, outcome) noexcept {}

  static void attach(state& all, const options& chosen, call_state& call, call_info& info, metadata& into) noexcept {
    detail::shown_credential& shown = all.shown;
    const bool old = chosen.keep > duration{} && info.now - shown.asked >= chosen.keep;
    if (shown.generation == 0 || old) ask(shown, chosen, info.now);
    call.generation = shown.generation;
    if (!shown.text.empty()) into.set(Key.view(), shown.text);
  }

  /// Whether there is something else to show than what was refused.
  static bool renew(state& all, const options& chosen, call_state& call, call_info& info) noexcept {
    detail::shown_credential& shown = all.shown;
    if (call.generation != shown.generation) return true;
    if (info.now < shown.barren_until) return false;
    ask(shown, chosen, info.now);
    if (call.generation != shown.generation) return true;
    shown.barren_until = info.now + chosen.refused_for;
    return false;
  }

 private:
  // A source that fails leaves the call with the credentials of before, or without any: the peer decides.
  [[gnu::cold]] static void ask(detail::shown_credential& shown, const options& chosen, instant now) noexcept {
    result<std::string> given = tenon::detail::guarded("credentials", [&]() -> result<std::string> {
      if (chosen.source != nullptr) return chosen.source->credential();
      if constexpr (std::is_invocable_v<const function&>) return Function();
      else return std::string{};
    });
    shown.asked = now;
    std::string text = given ? std::move(*given) : shown.text;
    if (shown.generation != 0 && text == shown.text) return;
    shown.text = std::move(text);
    ++shown.generation;
  }

  template <class Info>
  static outcome identify(detail::refused_credentials& refused, const options& chosen, Info& info) noexcept {
    const auto sent = info.request_metadata == nullptr ? std::nullopt : info.request_metadata->get(Key.view());
    if (!sent) return refused_here(code::unauthenticated);
    if (refused.seed == 0) refused.seed = info.random->next() | 1;
    const std::uint64_t hash = refused.hash_of(*sent);
    detail::refused_credentials::entry& known = refused.place(hash);
    if (known.hash == hash && info.now < known.until) return refused_here(code::unauthenticated);
    static constexpr call_identity nobody{};
    const result<std::string> found =
        tenon::detail::guarded("verifier", [&]() -> result<std::string> { return verify(chosen, *sent, info.identity == nullptr ? nobody : *info.identity); });
    if (!found) {
      if (found.error().code() == code::unauthenticated) known = {hash, info.now + chosen.refused_for};
      return refused_here(found.error().code());
    }
    info.principal = *found;
    info.principal_key = tenon::detail::hash_of_text(*found);
    return {};
  }
  static result<std::string> verify(const options& chosen, std::string_view credential, [[maybe_unused]] const call_identity& to) {
    if (chosen.verifier != nullptr) return chosen.verifier->verify(credential, to);
    if constexpr (std::is_invocable_v<const function&, std::string_view, const call_identity&>) return Function(credential, to);
    else if constexpr (std::is_invocable_v<const function&, std::string_view>) return Function(credential);
    else return status{code::unauthenticated};
  }
};

}  // namespace tenon::inline v0
