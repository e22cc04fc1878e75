// What the server around an HTTP session tells it: routes, pages, a policy. Protocol layer; only what a session without them needs to know, the rest is in
// http_policy.hpp and above.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <tenon/core/buffer.hpp>
#include <tenon/core/limits.hpp>
#include <tenon/core/status.hpp>

namespace tenon::inline v0 {

struct http_options;

namespace protocol {

namespace detail {
struct http_head;
struct http_refusal;
struct http_route;
}  // namespace detail

class compression;
struct http_site;
struct http_visit;

/// Looks at the head of a request for a site that has anything to say. `pass`: it is for whoever asks next. `routed`: `route` has been filled in, and `http_routes::bind`
/// makes the payload. `refused`: `refusal` is the answer, a page too.
enum class http_verdict : std::uint8_t { pass, routed, refused };
using http_look = http_verdict (*)(const http_site& site, const detail::http_head& head, std::string_view fields, http_visit& visit, detail::http_route& route, detail::http_refusal& refusal);

/// A method that was found by verb and path; the views are the route's own.
struct http_match {
  const void* route = nullptr;
  std::string_view service{};
  std::string_view method{};
};

/// The routes of a server: methods that HTTP finds at paths of their own.
class http_routes {
 public:
  enum class found : std::uint8_t {
    no,         ///< no route has this path
    yes,        ///< `match` has been filled in
    other_verb  ///< a route has it; not by this verb
  };

  virtual ~http_routes() = default;
  virtual http_look look() const noexcept = 0;
  /// `path` is as it was sent, without the query. HEAD finds what GET does.
  virtual found find(std::string_view verb, std::string_view path, http_match& match) const = 0;
  /// The verbs that do something at this path as `Allow` lists them, `GET, HEAD, PUT`; empty when it is nobody's.
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
  virtual http_look look() const noexcept = 0;
  /// Whether there is a page at `path`; `page` is filled in, and its views live as long as this.
  virtual bool find(std::string_view path, bool draining, http_page& page) const = 0;
};

/// What a server allows callers over HTTP, made by `tenon::over_http`; without one, what http_options says by itself.
struct http_policy {
  std::shared_ptr<const http_options> options{};
  http_look look = nullptr;
};

/// Shared by the sessions of one loop.
struct http_site {
  http_look look = nullptr;               ///< null when there is nothing but methods, and no policy
  const http_options* options = nullptr;  ///< null for the default
  const http_routes* routes = nullptr;    ///< null when no service has any
  const http_pages* pages = nullptr;      ///< null when nothing is shown
  const bool* draining = nullptr;
  const compression* coding = nullptr;    ///< null when bodies are neither compressed nor inflated
};

/// What the site says of one request, from its head to its answer.
struct http_visit {
  http_match match{};
  http_page page{};
  std::string lines{};  ///< header lines that belong into the answer, whatever that is
  std::string allow{};  ///< where there is nothing by this verb, but by others: `Allow: GET\r\n`; makes a 404 a 405

  bool routed() const noexcept { return match.route != nullptr; }
  void restart() noexcept {
    match.route = nullptr;
    lines.clear();
    allow.clear();
  }
};

}  // namespace protocol
}  // namespace tenon::inline v0
