// What a server may allow callers over HTTP, as a value. Protocol layer; `tenon::over_http` of http_policy.hpp makes it a server's.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include <tenon/core/units.hpp>

namespace tenon::inline v0 {

/// Laws    a browser's page may call the server that it came from. Pages of other origins may when their origin is listed; otherwise a request that could change something
///         is refused with 403, and of the others the browser hides the answer. Callers that send no Origin, which are all but browsers, are not concerned.
/// Units   bytes.
struct http_options {
  std::vector<std::string> allowed_origins{};      ///< as browsers spell them, `https://shop.example`; "*" for all
  bool allow_credentials = false;                  ///< cookies and HTTP authentication as well; then "*" does not count, since browsers do not take it
  std::vector<std::string> exposed_headers{};      ///< of answers, that scripts may read beside those of Connect and gRPC-Web; without credentials they may read all
  duration preflight_age = std::chrono::hours{2};  ///< how long a browser may remember what it was told
  std::size_t max_target_bytes = 8 * 1024;         ///< path and query; longer ones are refused with 414
};

}  // namespace tenon::inline v0
