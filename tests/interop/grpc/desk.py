"""Python's gRPC as a client of tenon, and as a server for it, with stubs that grpcio-tools makes of the .proto that tenon prints.

usage: desk.py serve STUBS              prints `listening HOST:PORT`, ends with its standard input
       desk.py call STUBS HOST:PORT     prints `ok <case>` or `FAIL <case>: <why>` for each
STUBS is the folder with desk_pb2.py and desk_pb2_grpc.py.
"""
import concurrent.futures
import itertools
import sys
import threading
import time

sys.path.insert(0, sys.argv[2])
import desk_pb2 as pb  # noqa: E402
import desk_pb2_grpc as stubs  # noqa: E402
import grpc  # noqa: E402
from google.protobuf import any_pb2  # noqa: E402
from google.rpc import status_pb2  # noqa: E402
from grpc_status import rpc_status  # noqa: E402

UNLIMITED = [("grpc.max_receive_message_length", 16 << 20)]
REFUSAL = "shares must be positive: \u263a"


class Desk(stubs.DeskServicer):
    def __init__(self):
        self.count = 0
        self.lock = threading.Lock()

    def one_more(self):
        with self.lock:
            self.count += 1

    def Buy(self, request, context):
        # It compresses for whoever is called, whatever its caller takes: so only where that is the case.
        if request.symbol == "zip":
            context.set_compression(grpc.Compression.Gzip)
        metadata = dict(context.invocation_metadata())
        if "trace" in metadata:
            context.send_initial_metadata((("trace", metadata["trace"]),))
        trailing = (("state-bin", metadata["state-bin"]),) if "state-bin" in metadata else ()
        if request.shares <= 0:
            detail = any_pb2.Any()
            detail.Pack(pb.Receipt(text="more"))
            context.abort_with_status(rpc_status.to_status(status_pb2.Status(code=9, message=REFUSAL, details=[detail])))
        context.set_trailing_metadata(trailing)
        return pb.Receipt(text=f"{request.symbol} x{request.shares}", price=1.5 * request.shares, attachment=request.attachment)

    def Never(self, request, context):
        gone = threading.Event()
        context.add_callback(gone.set)
        gone.wait(20)
        self.one_more()
        return pb.Receipt()

    def Watch(self, request, context):
        if request.symbol == "zip":
            context.set_compression(grpc.Compression.Gzip)
        context.add_callback(self.one_more)
        for number in itertools.count(1) if request.count == 0 else range(1, request.count + 1):
            if not context.is_active():
                return
            yield pb.Tick(number=number, text=request.symbol + "x" * request.size)
            if request.count == 0:
                time.sleep(0.001)

    def Deposit(self, request_iterator, context):
        total = pb.Total()
        for order in request_iterator:
            total.shares += order.shares
            total.orders += 1
        return total

    def Trade(self, request_iterator, context):
        for order in request_iterator:
            if order.shares < 0:
                context.abort(grpc.StatusCode.ABORTED, "enough")
            yield pb.Receipt(text=order.symbol + "!", price=order.shares)

    def Ended(self, request, context):
        return pb.Total(shares=self.count)


