#include <tenon/zlib.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <simulation.hpp>
#include <tenon/protocol/web.hpp>
#include <tenon/reflect/service.hpp>
#include <tenon/server/server.hpp>

using namespace simulated;

namespace {

struct mirror {
  std::string echo(std::string text) { return text; }
  TENON_SERVICE(mirror, (echo, tenon::safe))
};

struct served_mirror : world {
  explicit served_mirror(tenon::server_options options) : server{io, options} {
    server.serve(mirror{});
    server.listen(wire, "mirror");
    server.start();
    run();
  }
  std::string ask(std::string_view text) {
    peer caller{*this};
    REQUIRE(caller.connect("mirror"));
    caller.say(std::string{text});
    return std::string{caller.heard()};
  }
  std::string post(std::string_view body, std::string_view headers) {
    return ask("POST /mirror/echo HTTP/1.1\r\nHost: h\r\n" + std::string{headers} + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string{body});
  }
  tenon::server<tenon::protocols<tenon::protocol::rpcx_session, tenon::protocol::web_session>> server;
};

std::string deflated(std::string_view text) {
  tenon::buffer out;
  tenon::gzip.deflate(text, out);
  return std::string{out.view()};
}
std::string inflated(std::string_view text, std::size_t limit = 1 << 24) {
  tenon::buffer out;
  const tenon::status done = tenon::gzip.inflate(text, limit, out);
  return done.ok() ? std::string{out.view()} : done.to_string();
}
std::string body_of(const std::string& answer) { return answer.substr(answer.find("\r\n\r\n") + 4); }
std::string quoted(std::size_t size, char letter = 'x') { return '"' + std::string(size, letter) + '"'; }

std::string frame_bytes(unsigned char bits, std::string_view payload) {
  std::string text = frame{.codec = 1, .sequence = 7, .service = "mirror", .method = "echo", .payload = std::string{payload}}.bytes();
  text[2] = static_cast<char>(bits);
  return text;
}

}  // namespace

