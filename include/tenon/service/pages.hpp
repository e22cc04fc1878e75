// What a server shows to people: a page to try its methods on, its OpenAPI document, its health. Service layer, outside its door.
#pragma once

#include <string>
#include <string_view>

#include <tenon/protocol/detail/http_look.hpp>
#include <tenon/protocol/http_site.hpp>
#include <tenon/reflect/service.hpp>
#include <tenon/service/detail/page_text.hpp>
#include <tenon/service/openapi.hpp>

namespace tenon::inline v0 {

/// `GET /`, `/openapi.json` and `/healthz` for these services: `server.show(tenon::pages<market, desk>{})`.
///
/// Shape   `/`: the services and their methods, each with a form that calls it; one page that fetches nothing but `/openapi.json`. `/healthz`: 200 `ok`, and 503 `draining`
///         for who still asks when the server stops.
template <contract First, contract... More>
class pages final : public protocol::http_pages {
 public:
  protocol::http_look look() const noexcept override { return &protocol::detail::look_around; }
  bool find(std::string_view path, bool draining, protocol::http_page& page) const override {
    if (path == "/" || path.empty()) {
      page = {.content_type = "text/html; charset=utf-8", .more_head = detail::page_headers, .text = detail::page_text};
    } else if (path == "/openapi.json") {
      page = {.content_type = "application/json", .more_head = "Cache-Control: no-cache\r\n", .text = document_};
    } else if (path == "/healthz") {
      page = {.http_status = draining ? 503 : 200, .content_type = "text/plain; charset=utf-8", .more_head = "Cache-Control: no-store\r\n", .text = draining ? "draining\n" : "ok\n"};
    } else {
      return false;
    }
    return true;
  }

 private:
  std::string document_ = describe<First, More...>(schema::openapi);
};

}  // namespace tenon::inline v0
