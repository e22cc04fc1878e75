"""The workloads of the benchmark: what each one is, who takes part, and whose ratio is looked at. run.py runs them, README.md explains them.

A contestant is a server, a client, and what they are told beside port, shape and time; programs are those of CMakeLists.txt. One whose programs were not
built, because a package is missing, is named as skipped. `cores` is how many cores its server is given.
"""
import dataclasses


@dataclasses.dataclass(frozen=True)
class Contestant:
    name: str
    server: str
    client: str
    server_options: dict = dataclasses.field(default_factory=dict)
    client_options: dict = dataclasses.field(default_factory=dict)
    shape: dict = dataclasses.field(default_factory=dict)
    cores: int = 1


@dataclasses.dataclass(frozen=True)
class Workload:
    name: str
    title: str
    contestants: tuple
    shape: dict = dataclasses.field(default_factory=dict)
    kind: str = "closed"  # closed, open, memory, pending, startup, size: how run.py measures it
    unit: str = "calls/s"
    better: str = "higher"
    ratios: tuple = ()  # (numerator, denominator, the goal or None)
    default: bool = True
    rounds: int = 0  # 0: as many as the run has


def shape(connections, in_flight, size):
    return {"connections": connections, "in_flight": in_flight, "bytes": size}


EPOLL = Contestant("raw epoll", "epoll_server", "epoll_client")
ASIO = Contestant("raw asio", "asio_server", "asio_client")
TENON = Contestant("tenon", "tenon_echo_server", "tenon_echo_client")
GRPC = Contestant("gRPC C++", "grpc_server", "grpc_client")
CAPNP = Contestant("Cap'n Proto", "capnp_server", "capnp_client")
ECHO = (EPOLL, ASIO, TENON, GRPC, CAPNP)


def tenon(name, server="tenon_echo_server", client="tenon_echo_client", server_options=None, client_options=None, form=None, cores=1):
    return Contestant(name, server, client, server_options or {}, client_options or {}, form or {}, cores)


def every(name, protocol, form=None, **more):
    return tenon(name, "tenon_every_server", "tenon_every_client", client_options={"protocol": protocol, **more}, form=form)


# gRPC, each one's server with each one's client: the ratios say what both sides are worth together, and the servers under the same client program.
def grpc_pairs(connections, in_flight, size):
    text = f"{connections} x {in_flight} x {size}"
    return Workload(f"grpc_{text.replace(' ', '')}", f"unary gRPC, server and client of each with those of the other: {text} bytes",
                    (every("tenon", "grpc"), GRPC, Contestant("tenon, gRPC C++ client", "tenon_every_server", "grpc_client"),
                     Contestant("gRPC C++, tenon client", "grpc_server", "tenon_every_client", client_options={"protocol": "grpc"})), shape(connections, in_flight, size),
                    ratios=(("tenon", "gRPC C++", None), ("tenon", "gRPC C++, tenon client", 2), ("tenon, gRPC C++ client", "gRPC C++", None)), rounds=3)


W3 = shape(64, 16, 581)
ECHO_RATIOS = (("tenon", "raw asio", None), ("tenon", "gRPC C++", None), ("tenon", "Cap'n Proto", None))

