// gffg: beside tenon.hpp, for servers that its clients in Go call. Links nothing; it stands here because it knows services by their types.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include <tenon/protocol/gffg.hpp>
#include <tenon/reflect/service.hpp>
#include <tenon/server.hpp>

namespace tenon::inline v0 {

namespace detail {

template <class S>
consteval auto make_gffg_numbers() {
  std::array<std::uint64_t, method_count<S>> numbers{};
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = protocol::detail::gffg_number(service_name<S>, method_names<S>[i]);
  return numbers;
}
template <class S>
inline constexpr auto gffg_numbers = make_gffg_numbers<S>();

// Models `protocol::gffg_names` with the names that the services have on the wire.
template <contract... Services>
struct gffg_numbers_of {
  static protocol::detail::rpc_name find(std::uint64_t number) noexcept {
    protocol::detail::rpc_name found;
    (find_in<Services>(number, found), ...);
    return found;
  }

 private:
  template <class S>
  static void find_in(std::uint64_t number, protocol::detail::rpc_name& found) noexcept {
    for (std::size_t i = 0; i < method_count<S>; ++i) {
      if (gffg_numbers<S>[i] == number) found = {service_name<S>, method_names<S>[i]};
    }
  }
};

}  // namespace detail

/// For a server's list, in front of rpcx: `tenon::server<tenon::protocols<tenon::gffg<UserService>, tenon::protocol::rpcx_session, tenon::protocol::http1_session>>`.
/// gffg names methods by numbers, so it is told of which services; a service is called there what it is called in its .proto, without the package.
template <contract... Services>
using gffg = protocol::basic_gffg_session<detail::gffg_numbers_of<Services...>>;

}  // namespace tenon::inline v0
