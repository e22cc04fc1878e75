// A call on a server whose policies ask who calls. Policy layer.
#pragma once

#include <string>
#include <type_traits>

#include <tenon/core/context.hpp>
#include <tenon/core/metadata.hpp>

namespace tenon::inline v0::policy {

/// What came with the request, for as long as it is being admitted, and who sent it, for as long as it lives.
template <class Base>
struct identified_call_info : Base {
  const metadata* request_metadata = nullptr;  ///< null where there is none: on a client, around a decorated function, and once the call has waited
  std::string principal;
};

namespace detail {

template <bool Wanted, class Base>
using with_identified = std::conditional_t<Wanted, identified_call_info<Base>, Base>;

}  // namespace detail
}  // namespace tenon::inline v0::policy