TEST_CASE("what is deflated inflates to itself, whole, and to no more than the limit") {
  for (const std::string& text : {std::string{}, std::string{"a"}, std::string(100'000, 'z'), quoted(70'000)}) {
    CHECK(inflated(deflated(text)) == text);
    CHECK(inflated(deflated(text), text.size()) == text);
    if (!text.empty()) CHECK(inflated(deflated(text), text.size() - 1).find("RESOURCE_EXHAUSTED: gzip: the message inflates to more than ") == 0);
  }
  CHECK(inflated(deflated("one") + deflated("two")) == "onetwo");
  CHECK(inflated("") == "INVALID_ARGUMENT: gzip: the message ends early");
  CHECK(inflated("no gzip at all") == "INVALID_ARGUMENT: gzip: the message is not gzip, or damaged");
  const std::string whole = deflated(quoted(3000));
  for (std::size_t size = 0; size < whole.size(); ++size) CHECK(inflated(whole.substr(0, size)).starts_with("INVALID_ARGUMENT"));
  // A megabyte for each of these bytes: stopped at the limit, having taken little more than that.
  const std::string bomb = deflated(std::string(64 << 20, '\0'));
  tenon::buffer out;
  CHECK(tenon::gzip.inflate(bomb, 100'000, out).code() == tenon::code::resource_exhausted);
  CHECK(out.size() == 100'001);
  CHECK(out.capacity() < 1'000'000);
}

TEST_CASE("HTTP takes compressed bodies, and answers compressed whoever asks for it") {
  served_mirror world{{.limits = {.max_message_bytes = 20'000}, .compression = &tenon::gzip}};
  const std::string large = quoted(5000);
  std::string answer = world.post(deflated(large), "Content-Encoding: gzip\r\nAccept-Encoding: br, gzip;q=0.5\r\n");
  CHECK(answer.find("\r\nContent-Encoding: gzip\r\n") != std::string::npos);
  CHECK(answer.find("\r\nVary: Accept-Encoding\r\n") != std::string::npos);
  CHECK(answer.find("Content-Length:") != std::string::npos);
  CHECK(body_of(answer).size() < 200);
  CHECK(inflated(body_of(answer)) == large);
  for (const std::string_view refusing : {"", "Accept-Encoding: identity\r\n", "Accept-Encoding: gzip;q=0\r\n", "Accept-Encoding: gzip2\r\n"}) {
    answer = world.post(large, refusing);
    CHECK(answer.find("Content-Encoding") == std::string::npos);
    CHECK(body_of(answer) == large);
  }
  // Small answers, and errors, stay as they are.
  CHECK(body_of(world.post(quoted(900), "Accept-Encoding: gzip\r\n")) == quoted(900));
  CHECK(world.post("7", "Accept-Encoding: gzip\r\n").find("{\"code\":\"invalid_argument\"") != std::string::npos);
  CHECK(world.post("", "Content-Encoding: gzip\r\n").starts_with("HTTP/1.1 400 "));
  CHECK(world.post("\"x\"", "Content-Encoding: gzip\r\n").find("gzip: the message is not gzip, or damaged") != std::string::npos);
  CHECK(world.post(deflated(quoted(30'000)), "Content-Encoding: gzip\r\n").starts_with("HTTP/1.1 429 "));
  answer = world.post(large, "Content-Encoding: br\r\n");
  CHECK(answer.starts_with("HTTP/1.1 501 "));
  CHECK(answer.find("\r\nAccept-Encoding: gzip, identity\r\n") != std::string::npos);
  // H4sI...: base64 of `"hi"`, compressed.
  std::string digits = tenon::detail::to_base64(deflated("\"hi\""));
  for (char& c : digits) c = c == '+' ? '-' : c == '/' ? '_' : c;
  while (!digits.empty() && digits.back() == '=') digits.pop_back();
  CHECK(body_of(world.ask("GET /mirror/echo?message=" + digits + "&base64=1&compression=gzip HTTP/1.1\r\nHost: h\r\n\r\n")) == "\"hi\"");
  // Behind a compressed request comes one that is not.
  const std::string small = deflated("\"a\"");
  const std::string both = world.ask("POST /mirror/echo HTTP/1.1\r\nHost: h\r\nContent-Encoding: gzip\r\nContent-Length: " + std::to_string(small.size()) + "\r\n\r\n" + small +
                                     "POST /mirror/echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n\"b\"");
  CHECK(both.find("\"a\"") != std::string::npos);
  CHECK(both.ends_with("\"b\""));
}

TEST_CASE("rpcx's flag is understood, and an answer to it compressed from 1025 bytes on") {
  served_mirror world{{.limits = {.max_message_bytes = 20'000}, .compression = &tenon::gzip}};
  const auto ask = [&world](unsigned char bits, const std::string& payload) {
    const auto frames = frames_in(world.ask(frame_bytes(bits, payload)));
    REQUIRE(frames.size() == 1);
    return frames[0];
  };
  const frame large = ask(0x04, deflated(quoted(5000)));
  CHECK(inflated(large.payload) == quoted(5000));
  CHECK(large.payload.size() < 200);
  CHECK(ask(0x04, deflated(quoted(1022))).payload == quoted(1022));
  CHECK(inflated(ask(0x04, deflated(quoted(1023))).payload) == quoted(1023));
  CHECK(ask(0, quoted(5000)).payload == quoted(5000));
  CHECK(ask(0x04, "\"plain\"").value_of("__rpcx_error__") == "INVALID_ARGUMENT: gzip: the message is not gzip, or damaged");
  CHECK(ask(0x04, deflated(quoted(30'000))).value_of("__rpcx_error__") == "RESOURCE_EXHAUSTED: gzip: the message inflates to more than 20000 bytes");
  CHECK(ask(0x08, deflated(quoted(10))).value_of("__rpcx_error__").find("expected gzip") != std::string::npos);
}

TEST_CASE("gRPC-Web's flag is understood, and an answer compressed for who takes it") {
  served_mirror world{{.limits = {.max_message_bytes = 20'000}, .compression = &tenon::gzip}};
  const auto framed = [](std::string_view payload, char flag) {
    std::string message{flag, 0, static_cast<char>(payload.size() >> 16), static_cast<char>(payload.size() >> 8), static_cast<char>(payload.size())};
    return message.append(payload);
  };
  const std::string type = "Content-Type: application/grpc-web+json\r\n";
  const std::string large = quoted(5000);
  const std::string zipped = deflated(large);
  std::string answer = world.post(framed(zipped, 1), type + "grpc-encoding: gzip\r\ngrpc-accept-encoding: identity, gzip\r\n");
  CHECK(answer.find("\r\ngrpc-encoding: gzip\r\n") != std::string::npos);
  CHECK(body_of(answer).starts_with(framed(zipped, 1)));
  CHECK(body_of(answer).ends_with("grpc-status: 0\r\n"));
  answer = world.post(framed(zipped, 1), type + "grpc-encoding: gzip\r\n");
  CHECK(answer.find("grpc-encoding") == std::string::npos);
  CHECK(body_of(answer).starts_with(framed(large, 0)));
  CHECK(body_of(world.post(framed(quoted(10), 0), type + "grpc-accept-encoding: gzip\r\n")).starts_with(framed(quoted(10), 0)));
  answer = world.post(framed("x", 1), type + "grpc-encoding: br\r\n");
  CHECK(answer.find("\r\ngrpc-accept-encoding: identity,gzip\r\n") != std::string::npos);
  CHECK(body_of(answer).find("grpc-status: 12\r\n") != std::string::npos);
  CHECK(body_of(world.post(framed("x", 1), type)).find("grpc-status: 13\r\n") != std::string::npos);
  CHECK(body_of(world.post(framed("x", 1), type + "grpc-encoding: gzip\r\n")).find("grpc-status: 13\r\n") != std::string::npos);
  CHECK(body_of(world.post(framed(deflated(quoted(30'000)), 1), type + "grpc-encoding: gzip\r\n")).find("grpc-status: 8\r\n") != std::string::npos);
}
