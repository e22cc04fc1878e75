// Calls a real rpcx server written in Go, in msgpack and in json: the mirror of go/cases.go. Prints `ok NAME` or `FAIL NAME: why` for each case.
// usage: rpcx_client tcp://127.0.0.1:9000
#include "arith.hpp"

#if defined(WITH_ZLIB)
#include <tenon/zlib.hpp>
#endif

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace {

using interop::args;
using interop::reply;
using namespace tenon::literals;

// What the Go server does not have, under the name of what it has.
struct arith_with_more {
  reply Missing(args numbers);
  TENON_SERVICE((arith_with_more, tenon::name("Arith")), Missing);
};
struct arith_of_strings {
  reply Mul(std::string text);
  TENON_SERVICE((arith_of_strings, tenon::name("Arith")), Mul);
};
struct Nowhere {
  reply Mul(args numbers);
  TENON_SERVICE(Nowhere, Mul);
};

// A case answers why it failed, and nothing when it did not.
using verdict = std::string;

template <class T>
verdict unexpected(std::string_view what, const tenon::result<T>& found) {
  return std::string{what} + ": " + (found ? "expected an error, found success" : found.error().to_string());
}

template <class Codec>
struct cases {
  std::string url;
  tenon::client_options options{};
  tenon::client<interop::Arith, Codec> peer{url, options};

  verdict usable() {
    const auto found = peer.Mul({6, 7}).get();
    if (!found) return unexpected("a call after it", found);
    return found->C == 42 ? "" : "6 * 7 after it: expected 42, found " + std::to_string(found->C);
  }

  template <class T>
  verdict refused(const tenon::result<T>& found, std::string_view mention) {
    if (found) return "expected an error, found success";
    if (found.error().message().find(mention) == std::string_view::npos) {
      return "expected an error that mentions \"" + std::string{mention} + "\", found " + found.error().to_string();
    }
    return usable();
  }

  verdict multiplies() {
    for (const args& numbers : {args{7, 8}, args{-3, 40000}, args{0, 0}, args{1LL << 31, -(1LL << 31)}}) {
      const auto found = peer.Mul(numbers).get();
      if (!found) return unexpected("Mul", found);
      if (found->C != numbers.A * numbers.B) return "expected " + std::to_string(numbers.A * numbers.B) + ", found " + std::to_string(found->C);
    }
    return {};
  }

  verdict reverses_a_string() {
    const std::pair<std::string, std::string> texts[] = {{"", ""}, {"tenon", "nonet"}, {"a\"\\\n<é€😀", "😀€é<\n\\\"a"}};
    for (const auto& [text, expected] : texts) {
      const auto found = peer.Text(text).get();
      if (!found) return unexpected("Text", found);
      if (*found != expected) return "expected " + expected + ", found " + *found;
    }
    return {};
  }

  verdict mixed_back(interop::mixed sent) {
    const auto found = peer.Mixed(sent).get();
    if (!found) return unexpected("Mixed", found);
    sent.Inner.Name += "!";
    return *found == sent ? "" : "a field came back changed";
  }

  verdict mixed_message() {
    using std::chrono::system_clock;
    interop::mixed sent{
        .String = "grüße", .Bool = true, .I8 = -128, .I16 = -32768, .I32 = -2147483647 - 1, .I64 = -9223372036854775807LL - 1,
        .U8 = 255, .U16 = 65535, .U32 = 4294967295U, .U64 = 18446744073709551615ULL, .F32 = 1.5F, .F64 = -2.5e-300,
        .Strings = {"a", "", "c"}, .Counts = {{"one", 1}, {"minus", -100000}, {"big", 1LL << 40}},
        .Inner = {"inner", {1, -1, 1 << 30}}, .When = {}, .Data = {std::byte{0}, std::byte{1}, std::byte{254}, std::byte{255}}};
    // msgpack's timestamp has three lengths: whole seconds, with nanoseconds, and before 1970 or after 2514; the last is out of reach in nanoseconds.
    for (const std::int64_t nanoseconds : {0LL, 1700000000'000000000LL, 1709251199'123456789LL, -14182940'500000000LL, 4294967296'000000001LL}) {
      sent.When = system_clock::time_point{std::chrono::duration_cast<system_clock::duration>(std::chrono::nanoseconds{nanoseconds})};
      if (auto why = mixed_back(sent); !why.empty()) return why + " (time " + std::to_string(nanoseconds) + " ns)";
    }
    return {};
  }

  verdict mixed_zeros() { return mixed_back({}); }

  verdict metadata_both_ways() {
    const tenon::metadata request{{"trace", "abc"}, {"empty", ""}, {"utf8", "grüße"}, {"long", std::string(3000, 'x')}};
    tenon::metadata response;
    const auto found = peer.with(tenon::call_options{.metadata = request, .response_metadata = &response}).Meta(args{}).get();
    if (!found) return unexpected("Meta", found);
    for (const auto& [key, value] : request) {
      if (response.get("echo-" + key) != value) return "response metadata lacks echo-" + key + ", or has another value";
    }
    return found->C == 4 ? "" : "the server saw " + std::to_string(found->C) + " keys, expected 4";
  }

  verdict error_text() {
    const auto found = peer.Fail({}).get();
    if (found) return unexpected("Fail", found);
    if (found.error().message() != "no such thing") return "expected \"no such thing\", found " + found.error().to_string();
    return usable();
  }

  verdict unknown_method() {
    tenon::client<arith_with_more, Codec> other{url};
    return refused(other.Missing({}).get(), "Missing");
  }
  verdict unknown_service() {
    tenon::client<Nowhere, Codec> other{url};
    return refused(other.Mul({}).get(), "Nowhere");
  }
  verdict wrong_type() {
    tenon::client<arith_of_strings, Codec> other{url};
    return refused(other.Mul("seven").get(), "");
  }

  template <class Count>
  verdict reaches(Count&& count, std::int64_t least) {
    for (const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{2}; std::chrono::steady_clock::now() < end; std::this_thread::yield()) {
      const auto found = count();
      if (!found) return unexpected("the counter", found);
      if (found->C >= least) return {};
    }
    return "the counter did not reach " + std::to_string(least) + " within 2 s";
  }

  verdict one_way() {
    const auto before = peer.Noted({}).get();
    if (!before) return unexpected("Noted", before);
    for (int i = 0; i < 10; ++i) {
      const auto sent = peer.with(tenon::call_options{.one_way = true}).Note({}).get();
      if (!sent) return unexpected("Note", sent);
    }
    return reaches([this] { return peer.Noted({}).get(); }, before->C + 10);
  }

  verdict timeout() {
    const auto before = peer.Deadlines({}).get();
    if (!before) return unexpected("Deadlines", before);
    const auto start = std::chrono::steady_clock::now();
    const auto found = peer.with(tenon::call_options{.timeout = 50_ms}).Slow({2000, 0}).get();
    if (found) return unexpected("Slow", found);
    if (found.error().code() != tenon::code::deadline_exceeded) return "expected DEADLINE_EXCEEDED, found " + found.error().to_string();
    if (std::chrono::steady_clock::now() - start > std::chrono::seconds{1}) return "expected the error after 50 ms, it took more than a second";
    if (auto why = reaches([this] { return peer.Deadlines({}).get(); }, before->C + 1); !why.empty()) return "the handler must see __ServerTimeout: " + why;
    return usable();
  }

  verdict thousand_at_once() {
    std::vector<decltype(peer.Mul(args{}))> calls;
    for (std::int64_t i = 0; i < 1000; ++i) calls.push_back(peer.Mul({i, i + 1}));
    for (std::int64_t i = 0; i < 1000; ++i) {
      const auto found = calls[static_cast<std::size_t>(i)].get();
      if (!found) return unexpected("Mul", found);
      if (found->C != i * (i + 1)) return "call " + std::to_string(i) + " got the answer " + std::to_string(found->C);
    }
    return {};
  }

  verdict mebibyte() {
    interop::blob sent;
    sent.Data.resize(1 << 20);
    for (std::size_t i = 0; i < sent.Data.size(); ++i) sent.Data[i] = static_cast<std::byte>(i * 7);
    for (int i = 0; i < 2; ++i) {
      const auto found = peer.Big(sent).get();
      if (!found) return unexpected("Big", found);
      if (*found != sent) return "1 MiB came back changed";
      sent = {.Data = {}, .Text = std::string(1 << 20, 't')};
    }
    return {};
  }

  // `codec` stands before every name.
  int run(const char* codec) {
    const std::pair<const char*, verdict (cases::*)()> all[] = {
        {"multiplies", &cases::multiplies},
        {"reverses a string", &cases::reverses_a_string},
        {"mixed message", &cases::mixed_message},
        {"mixed message of zeros", &cases::mixed_zeros},
        {"metadata both ways", &cases::metadata_both_ways},
        {"error text", &cases::error_text},
        {"unknown method", &cases::unknown_method},
        {"unknown service", &cases::unknown_service},
        {"arguments of a wrong type", &cases::wrong_type},
        {"one-way", &cases::one_way},
        {"timeout", &cases::timeout},
        {"1000 calls at once", &cases::thousand_at_once},
        {"1 MiB payload", &cases::mebibyte},
    };
    int failed = 0;
    for (const auto& [name, run_case] : all) {
      const verdict why = (this->*run_case)();
      if (why.empty()) std::printf("ok %s %s\n", codec, name);
      else std::printf("FAIL %s %s: %s\n", codec, name, why.c_str());
      if (!why.empty()) failed = 1;
    }
    return failed;
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: rpcx_client tcp://127.0.0.1:9000\n");
    return 2;
  }
  const int msgpack = cases<tenon::codec::msgpack>{argv[1]}.run("msgpack");
  const int json = cases<tenon::codec::json>{argv[1]}.run("json");
#if defined(WITH_ZLIB)
  // Whatever becomes smaller leaves compressed; the server answers so what has 1025 bytes and more.
  const int gzip = cases<tenon::codec::msgpack>{argv[1], {.compression = &tenon::gzip, .compress_from_bytes = 1}}.run("msgpack, gzip:");
#else
  const int gzip = 0;
#endif
  return msgpack | json | gzip;
}