WORKLOADS = (
    Workload("w1", "one call at a time: 1 connection x 1 in flight x 64 bytes", ECHO, shape(1, 1, 64),
             ratios=(("tenon", "raw epoll", 0.95), *ECHO_RATIOS)),
    Workload("w2", "one busy connection: 1 x 64 x 64 bytes", ECHO, shape(1, 64, 64),
             ratios=(("tenon", "raw epoll", None), ("tenon", "raw asio", 0.8), *ECHO_RATIOS[1:])),
    Workload("w3", "a busy server: 64 x 16 x 581 bytes", ECHO, W3,
             ratios=(("tenon", "raw epoll", None), ("tenon", "raw asio", 0.7), ("tenon", "gRPC C++", 20), ECHO_RATIOS[2])),
    Workload("w4", "1000 callers with a typed message of 40 fields: 50 x 20 x 581 bytes, encoded and decoded on both sides",
             (Contestant("raw asio + libprotobuf", "asio_typed_server", "asio_typed_client"),
              tenon("tenon, protobuf", "tenon_typed_server", "tenon_typed_client", client_options={"codec": "protobuf"}),
              tenon("tenon, msgpack", "tenon_typed_server", "tenon_typed_client", client_options={"codec": "msgpack"}),
              tenon("tenon, json", "tenon_typed_server", "tenon_typed_client", client_options={"codec": "json"}),
              every("tenon, protobuf over gRPC", "grpc", method="pass"),
              Contestant("gRPC C++", "grpc_server", "grpc_client", client_options={"method": "pass"})), shape(50, 20, 581),
             ratios=(("tenon, protobuf", "raw asio + libprotobuf", 1.5), ("tenon, protobuf", "gRPC C++", 15), ("tenon, protobuf over gRPC", "gRPC C++", None),
                     ("tenon, msgpack", "raw asio + libprotobuf", None), ("tenon, json", "raw asio + libprotobuf", None))),
    Workload("protocols", "every protocol of one port of tenon: 64 x 16 x 64 bytes (HTTP/1.1: 1024 connections x 1)",
             (every("rpcx", "rpcx"), every("MessagePack-RPC", "msgpackrpc"), every("JSON-RPC", "jsonrpc"), every("HTTP JSON", "http", shape(1024, 1, 64)), every("gRPC", "grpc")),
             shape(64, 16, 64),
             ratios=(("MessagePack-RPC", "rpcx", 0.8), ("JSON-RPC", "rpcx", 0.8), ("HTTP JSON", "rpcx", None), ("gRPC", "rpcx", None))),
    Workload("http", "HTTP/1.1 JSON under the same load program: 64 x 1 x 64 bytes",
             (Contestant("tenon", "tenon_echo_server", "http_client"),
              Contestant("Beast + nlohmann/json", "beast_server", "http_client", {"kind": "json"}),
              Contestant("Beast, body unread", "beast_server", "http_client", {"kind": "bytes"})), shape(64, 1, 64), unit="requests/s",
             ratios=(("tenon", "Beast + nlohmann/json", 1.5), ("tenon", "Beast, body unread", None))),
    Workload("grpc", "gRPC servers under the same load program (h2load): 64 x 16 x 581 bytes",
             (Contestant("tenon", "tenon_every_server", "h2load"), Contestant("gRPC C++", "grpc_server", "h2load")), W3,
             ratios=(("tenon", "gRPC C++", 2),)),
    *(grpc_pairs(connections, in_flight, size) for connections, in_flight in ((64, 16), (1, 64)) for size in (64, 581)),
    Workload("streams", "items of gRPC server streams: 1 connection x 4 streams x 64 bytes",
             (every("tenon, gRPC", "grpc", method="watch"), every("tenon, rpcx", "rpcx", method="watch"),
              Contestant("gRPC C++", "grpc_server", "grpc_client", client_options={"method": "watch"}),
              Contestant("gRPC C++, tenon client", "grpc_server", "tenon_every_client", client_options={"protocol": "grpc", "method": "watch"})), shape(1, 4, 64), unit="items/s",
             ratios=(("tenon, gRPC", "gRPC C++", 1), ("tenon, gRPC", "gRPC C++, tenon client", 1), ("tenon, rpcx", "gRPC C++", None))),
    Workload("handlers", "kinds of handlers: 1 x 64 x 64 bytes",
             (tenon("plain", server_options={"kind": "plain"}), tenon("tenon::task", server_options={"kind": "task"}), tenon("asio::awaitable", server_options={"kind": "awaitable"})),
             shape(1, 64, 64), ratios=(("tenon::task", "plain", 0.9), ("asio::awaitable", "plain", None))),
    Workload("callers", "ways of calling: 1 x 64 x 64 bytes",
             (tenon("then", client_options={"way": "then"}), tenon("tenon::task", client_options={"way": "task"}), tenon("asio::awaitable", client_options={"way": "awaitable"})),
             shape(1, 64, 64), ratios=(("tenon::task", "then", None), ("asio::awaitable", "then", None))),
    Workload("policies", "a client with six policies: 1 x 64 x 64 bytes", (tenon("none"), tenon("six policies", client="tenon_policies_client")), shape(1, 64, 64),
             ratios=(("six policies", "none", 0.95),)),
    Workload("loops", "one loop and two, the server on as many cores: 64 x 16 x 581 bytes",
             (tenon("tenon, 1 loop", server_options={"loops": 1}), tenon("tenon, 2 loops", server_options={"loops": 2}, cores=2),
              Contestant("raw asio, 1 loop", "asio_server", "asio_client", {"loops": 1}),
              Contestant("raw asio, 2 loops", "asio_server", "asio_client", {"loops": 2}, cores=2)), W3,
             ratios=(("tenon, 2 loops", "tenon, 1 loop", None), ("raw asio, 2 loops", "raw asio, 1 loop", None))),
    Workload("io_uring", "TENON_IO_URING, of the server alone and of both sides: 64 x 16 x 581 bytes",
             (tenon("epoll"), tenon("io_uring, server", server="tenon_echo_server_io_uring"),
              tenon("io_uring, both", server="tenon_echo_server_io_uring", client="tenon_echo_client_io_uring")), W3,
             ratios=(("io_uring, server", "epoll", None), ("io_uring, both", "epoll", None))),
    Workload("connections", "1000 connections x 1 in flight x 64 bytes", ECHO, shape(1000, 1, 64), ratios=ECHO_RATIOS),
    Workload("connections10000", "10 000 connections x 1 in flight x 64 bytes", (EPOLL, ASIO, TENON), shape(10_000, 1, 64), ratios=ECHO_RATIOS[:1], default=False),
    Workload("large", "messages of 1 MiB there and back: 1 connection x 2 in flight", (ASIO, TENON, GRPC, CAPNP), shape(1, 2, 1 << 20), unit="MB/s",
             ratios=(("tenon", "raw asio", 0.9), *ECHO_RATIOS[1:])),
    Workload("latency", "open loop, 64 connections x 581 bytes: latency at 10, 50 and 80 % of each one's own capacity", (ASIO, TENON, GRPC, CAPNP), W3, kind="open",
             unit="us", better="lower", rounds=3),
    Workload("memory", "memory of the server for each of 1000 connections that have called once and are idle",
             (EPOLL, ASIO, TENON, GRPC, CAPNP), shape(1000, 1, 64), kind="memory", unit="KiB", better="lower", ratios=(("tenon", "raw asio", None), ("tenon", "gRPC C++", None)), rounds=1),
    Workload("pending", "memory of the server, and of tenon's client, for each of 100 000 calls under way: 100 connections x 1000",
             (tenon("tenon", client="tenon_pending_client", server_options={"kind": "held"}),
              Contestant("gRPC C++, tenon client", "grpc_server", "tenon_pending_client", {"held": 1}, {"protocol": "grpc"})), shape(100, 1000, 64), kind="pending", unit="bytes", better="lower",
             ratios=(("tenon", "gRPC C++, tenon client", None),), rounds=1),
    Workload("startup", "start of a server until it listens", (ASIO, TENON, tenon("tenon, every protocol", "tenon_every_server"), GRPC, CAPNP,
             Contestant("Beast", "beast_server", "http_client")), kind="startup", unit="ms", better="lower", ratios=(("tenon", "raw asio", None), ("tenon", "gRPC C++", None)), rounds=1),
    Workload("size", "a stripped server, with the shared libraries it needs beyond those of C and C++", (ASIO, TENON, tenon("tenon, every protocol", "tenon_every_server"), GRPC, CAPNP,
             Contestant("Beast", "beast_server", "http_client")), kind="size", unit="KiB", better="lower", ratios=(("tenon", "raw asio", None), ("tenon", "gRPC C++", None)), rounds=1),
)
