// A client of Python's gRPC server.
// usage: grpc_desk_client grpc://HOST:PORT    prints `ok <case>` or `FAIL <case>: <why>` for each
#include "desk.hpp"

#include <tenon/grpc.hpp>
#ifdef WITH_ZLIB
#include <tenon/zlib.hpp>
#endif

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

using namespace std::chrono_literals;

// A contract: declared, and never defined on this side.
struct Desk {
  Receipt Buy(Order);
  Receipt Never(Order);
  tenon::stream<Tick> Watch(Wanted);
  Total Deposit(tenon::source<Order>);
  tenon::stream<Receipt> Trade(tenon::source<Order>);
  Total Ended(Nothing);
  Nothing Missing(Nothing);
  TENON_SERVICE((Desk, tenon::name("desk.v1.Desk")), Buy, Never, Watch, Deposit, Trade, Ended, Missing)
};
using desk_client = tenon::client<Desk, tenon::codec::protobuf>;

bool all_good = true;

void report(std::string_view name, bool good, const std::string& why = {}) {
  all_good = all_good && good;
  std::printf("%s %.*s%s%s\n", good ? "ok" : "FAIL", static_cast<int>(name.size()), name.data(), good ? "" : ": ", good ? "" : why.c_str());
}
template <class T>
std::string told(const tenon::result<T>& got) {
  return got ? "a value of another shape" : got.error().to_string();
}
tenon::bytes some(std::size_t size) { return tenon::bytes(size, std::byte{'b'}); }

void unary(desk_client& desk) {
  const auto bought = desk.Buy({"ACME", 1LL << 40, {"a", "b"}, {}}).get();
  report("unary", bought && bought->text == "ACME x1099511627776" && bought->price == 1.5 * 1099511627776.0, told(bought));
  const auto large = desk.Buy({"big", 1, {}, some(3'000'000)}).get();
  report("a message of 3 MB both ways", large && large->attachment.size() == 3'000'000, told(large));

  tenon::metadata back;
  const std::string bytes{"\x00\xff\x01", 3};
  const auto carried = desk.with({.metadata = {{std::string{trace_key}, "abc"}, {std::string{state_key}, bytes}}, .response_metadata = &back}).Buy({"A", 1, {}, {}}).get();
  report("metadata both ways, binary and trailing too", carried && back.get(trace_key) == "abc" && back.get(state_key) == bytes, told(carried));

  const auto refused = desk.Buy({"A", 0, {}, {}}).get();
  report("an error's code, text and details",
         !refused && refused.error().code() == tenon::code::failed_precondition && refused.error().message() == "shares must be positive: \xe2\x98\xba" &&
             refused.error().details() == std::vector<tenon::status_detail>{{std::string{detail_type}, std::string{detail_bytes}}},
         told(refused));
  const auto late = desk.with({.timeout = 50ms}).Never({}).get();
  report("a deadline", !late && late.error().code() == tenon::code::deadline_exceeded, told(late));
  const auto missing = desk.Missing({}).get();
  report("a method that is not there", !missing && missing.error().code() == tenon::code::unimplemented, told(missing));
}

void streams(desk_client& desk) {
  {
    auto ticks = desk.Watch({"T", 1000, 100});
    int count = 0;
    while (const auto each = ticks.next().get()) count += each->number == count + 1 && each->text.size() == 101 ? 1 : 0;
    report("server streaming", count == 1000 && ticks.status().ok(), ticks.status().to_string());
  }
  {
    auto orders = desk.Deposit();
    for (int i = 1; i <= 200; ++i) (void)orders.write({"S", i, {}, some(5000)}).get();
    const auto sum = orders.finish().get();
    report("client streaming", sum && sum->shares == 20'100 && sum->orders == 200, told(sum));
  }
  {
    auto both = desk.Trade();
    bool good = true;
    for (int i = 1; i <= 50; ++i) {
      good = both.write({"S" + std::to_string(i), i, {}, {}}).get().has_value() && good;
      const auto answer = both.next().get();
      good = answer && answer->text == "S" + std::to_string(i) + "!" && good;
    }
    both.end_writing();
    good = !both.next().get() && good;
    report("both stream, in turns", good && both.status().ok(), both.status().to_string());
  }
  {
    auto both = desk.Trade();
    (void)both.write({"S", -1, {}, {}}).get();
    const bool nothing = !both.next().get();
    report("an error ends a stream", nothing && both.status().code() == tenon::code::aborted && both.status().message() == "enough", both.status().to_string());
  }
  {
    auto ticks = desk.with({.timeout = 100ms}).Watch({"T", 0, 10});
    int count = 0;
    while (ticks.next().get()) ++count;
    report("a deadline in mid-stream", count > 0 && ticks.status().code() == tenon::code::deadline_exceeded, ticks.status().to_string());
  }
  {
    const auto before = desk.Ended({}).get();
    auto ticks = desk.Watch({"T", 0, 10});
    const bool first = ticks.next().get().has_value();
    ticks.cancel();
    bool ended = false;
    for (int i = 0; i < 500 && !ended; ++i) {
      const auto now = desk.Ended({}).get();
      ended = before && now && now->shares > before->shares;
    }
    report("a cancel in mid-stream ends the handler", first && ended, told(before));
  }
}

int main(int count, char** arguments) {
  if (count != 2) return 2;
  const std::string url = arguments[1];
  desk_client desk{url, {.sessions = tenon::grpc}};
  unary(desk);
  streams(desk);
#ifdef WITH_ZLIB
  desk_client small{url, {.compression = &tenon::gzip, .compress_from_bytes = 100, .sessions = tenon::grpc}};
  const auto zipped = small.Buy({"zip", 1, {}, some(100'000)}).get();
  report("gzip, unary", zipped && zipped->attachment.size() == 100'000, told(zipped));
  auto orders = small.Deposit();
  for (int i = 1; i <= 50; ++i) (void)orders.write({"S", i, {}, some(50'000)}).get();
  const auto sum = orders.finish().get();
  report("gzip, client streaming", sum && sum->orders == 50, told(sum));
  auto ticks = small.Watch({"zip", 100, 5000});
  int came = 0;
  while (const auto each = ticks.next().get()) came += each->text.size() == 5003 ? 1 : 0;
  report("gzip, server streaming", came == 100 && ticks.status().ok(), ticks.status().to_string());
  desk_client reader{url, {.compression = &tenon::gzip, .compress_from_bytes = tenon::protocol::compress_nothing, .sessions = tenon::grpc}};
  const auto read = reader.Buy({"zip", 1, {}, some(100'000)}).get();
  report("gzip, of answers alone", read && read->attachment.size() == 100'000, told(read));
#endif
  return all_good ? 0 : 1;
}
