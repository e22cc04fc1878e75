// Boost.Beast's HTTP server, asynchronous, one thread: what a user of Beast writes for one endpoint.
// usage: beast_server [port=0] [kind=json|bytes]    prints `listening 127.0.0.1:PORT`, serves until it is killed
// `json` reads the body as a JSON string and writes it again (nlohmann/json); `bytes` gives the body back unread.
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <nlohmann/json.hpp>

#include "load/arguments.hpp"

namespace {

namespace beast = boost::beast;
namespace http = beast::http;
using boost::asio::ip::tcp;

bool reads_json = true;

class session : public std::enable_shared_from_this<session> {
 public:
  explicit session(tcp::socket socket) : socket_{std::move(socket)} {}

  void read() {
    request_ = {};
    http::async_read(socket_, buffer_, request_, [self = shared_from_this()](beast::error_code error, std::size_t) {
      if (!error) self->answer();
    });
  }

 private:
  void answer() {
    response_ = {};
    response_.version(request_.version());
    response_.keep_alive(request_.keep_alive());
    if (request_.method() != http::verb::post || request_.target() != "/echo_service/echo") {
      response_.result(http::status::not_found);
    } else if (!reads_json) {
      response_.set(http::field::content_type, "application/json");
      response_.body() = std::move(request_.body());
    } else {
      const auto value = nlohmann::json::parse(request_.body(), nullptr, false);
      if (value.is_string()) {
        response_.set(http::field::content_type, "application/json");
        response_.body() = nlohmann::json(value.get_ref<const std::string&>()).dump();
      } else {
        response_.result(http::status::bad_request);
      }
    }
    response_.prepare_payload();
    http::async_write(socket_, response_, [self = shared_from_this()](beast::error_code error, std::size_t) {
      if (!error && self->response_.keep_alive()) self->read();
    });
  }

  tcp::socket socket_;
  beast::flat_buffer buffer_;
  http::request<http::string_body> request_;
  http::response<http::string_body> response_;
};

void accept(tcp::acceptor& acceptor) {
  acceptor.async_accept([&acceptor](beast::error_code error, tcp::socket socket) {
    if (!error) {
      socket.set_option(tcp::no_delay{true}, error);
      std::make_shared<session>(std::move(socket))->read();
    }
    accept(acceptor);
  });
}

}  // namespace

int main(int argc, char** argv) {
  const arguments given{argc, argv};
  reads_json = given.word("kind", "json") == "json";
  boost::asio::io_context io{1};
  tcp::acceptor acceptor{io, tcp::endpoint{boost::asio::ip::address_v4::loopback(), static_cast<unsigned short>(given.number("port", 0))}};
  std::printf("listening 127.0.0.1:%u\n", static_cast<unsigned>(acceptor.local_endpoint().port()));
  std::fflush(stdout);
  accept(acceptor);
  io.run();
}