def serve():
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(16), options=UNLIMITED)
    stubs.add_DeskServicer_to_server(Desk(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(f"listening 127.0.0.1:{port}", flush=True)
    sys.stdin.read()
    server.stop(None)


def expect(condition, found):
    if not condition:
        raise AssertionError(f"found {found}")


def fails_with(code, call):
    try:
        found = call()
    except grpc.RpcError as error:
        expect(error.code() == code, f"{error.code()}: {error.details()}")
        return error
    raise AssertionError(f"expected {code}, found {str(found)[:100]}")


def unary(desk):
    found = desk.Buy(pb.Order(symbol="ACME", shares=1 << 40, tags=["a", "b"]))
    expect(found.text == "ACME x1099511627776" and found.price == 1.5 * (1 << 40), found)


def large(desk):
    found = desk.Buy(pb.Order(symbol="big", shares=1, attachment=b"b" * 3_000_000))
    expect(len(found.attachment) == 3_000_000, len(found.attachment))


def too_large(desk):
    fails_with(grpc.StatusCode.RESOURCE_EXHAUSTED, lambda: desk.Buy(pb.Order(shares=1, attachment=b"b" * 5_000_000)))


def metadata(desk):
    sent = (("trace", "abc"), ("state-bin", b"\x00\xff\x01"))
    found, call = desk.Buy.with_call(pb.Order(symbol="A", shares=1), metadata=sent)
    expect(dict(call.initial_metadata()).get("trace") == "abc", call.initial_metadata())
    expect(dict(call.trailing_metadata()).get("state-bin") == b"\x00\xff\x01", call.trailing_metadata())


def details(desk):
    error = fails_with(grpc.StatusCode.FAILED_PRECONDITION, lambda: desk.Buy(pb.Order(symbol="A")))
    expect(error.details() == REFUSAL, error.details())
    rich = rpc_status.from_call(error)
    expect(len(rich.details) == 1, rich)
    receipt = pb.Receipt()
    expect(rich.details[0].Unpack(receipt) and receipt.text == "more", rich)


def deadline(desk):
    fails_with(grpc.StatusCode.DEADLINE_EXCEEDED, lambda: desk.Never(pb.Order(), timeout=0.1))


def missing(desk, channel):
    method = channel.unary_unary("/desk.v1.Desk/Missing")
    fails_with(grpc.StatusCode.UNIMPLEMENTED, lambda: method(b""))


def server_streaming(desk):
    found = list(desk.Watch(pb.Wanted(symbol="T", count=1000, size=100)))
    expect([each.number for each in found] == list(range(1, 1001)), len(found))
    expect(all(len(each.text) == 101 for each in found), found[0])


def client_streaming(desk):
    found = desk.Deposit(pb.Order(symbol="S", shares=i, attachment=b"b" * 5000) for i in range(1, 201))
    expect((found.shares, found.orders) == (20100, 200), found)


def both(desk):
    turn = threading.Semaphore(0)

    def orders():
        for i in range(50):
            yield pb.Order(symbol=f"S{i}", shares=i)
            turn.acquire(timeout=5)

    count = 0
    for answer in desk.Trade(orders()):
        expect(answer.text == f"S{count}!", answer)
        count += 1
        turn.release()
    expect(count == 50, count)


def error_in_stream(desk):
    answers = desk.Trade(iter([pb.Order(symbol="A", shares=1), pb.Order(shares=-1)]))
    expect(next(answers).text == "A!", "no answer")
    error = fails_with(grpc.StatusCode.ABORTED, lambda: next(answers))
    expect(error.details() == "enough", error.details())


def deadline_in_stream(desk):
    answers = desk.Watch(pb.Wanted(symbol="T", size=10), timeout=0.2)
    expect(next(answers).number == 1, "no tick")
    fails_with(grpc.StatusCode.DEADLINE_EXCEEDED, lambda: list(answers))


def cancel(desk):
    before = desk.Ended(pb.Nothing()).shares
    answers = desk.Watch(pb.Wanted(symbol="T", size=10))
    expect(next(answers).number == 1, "no tick")
    answers.cancel()
    fails_with(grpc.StatusCode.CANCELLED, lambda: list(answers))
    for _ in range(500):
        if desk.Ended(pb.Nothing()).shares > before:
            return
        time.sleep(0.01)
    raise AssertionError("the handler goes on")


def many(desk):
    futures = [desk.Buy.future(pb.Order(symbol=str(i), shares=i)) for i in range(1, 501)]
    expect(all(each.result().price == 1.5 * i for i, each in enumerate(futures, 1)), "other answers")


def compressed(desk):
    found = desk.Buy(pb.Order(symbol="zip", shares=1, attachment=b"b" * 100_000), compression=grpc.Compression.Gzip)
    expect(len(found.attachment) == 100_000, len(found.attachment))
    total = desk.Deposit((pb.Order(shares=i, attachment=b"b" * 50_000) for i in range(50)), compression=grpc.Compression.Gzip)
    expect(total.orders == 50, total)
    ticks = list(desk.Watch(pb.Wanted(symbol="T", count=100, size=5000), compression=grpc.Compression.Gzip))
    expect(len(ticks) == 100 and all(len(each.text) == 5001 for each in ticks), len(ticks))


def deflated(desk):
    # Deflate is not spoken there.
    error = fails_with(grpc.StatusCode.UNIMPLEMENTED, lambda: desk.Buy(pb.Order(shares=1, attachment=b"b" * 100_000), compression=grpc.Compression.Deflate))
    expect("identity" in error.details(), error.details())


def call(address):
    with grpc.insecure_channel(address, options=UNLIMITED) as channel:
        desk = stubs.DeskStub(channel)
        cases = [
            ("unary", unary),
            ("a message of 3 MB both ways", large),
            ("a message above the limit", too_large),
            ("metadata both ways, binary and trailing too", metadata),
            ("an error's code, text and details", details),
            ("a deadline", deadline),
            ("a method that is not there", lambda to: missing(to, channel)),
            ("server streaming", server_streaming),
            ("client streaming", client_streaming),
            ("both stream, in turns", both),
            ("an error ends a stream", error_in_stream),
            ("a deadline in mid-stream", deadline_in_stream),
            ("a cancel in mid-stream ends the handler", cancel),
            ("500 calls at once", many),
            ("a compression that is not spoken", deflated),
        ]
        if "gzip" in sys.argv:
            cases.append(("gzip, unary and both streams", compressed))
        bad = 0
        for name, case in cases:
            try:
                case(desk)
                print(f"ok {name}")
            except Exception as why:  # whatever it is, it is the case that failed
                bad += 1
                print(f"FAIL {name}: {type(why).__name__} {str(why)[:300]}")
        return 1 if bad else 0


sys.exit(serve() if sys.argv[1] == "serve" else call(sys.argv[3]))
