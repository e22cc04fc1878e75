// What the programs of tests/bench/guards.py share: counts of allocations and system calls, and both sides of a call on one thread, turn by turn. It defines malloc:
// one file of a program includes it.
#pragma once

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#if defined(ASIO_HAS_IO_URING)
#include <dlfcn.h>
#include <liburing.h>
#endif

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tenon.hpp>
#include <tenon/codec/protobuf.hpp>

namespace {

struct counts {
  std::size_t allocations = 0;
  std::size_t system_calls = 0;
};
counts server_counts;
counts client_counts;
counts* counted = &client_counts;

template <class... Arguments>
long system_call(long number, Arguments... arguments) {
  ++counted->system_calls;
  return syscall(number, arguments...);
}

}  // namespace

// All of a program's memory comes this way: operator new, tenon's buffers (realloc) and asio's handlers (aligned_alloc) alike. And these are the system calls that
// asio makes while calls are under way.
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void* malloc(std::size_t size) { return ++counted->allocations, __libc_malloc(size); }
void* calloc(std::size_t count, std::size_t size) { return ++counted->allocations, __libc_calloc(count, size); }
void* realloc(void* block, std::size_t size) { return ++counted->allocations, __libc_realloc(block, size); }
void* aligned_alloc(std::size_t alignment, std::size_t size) { return ++counted->allocations, __libc_memalign(alignment, size); }
ssize_t recvmsg(int socket, msghdr* message, int flags) { return system_call(SYS_recvmsg, socket, message, flags); }
ssize_t sendmsg(int socket, const msghdr* message, int flags) { return system_call(SYS_sendmsg, socket, message, flags); }
ssize_t recv(int socket, void* data, std::size_t size, int flags) { return system_call(SYS_recvfrom, socket, data, size, flags, nullptr, nullptr); }
ssize_t send(int socket, const void* data, std::size_t size, int flags) { return system_call(SYS_sendto, socket, data, size, flags, nullptr, 0); }
ssize_t read(int file, void* data, std::size_t size) { return system_call(SYS_read, file, data, size); }
ssize_t readv(int file, const iovec* parts, int count) { return system_call(SYS_readv, file, parts, count); }
ssize_t writev(int file, const iovec* parts, int count) { return system_call(SYS_writev, file, parts, count); }
int epoll_wait(int poll, epoll_event* events, int count, int timeout) { return static_cast<int>(system_call(SYS_epoll_wait, poll, events, count, timeout)); }
int epoll_ctl(int poll, int operation, int file, epoll_event* event) noexcept { return static_cast<int>(system_call(SYS_epoll_ctl, poll, operation, file, event)); }
#if defined(ASIO_HAS_IO_URING)
// One system call each at most: what liburing finds it can do without is counted as well.
int io_uring_submit(io_uring* ring) {
  static auto* const theirs = reinterpret_cast<int (*)(io_uring*)>(dlsym(RTLD_NEXT, "io_uring_submit"));
  return ++counted->system_calls, theirs(ring);
}
int __io_uring_get_cqe(io_uring* ring, io_uring_cqe** found, unsigned submit, unsigned wait, sigset_t* signals) {
  static auto* const theirs = reinterpret_cast<int (*)(io_uring*, io_uring_cqe**, unsigned, unsigned, sigset_t*)>(dlsym(RTLD_NEXT, "__io_uring_get_cqe"));
  if (submit + wait != 0) ++counted->system_calls;
  return theirs(ring, found, submit, wait, signals);
}
#endif
}

namespace {

// Their names are what tests/bench/guards.py asks callgrind for; warming up has others, so as not to count. Alike as they are, they must not become one.
[[gnu::noinline, gnu::no_icf]] void server_turn(asio::io_context& io) { counted = &server_counts, io.poll(); }
[[gnu::noinline, gnu::no_icf]] void client_turn(asio::io_context& io) { counted = &client_counts, io.poll(); }
[[gnu::noinline, gnu::no_icf]] void server_warms_up(asio::io_context& io) { counted = &server_counts, io.poll(); }
[[gnu::noinline, gnu::no_icf]] void client_warms_up(asio::io_context& io) { counted = &client_counts, io.poll(); }

struct progress {
  std::size_t answers = 0;
  std::size_t failures = 0;
  bool ending = false;
};

template <class Client, class Call>
void go_on(Client& client, Call call, progress& all) {
  call(client).then([&client, call, &all](const auto& answer) {
    ++all.answers;
    if (!answer) ++all.failures;
    if (!all.ending && all.failures == 0) go_on(client, call, all);
  });
}

template <class Client, class Service, class Contract, class Protocols = tenon::default_protocols, class Call>
int measure(Service handlers, Call call, std::size_t connections, std::size_t in_flight, std::size_t calls, const std::string& scheme = {},
            const tenon::client_options& options = {}) {
  asio::io_context server_io{1};
  asio::io_context client_io{1};
  tenon::server<Protocols> server{server_io};
  server.template serve<Contract, tenon::codec::protobuf>(std::move(handlers));
  const auto address = server.listen("tcp://127.0.0.1:0");
  server.start();
  progress all;
  std::vector<Client> clients;
  for (std::size_t i = 0; i < connections; ++i) clients.emplace_back(client_io, scheme + address.url(), options);
  const auto begin = [&] {
    all.ending = false;
    for (Client& client : clients) {
      for (std::size_t i = 0; i < in_flight; ++i) go_on(client, call, all);
    }
  };
  const auto warm_up_to = [&](std::size_t answers) {
    while (all.answers < answers && all.failures == 0) {
      server_warms_up(server_io);
      client_warms_up(client_io);
    }
  };
  // Twice: while reads grow, what a connection has under way falls apart into two groups, which in turns as regular as these never meet again.
  const std::size_t under_way = connections * in_flight;
  begin();
  warm_up_to(calls / 4);
  all.ending = true;
  warm_up_to(all.answers + under_way);
  begin();
  warm_up_to(all.answers + calls / 4);
  const counts server_before = server_counts;
  const counts client_before = client_counts;
  const std::size_t answered = all.answers;
  while (all.answers < answered + calls && all.failures == 0) {
    server_turn(server_io);
    client_turn(client_io);
  }
  const auto each = [measured = static_cast<double>(all.answers - answered)](std::size_t after, std::size_t before) { return static_cast<double>(after - before) / measured; };
  std::printf("calls=%zu server_allocations=%.4f server_system_calls=%.4f client_allocations=%.4f client_system_calls=%.4f\n", all.answers - answered,
              each(server_counts.allocations, server_before.allocations), each(server_counts.system_calls, server_before.system_calls),
              each(client_counts.allocations, client_before.allocations), each(client_counts.system_calls, client_before.system_calls));
  all.ending = true;
  warm_up_to(all.answers + under_way);
  return all.failures == 0 ? 0 : 1;
}

}  // namespace
