// Handlers are user code, and guarded as all of it is. Service layer.
#pragma once

#include <tenon/core/guarded.hpp>

namespace tenon::inline v0::service {

using tenon::detail::guarded;

}  // namespace tenon::inline v0::service
