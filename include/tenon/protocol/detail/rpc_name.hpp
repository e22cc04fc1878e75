// How a service and its method share one name, in protocols that send one. Protocol layer.
#pragma once

#include <cstddef>
#include <string_view>

namespace tenon::inline v0::protocol::detail {

/// Where a method's name is split: at its last slash, or, when it has none, at its last dot. What has neither is a method of the service without a name.
struct rpc_name {
  std::string_view service{};
  std::string_view method{};
};
inline rpc_name split_rpc_name(std::string_view name) noexcept {
  // Few have a slash, and there is an instruction for the first one of something.
  const std::size_t middle = name.rfind(name.find('/') != std::string_view::npos ? '/' : '.');
  if (middle == std::string_view::npos) return {{}, name};
  return {name.substr(0, middle), name.substr(middle + 1)};
}

}  // namespace tenon::inline v0::protocol::detail
