// The options of a client of `market` with two methods, without the client.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <tuple>

#include <tenon/core/status.hpp>
#include <tenon/policy/configuration.hpp>
#include <tenon/policy/option_source.hpp>
#include <tenon/policy/stack.hpp>

namespace simulated {

inline constexpr std::array<std::string_view, 2> market_methods{"last", "buy"};
inline constexpr std::array<bool, 2> market_idempotent{true, false};

template <class... Policies>
struct market_configuration {
  using stack = tenon::policy::stack<Policies...>;
  static constexpr std::array<typename stack::config, 2> initial{stack::defaults(), stack::defaults()};
  tenon::policy::configuration<stack> options{2, initial.data()};

  tenon::status from(const tenon::policy::option_source& document) {
    const auto draft = tenon::policy::draft_of<stack>(options, initial.data(), "market", market_methods.data(), market_idempotent.data());
    tenon::policy::option_draft* const drafts[] = {draft.get()};
    tenon::status written = document.write(drafts, 1);
    if (written.ok()) draft->publish();
    return written;
  }
  template <std::size_t I>
  const auto& of(std::uint32_t method) const {
    return std::get<I>(options.of(method));
  }
};

}  // namespace simulated
