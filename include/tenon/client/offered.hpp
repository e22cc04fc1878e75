// What a client serves over its own connections, as far as a connection knows it. Client layer; <tenon/peers/offers.hpp> makes one.
#pragma once

#include <memory>

#include <tenon/core/connection_handle.hpp>

namespace tenon::inline v0::detail {

class offered {
 public:
  virtual ~offered() = default;
  /// The server has called for the first time on this connection: gives it a return path. On its loop's thread.
  virtual void open(const std::shared_ptr<connection_handle>& by) = 0;
};

}  // namespace tenon::inline v0::detail
