// What the server around an HTTP session tells it: options, routes, pages. Protocol layer; what implements it lives above.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <tenon/core/buffer.hpp>
#include <tenon/core/limits.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/units.hpp>

namespace tenon::inline v0 {

/// What a server allows callers over HTTP: `server_options{.http = {.allowed_origins = {"https://shop.example"}}}`.
///
/// Laws    a browser's page may call the server that it came from. Pages of other origins may when their origin is listed; otherwise a request that could change something
///         is refused with 403, and of the others the browser hides the answer. Callers that send no Origin, which are all but browsers, are not concerned.
/// Units   bytes.
struct http_options {
  std::vector<std::string> allowed_origins{};     ///< as browsers spell them, `https://shop.example`; "*" for all
  bool allow_credentials = false;                 ///< cookies and HTTP authentication as well; then "*" does not count, since browsers do not take it
  std::vector<std::string> exposed_headers{};     ///< of answers, that scripts may read beside those of Connect and gRPC-Web; without credentials they may read all
  duration preflight_age = std::chrono::hours{2};  ///< how long a browser may remember what it was told
  std::size_t max_target_bytes = 8 * 1024;        ///< path and query; longer ones are refused with 414
};

namespace protocol {

/// A method that was found by verb and path; the views are the route's own.
struct http_match {
  const void* route = nullptr;
  std::string_view service{};
  std::string_view method{};
};

/// The routes of a server: methods that HTTP finds at paths of their own.
class http_routes {
 public:
  enum class found : unsigned char {
    no,         ///< no route has this path
    yes,        ///< `match` has been filled in
    other_verb   ///< a route has it; not by this verb
  };

  virtual ~http_routes() = default;
  /// `path` is as it was sent, without the query. HEAD finds what GET does.
  virtual found find(std::string_view verb, std::string_view path, http_match& match) const = 0;
  /// The verbs of the routes with this path as `Allow` lists them, `GET, HEAD, PUT`; empty when there are none.
  virtual std::string verbs_at(std::string_view path) const = 0;
  /// Writes the arguments of a call in JSON from the target, with its query, and the body.
  ///
  /// Errors  invalid_argument that names the parameter.
  virtual status bind(const http_match& match, std::string_view target, std::string_view body, const limits& bounds, buffer& payload) const = 0;
};

/// Something to look at that is no call.
struct http_page {
  int http_status = 200;
  std::string_view content_type{};
  std::string_view more_head{};  ///< whole header lines
  std::string_view text{};
};

/// What a server shows to GET and HEAD at paths of its own.
class http_pages {
 public:
  virtual ~http_pages() = default;
  /// Whether there is a page at `path`; `page` is filled in, and its views live as long as this.
  virtual bool find(std::string_view path, bool draining, http_page& page) const = 0;
};

/// Shared by the sessions of one loop.
struct http_site {
  const http_options* options = nullptr;
  const http_routes* routes = nullptr;  ///< null when no service has any
  const http_pages* pages = nullptr;    ///< null when nothing is shown
  const bool* draining = nullptr;
};

}  // namespace protocol
}  // namespace tenon::inline v0
