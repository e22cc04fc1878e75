// Where a service is: a URL taken apart. Net layer.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <tenon/core/result.hpp>
#include <tenon/core/text.hpp>

namespace tenon::inline v0 {

/// An address one can listen on or connect to.
///
/// Shape   `tcp://host:port`, `tcp://[::1]:port`, `unix:///path` (a leading `@` makes it abstract on Linux). `rpcx://` means tcp. A client that speaks another protocol
///         has its name in front of the transport's: `jsonrpc+tcp://`, `jsonrpc+lsp+tcp://` (with Content-Length headers), `msgpackrpc+unix://`, `grpc://`; alone it means tcp.
///         `ws://host:port/path?query` alone may leave the port out, which is 80 then, and has a target.
class endpoint {
 public:
  enum class kind : std::uint8_t { tcp, local };

  endpoint() = default;

  /// Errors  invalid_argument naming what was expected.
  [[gnu::cold]] static result<endpoint> parse(std::string_view url) {
    const auto refuse = [url](std::string_view expected) {
      return status{code::invalid_argument, detail::join_text({"address \"", url, "\": expected ", expected})};
    };
    const std::size_t mark = url.find("://");
    if (mark == std::string_view::npos) return refuse("tcp://host:port or unix:///path");
    std::string_view scheme = url.substr(0, mark);
    std::string_view rest = url.substr(mark + 3);
    endpoint parsed;
    for (const std::string_view protocol : {"jsonrpc+lsp", "jsonrpc", "msgpackrpc", "grpc", "http", "ws"}) {
      if (!scheme.starts_with(protocol)) continue;
      parsed.protocol_ = protocol;
      scheme.remove_prefix(protocol.size());
      if (scheme.empty()) scheme = "tcp";
      else if (scheme == "+tcp" || scheme == "+unix") scheme.remove_prefix(1);
      break;
    }
    if (scheme == "unix") {
      if (rest.empty()) return refuse("a path after unix://");
      if (rest.size() > 107) return refuse("a socket path of at most 107 bytes");
      parsed.kind_ = kind::local;
      parsed.host_ = rest;
      return parsed;
    }
    if (scheme != "tcp" && scheme != "rpcx") return refuse("one of the schemes tcp, rpcx, unix, jsonrpc, msgpackrpc, grpc, http, ws");
    std::string storage;
    if (parsed.protocol_ == "ws") {
      const std::size_t end = (std::min)(rest.find_first_of("/?"), rest.size());
      parsed.target_.assign(rest.substr(end).starts_with('?') ? "/" : "").append(rest.substr(end));
      for (const char c : parsed.target_) {
        if (c <= ' ' || c > '~' || c == '#') return refuse("a path and query without blanks, percent signs in front of what is no ASCII, and no fragment");
      }
      rest = rest.substr(0, end);
      // RFC 6455, 3.
      if (rest.find(':', rest.find(']') + 1) == std::string_view::npos) rest = storage.assign(rest).append(":80");
    }
    if (rest.ends_with('/')) rest.remove_suffix(1);
    const std::size_t colon = rest.rfind(':');
    if (colon == std::string_view::npos || rest.find(']', colon) != std::string_view::npos) return refuse("a port after the host, tcp://host:port");
    std::string_view host = rest.substr(0, colon);
    const std::string_view port = rest.substr(colon + 1);
    const bool brackets = host.starts_with('[') && host.ends_with(']');
    if (brackets) host = host.substr(1, host.size() - 2);
    if (brackets != (host.find(':') != std::string_view::npos)) return refuse("an IPv6 host in brackets, and no other, tcp://[::1]:port");
    if (host.find_first_of("[]/@?# ") != std::string_view::npos) return refuse("a host name or a numeric address, tcp://host:port");
    unsigned number = 0;
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (port.empty() || error != std::errc{} || end != port.data() + port.size() || number > 65535) return refuse("a port from 0 to 65535");
    parsed.host_ = host;
    parsed.port_ = static_cast<std::uint16_t>(number);
    return parsed;
  }

  static endpoint tcp(std::string host, std::uint16_t port) {
    endpoint made;
    made.host_ = std::move(host);
    made.port_ = port;
    return made;
  }

  static endpoint local(std::string path) {
    endpoint made;
    made.kind_ = kind::local;
    made.host_ = std::move(path);
    return made;
  }

  /// The protocol that the URL names; empty where it names none, which means rpcx to a client. A server speaks all of its own everywhere, and listens on no address that names one.
  const std::string& protocol() const noexcept { return protocol_; }
  bool is_local() const noexcept { return kind_ == kind::local; }
  /// The host as written, without brackets; empty means every interface (listening) or this machine (connecting).
  const std::string& host() const noexcept { return host_; }
  /// The path of a local socket.
  const std::string& path() const noexcept { return host_; }
  std::uint16_t port() const noexcept { return port_; }
  /// What is asked for there: path and query as written, where the protocol has such; empty otherwise.
  const std::string& target() const noexcept { return target_; }

  [[gnu::cold]] std::string url() const {
    const std::string_view joint = protocol_.empty() ? "" : "+";
    if (is_local()) return detail::join_text({protocol_, joint, "unix://", host_});
    const bool brackets = host_.find(':') != std::string::npos;
    return detail::join_text({protocol_, joint, "tcp://", brackets ? "[" : "", host_, brackets ? "]:" : ":", detail::number_text{port_}, target_});
  }

  bool operator==(const endpoint&) const = default;

 private:
  kind kind_ = kind::tcp;
  std::uint16_t port_ = 0;
  std::string host_;
  std::string protocol_;
  std::string target_;
};

}  // namespace tenon::inline v0
