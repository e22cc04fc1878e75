// gRPC C++'s own server for the comparison, in its fastest form: completion queue, one thread, calls prepared ahead.
// usage: grpc_peer_server    prints `listening tcp://127.0.0.1:PORT`, serves until its standard input ends
#include <grpcpp/grpcpp.h>

#include <cstdio>
#include <memory>
#include <thread>

#include "echo.grpc.pb.h"

namespace {

// One call from its preparation to its end; then it prepares the next in its place.
class call {
 public:
  call(bench::Echo::AsyncService& service, grpc::ServerCompletionQueue& queue) : service_{service}, queue_{queue} { prepare(); }

  void proceed() {
    if (!answered_) {
      new call{service_, queue_};
      answered_ = true;
      answer_.set_body(request_.body());
      responder_.Finish(answer_, grpc::Status::OK, this);
    } else {
      delete this;
    }
  }

 private:
  void prepare() { service_.RequestSay(&context_, &request_, &responder_, &queue_, &queue_, this); }

  bench::Echo::AsyncService& service_;
  grpc::ServerCompletionQueue& queue_;
  grpc::ServerContext context_;
  bench::Payload request_;
  bench::Payload answer_;
  grpc::ServerAsyncResponseWriter<bench::Payload> responder_{&context_};
  bool answered_ = false;
};

}  // namespace

int main() {
  bench::Echo::AsyncService service;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 1024);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::ServerCompletionQueue> queue = builder.AddCompletionQueue();
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (!server) return 1;
  std::printf("listening tcp://127.0.0.1:%d\n", port);
  std::fflush(stdout);
  std::thread worker{[&] {
    for (int i = 0; i < 1024; ++i) new call{service, *queue};
    void* tag = nullptr;
    bool good = false;
    while (queue->Next(&tag, &good)) {
      if (good) static_cast<call*>(tag)->proceed();
      else delete static_cast<call*>(tag);
    }
  }};
  while (std::getchar() != EOF) {}
  server->Shutdown();
  queue->Shutdown();
  worker.join();
}
