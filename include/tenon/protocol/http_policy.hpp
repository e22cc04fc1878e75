// What a server allows callers over HTTP beside calling methods: other origins, long targets. Protocol layer, outside its door.
#pragma once

#include <memory>
#include <utility>

#include <tenon/protocol/detail/http_look.hpp>
#include <tenon/protocol/http_options.hpp>
#include <tenon/protocol/http_site.hpp>

namespace tenon::inline v0 {

/// For `server_options::http`: `tenon::server server{{.http = tenon::over_http({.allowed_origins = {"https://shop.example"}})}};`.
inline protocol::http_policy over_http(http_options options) { return {std::make_shared<const http_options>(std::move(options)), &protocol::detail::look_around}; }

}  // namespace tenon::inline v0
