// gRPC C++'s own client: completion queue, one thread, a channel with a connection of its own for each connection.
// usage: grpc_client port= connections=1 in_flight=1 bytes=64 seconds=1 warm_up=0.3 [rate=] [method=say|pass|watch]
// `watch` counts items of streams; their latencies are not taken.
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench.grpc.pb.h"
#include "load/measurement.hpp"
#include "peers/message.hpp"

namespace {

struct everything {
  measurement all;
  grpc::CompletionQueue queue{};
  bool open = false;
  std::size_t under_way = 0;
  bool over = false;
};

[[noreturn]] void fail(const grpc::Status& status) {
  std::fprintf(stderr, "grpc_client: %d %s\n", static_cast<int>(status.error_code()), status.error_message().c_str());
  std::exit(1);
}

struct step {
  virtual void proceed(bool good) = 0;
  virtual ~step() = default;
};

std::unique_ptr<grpc::ClientAsyncResponseReader<bench::Payload>> prepare(bench::Echo::Stub& stub, grpc::ClientContext& context, const bench::Payload& request, grpc::CompletionQueue& queue) {
  return stub.PrepareAsyncSay(&context, request, &queue);
}
std::unique_ptr<grpc::ClientAsyncResponseReader<codec_bench_peer::Message>> prepare(bench::Echo::Stub& stub, grpc::ClientContext& context, const codec_bench_peer::Message& request, grpc::CompletionQueue& queue) {
  return stub.PrepareAsyncPass(&context, request, &queue);
}
bool same(const bench::Payload& left, const bench::Payload& right) { return left.body().size() == right.body().size(); }
bool same(const codec_bench_peer::Message& left, const codec_bench_peer::Message& right) { return left.field280() == right.field280(); }

template <class Message>
class unary final : public step {
 public:
  unary(everything& all, bench::Echo::Stub& stub, const Message& request, std::int64_t started) : all_{all}, stub_{stub}, request_{request}, started_{started} {
    ++all_.under_way;
    reader_ = prepare(stub_, context_, request_, all_.queue);
    reader_->StartCall();
    reader_->Finish(&response_, &status_, this);
  }

  void proceed(bool) override {
    --all_.under_way;
    const std::int64_t now = nanoseconds_now();
    if (!status_.ok() || !same(request_, response_)) fail(status_);
    if (all_.open) all_.all.count_due(started_, now);
    else if (all_.all.count(started_, now)) new unary{all_, stub_, request_, now};
    else all_.over = true;
    delete this;
  }

 private:
  everything& all_;
  bench::Echo::Stub& stub_;
  const Message& request_;
  std::int64_t started_;
  grpc::ClientContext context_;
  Message response_;
  grpc::Status status_;
  std::unique_ptr<grpc::ClientAsyncResponseReader<Message>> reader_;
};

class watch final : public step {
 public:
  watch(everything& all, bench::Echo::Stub& stub, const bench::Wanted& wanted) : all_{all}, stub_{stub}, wanted_{wanted} { reader_ = stub_.AsyncWatch(&context_, wanted_, &all_.queue, this); }

  void proceed(bool good) override {
    const std::int64_t now = nanoseconds_now();
    if (finishing_) {
      if (!status_.ok()) fail(status_);
      new watch{all_, stub_, wanted_};
      delete this;
      return;
    }
    if (std::exchange(begun_, true) && good) all_.all.add_items(1, now);
    if (now >= all_.all.ends()) all_.over = true;
    if (good) {
      reader_->Read(&item_, this);
    } else {
      finishing_ = true;
      reader_->Finish(&status_, this);
    }
  }

 private:
  everything& all_;
  bench::Echo::Stub& stub_;
  const bench::Wanted& wanted_;
  grpc::ClientContext context_;
  bench::Payload item_;
  grpc::Status status_;
  std::unique_ptr<grpc::ClientAsyncReader<bench::Payload>> reader_;
  bool begun_ = false;
  bool finishing_ = false;
};

using stubs = std::vector<std::unique_ptr<bench::Echo::Stub>>;

// Sends what is due, then looks for what has come, without ever sleeping.
template <class Message>
void pace(everything& all, stubs& to, const Message& request, double rate) {
  arrivals calls{rate};
  calls.begin(nanoseconds_now());
  std::size_t next = 0;
  while (true) {
    const std::int64_t now = nanoseconds_now();
    for (; calls.due() <= now && calls.due() < all.all.ends(); calls.next(), next = (next + 1) % to.size()) new unary<Message>{all, *to[next], request, calls.due()};
    if (now >= all.all.ends() && all.under_way == 0) return;
    if (now >= all.all.ends() + patience) fail({grpc::StatusCode::RESOURCE_EXHAUSTED, "calls were not answered: the rate is above what the server can do"});
    void* tag = nullptr;
    bool good = false;
    if (all.queue.AsyncNext(&tag, &good, gpr_time_0(GPR_CLOCK_MONOTONIC)) == grpc::CompletionQueue::GOT_EVENT) static_cast<step*>(tag)->proceed(good);
  }
}

template <class Begin>
void keep_busy(everything& all, stubs& to, std::size_t in_flight, Begin begin) {
  for (const auto& stub : to) {
    for (std::size_t i = 0; i < in_flight; ++i) begin(*stub);
  }
  void* tag = nullptr;
  bool good = false;
  while (!all.over && all.queue.Next(&tag, &good)) static_cast<step*>(tag)->proceed(good);
}

template <class Message>
void call(everything& all, stubs& to, const arguments& given, const Message& request) {
  if (all.open) return pace(all, to, request, given.real("rate", 1));
  keep_busy(all, to, given.number("in_flight", 1), [&](bench::Echo::Stub& stub) { new unary<Message>{all, stub, request, nanoseconds_now()}; });
}

}  // namespace

int main(int argc, char** argv) {
  const arguments given{argc, argv};
  // Calls that are under way at the end keep using it.
  everything& all = *new everything{measurement{given}};
  all.open = given.real("rate", 0) > 0;
  stubs to;
  for (std::size_t i = 0; i < given.number("connections", 1); ++i) {
    grpc::ChannelArguments options;
    options.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    options.SetMaxReceiveMessageSize(8 << 20);
    const auto channel = grpc::CreateCustomChannel("127.0.0.1:" + given.word("port", "0"), grpc::InsecureChannelCredentials(), options);
    if (!channel->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds{10})) fail({grpc::StatusCode::UNAVAILABLE, "the server does not accept connections"});
    to.push_back(bench::Echo::NewStub(channel));
  }
  all.all.begin(nanoseconds_now());
  const std::string method = given.word("method", "say");
  if (method == "pass") {
    call(all, to, given, bench_peers::make_message());
  } else if (method == "watch") {
    bench::Wanted wanted;
    wanted.set_count(100'000);
    wanted.set_bytes(static_cast<std::uint32_t>(given.number("bytes", 64)));
    keep_busy(all, to, given.number("in_flight", 1), [&](bench::Echo::Stub& stub) { new watch{all, stub, wanted}; });
  } else {
    bench::Payload request;
    request.mutable_body()->assign(given.number("bytes", 64), 'x');
    call(all, to, given, request);
  }
  std::fflush(stdout);
  // Not by return: calls are under way, and the queue would wait for them.
  std::_Exit(all.all.finish());
}
