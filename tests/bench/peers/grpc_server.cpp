// gRPC C++'s own server, in its fastest form: completion queue, one thread for each, calls prepared ahead.
// usage: grpc_server [port=0] [loops=1] [held=0]    `held`: texts of 16 bytes and more are not answered; prints `listening 127.0.0.1:PORT`, serves until it is killed
#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bench.grpc.pb.h"
#include "load/arguments.hpp"

namespace {

using service_type = bench::Echo::AsyncService;

struct step {
  virtual void proceed(bool good) = 0;
  virtual ~step() = default;
};

bool held = false;
bool holds(const bench::Payload& request) { return held && request.body().size() >= 16; }
bool holds(const codec_bench_peer::Message&) { return false; }

void answer(bench::Payload& request, bench::Payload& response) { response.mutable_body()->swap(*request.mutable_body()); }
void answer(codec_bench_peer::Message& request, codec_bench_peer::Message& response) { response.Swap(&request); }

// One call from its preparation to its end; then it prepares the next in its place.
template <class Message>
class unary final : public step {
 public:
  using request_function = void (service_type::*)(grpc::ServerContext*, Message*, grpc::ServerAsyncResponseWriter<Message>*, grpc::CompletionQueue*, grpc::ServerCompletionQueue*, void*);

  unary(service_type& service, grpc::ServerCompletionQueue& queue, request_function request) : service_{service}, queue_{queue}, request_function_{request} {
    (service_.*request_function_)(&context_, &request_, &responder_, &queue_, &queue_, this);
  }

  void proceed(bool good) override {
    if (!good || answered_) {
      delete this;
      return;
    }
    new unary{service_, queue_, request_function_};
    answered_ = true;
    if (holds(request_)) return;
    answer(request_, response_);
    responder_.Finish(response_, grpc::Status::OK, this);
  }

 private:
  service_type& service_;
  grpc::ServerCompletionQueue& queue_;
  request_function request_function_;
  grpc::ServerContext context_;
  Message request_;
  Message response_;
  grpc::ServerAsyncResponseWriter<Message> responder_{&context_};
  bool answered_ = false;
};

// A stream, whose items may be gathered into one write while the next is made.
class watch final : public step {
 public:
  watch(service_type& service, grpc::ServerCompletionQueue& queue) : service_{service}, queue_{queue} { service_.RequestWatch(&context_, &wanted_, &writer_, &queue_, &queue_, this); }

  void proceed(bool good) override {
    if (!good || ended_) {
      delete this;
      return;
    }
    if (!std::exchange(begun_, true)) {
      new watch{service_, queue_};
      item_.mutable_body()->assign(wanted_.bytes(), 'x');
      // By itself: a write with the hint that carries it as well is never sent.
      writer_.SendInitialMetadata(this);
      return;
    }
    if (sent_ == wanted_.count()) {
      ended_ = true;
      writer_.Finish(grpc::Status::OK, this);
    } else {
      ++sent_;
      writer_.Write(item_, grpc::WriteOptions{}.set_buffer_hint(), this);
    }
  }

 private:
  service_type& service_;
  grpc::ServerCompletionQueue& queue_;
  grpc::ServerContext context_;
  bench::Wanted wanted_;
  bench::Payload item_;
  grpc::ServerAsyncWriter<bench::Payload> writer_{&context_};
  std::uint32_t sent_ = 0;
  bool begun_ = false;
  bool ended_ = false;
};

void work(service_type& service, grpc::ServerCompletionQueue& queue) {
  for (int i = 0; i < 1024; ++i) new unary<bench::Payload>{service, queue, &service_type::RequestSay};
  for (int i = 0; i < 1024; ++i) new unary<codec_bench_peer::Message>{service, queue, &service_type::RequestPass};
  for (int i = 0; i < 64; ++i) new watch{service, queue};
  void* tag = nullptr;
  bool good = false;
  while (queue.Next(&tag, &good)) static_cast<step*>(tag)->proceed(good);
}

}  // namespace

int main(int argc, char** argv) {
  const arguments given{argc, argv};
  held = given.number("held", 0) != 0;
  service_type service;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:" + given.word("port", "0"), grpc::InsecureServerCredentials(), &port);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 1024);
  builder.SetMaxReceiveMessageSize(8 << 20);
  builder.RegisterService(&service);
  std::vector<std::unique_ptr<grpc::ServerCompletionQueue>> queues;
  for (std::size_t i = 0; i < given.number("loops", 1); ++i) queues.push_back(builder.AddCompletionQueue());
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (!server) return 1;
  std::printf("listening 127.0.0.1:%d\n", port);
  std::fflush(stdout);
  std::vector<std::thread> workers;
  for (const auto& queue : queues) workers.emplace_back([&service, &queue] { work(service, *queue); });
  for (std::thread& each : workers) each.join();
}
