// What one connection speaks: the session of the one protocol whose first bytes came. Server layer.
#pragma once

#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include <tenon/core/limits.hpp>
#include <tenon/core/text.hpp>
#include <tenon/protocol/concept.hpp>

namespace tenon::inline v0::detail {

template <protocol::server_session... Protocols>
class spoken_session {
  template <class F>
  using given_by = decltype(std::declval<F&>()(std::declval<std::tuple_element_t<0, std::tuple<Protocols...>>&>()));

 public:
  bool known() const noexcept { return session_.index() != 0; }

  /// Finds out what the peer speaks by its first bytes, and calls `begun(session)` with the session for it. The first in the list that does not say no decides: who needs
  /// more bytes gets them before those behind it are asked.
  template <class Begun>
  protocol::sniffed recognise(std::string_view first, const limits& bounds, Begun&& begun) {
    protocol::sniffed answer = protocol::sniffed::no;
    const auto ask = [&](auto protocol) {
      using candidate = typename decltype(protocol)::type;
      answer = candidate::recognise(first);
      if (answer == protocol::sniffed::yes) begun(session_.template emplace<candidate>(bounds));
      return answer != protocol::sniffed::no;
    };
    (void)(ask(std::type_identity<Protocols>{}) || ...);
    return answer;
  }
  [[gnu::cold]] std::string unrecognised(std::string_view bytes) const {
    const auto first = static_cast<unsigned>(static_cast<unsigned char>(bytes.front()));
    std::string text = join_text({"the first byte is ", number_text{first}, "; expected the beginning of one of:"});
    (text.append(" ").append(Protocols::name), ...);
    return text;
  }

  /// Calls `f` with the session; while there is none, gives what `f` would give at its simplest.
  template <class F>
  auto with(F&& f) -> given_by<F> {
    if constexpr (std::is_void_v<given_by<F>>) {
      ((std::holds_alternative<Protocols>(session_) ? void(f(*std::get_if<Protocols>(&session_))) : void()), ...);
    } else {
      given_by<F> given{};
      ((std::holds_alternative<Protocols>(session_) ? void(given = f(*std::get_if<Protocols>(&session_))) : void()), ...);
      return given;
    }
  }

 private:
  std::variant<std::monostate, Protocols...> session_;
};

}  // namespace tenon::inline v0::detail
