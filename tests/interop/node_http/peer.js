// Connect's own client for Node, jayson's over HTTP, and fetch, against a tenon server.
// usage: node peer.js connect|gzip|streams|events|jsonrpc|grpcweb HOST:PORT
"use strict";

const diagnostics = require("node:diagnostics_channel");
const { fromBinary } = require("@bufbuild/protobuf");
const { StringValueSchema } = require("@bufbuild/protobuf/wkt");
const { Code, ConnectError, createClient } = require("@connectrpc/connect");
const { compressionGzip, createConnectTransport, createGrpcWebTransport } = require("@connectrpc/connect-node");

const jayson = require("jayson");
const { marketService, tickerService } = require("./market.js");

const [, , what, address] = process.argv;
const url = `http://${address}`;

let failed = 0;
async function check(name, run) {
  try {
    await run();
    console.log(`ok ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL ${name}: ${error.message}`);
  }
}
function equal(found, expected) {
  const [a, b] = [JSON.stringify(found), JSON.stringify(expected)];
  if (a !== b) throw new Error(`expected ${b}, found ${a}`);
}
async function refusal(promise) {
  try {
    await promise;
  } catch (error) {
    return ConnectError.from(error);
  }
  throw new Error("expected an error, found an answer");
}

// What every one of Connect's transports must do.
async function unaryCases(name, client) {
  const each = (title, run) => check(`${name}: ${title}`, run);
  await each("a message there and back", async () => {
    const answer = await client.buy({ symbol: "ACME é", shares: 3 });
    equal([answer.symbol, answer.price, answer.sizes], ["ACME é", 127.5, []]);
  });
  await each("a method without side effects", async () => {
    const answer = await client.last({ symbol: "ACME", shares: -5 });
    equal([answer.symbol, answer.price, answer.sizes], ["ACME", 42.5, [1, 2, -5]]);
  });
  await each("a 64-bit integer, bytes, and names with underscores", async () => {
    const answer = await client.post({ orderId: 9007199254740993n, rawNote: new Uint8Array([0, 255]), madeBy: "me" });
    equal([String(answer.orderId), [...answer.rawNote], answer.madeBy], ["9007199254740994", [0, 255], "me!"]);
  });
  await each("an empty message", async () => equal((await client.last({})).symbol, ""));
  await each("metadata both ways, trailers too", async () => {
    let header;
    let trailer;
    const headers = { trace: "abc", "trace-bin": "AP8" };
    await client.last({ symbol: "A" }, { headers, onHeader: (h) => (header = h), onTrailer: (t) => (trailer = t) });
    equal([header.get("echo-trace"), header.get("echo-trace-bin"), trailer.get("cost")], ["abc", "AP8", "7"]);
  });
  await each("an error with its detail and its metadata", async () => {
    const error = await refusal(client.last({ symbol: "NONE" }, { headers: { trace: "abc" } }));
    equal([error.code, error.rawMessage], [Code.NotFound, 'no such symbol: "NONE" é']);
    const detail = error.details.find((one) => one.type === "google.protobuf.StringValue");
    if (detail !== undefined) equal(fromBinary(StringValueSchema, detail.value).value, "hi");
    else equal(error.findDetails(StringValueSchema).map((one) => one.value), ["hi"]);
    equal(error.metadata.get("echo-trace"), "abc");
  });
  await each("an unknown method", async () => equal((await refusal(client.missing({}))).code, Code.Unimplemented));
  await each("a deadline", async () => {
    const error = await refusal(client.slow({ symbol: "A", shares: 3000 }, { timeoutMs: 50 }));
    equal(error.code, Code.DeadlineExceeded);
  });
  await each("a coroutine's answer", async () => equal((await client.slow({ symbol: "A", shares: 5 }, { timeoutMs: 5000 })).symbol, "A"));
  await each("a hundred at once", async () => {
    const all = await Promise.all([...Array(100).keys()].map((i) => client.buy({ symbol: `S${i}`, shares: i })));
    equal(all.every((answer, i) => answer.symbol === `S${i}` && answer.price === 42.5 * i), true);
  });
  await each("256 KiB", async () => equal((await client.buy({ symbol: "x".repeat(262144), shares: 1 })).symbol.length, 262144));
}

// Which HTTP methods leave this process.
let seen = new Set();
diagnostics.channel("http.client.request.start").subscribe(({ request }) => seen.add(request.method));

async function connectCases() {
  for (const useBinaryFormat of [false, true]) {
    for (const useHttpGet of [false, true]) {
      seen = new Set();
      const transport = createConnectTransport({ baseUrl: url, httpVersion: "1.1", useBinaryFormat, useHttpGet });
      const name = `connect-node, ${useBinaryFormat ? "proto" : "json"}${useHttpGet ? ", GET" : ""}`;
      await unaryCases(name, createClient(marketService(), transport));
      const methods = [...seen].sort();
      await check(`${name}: called by ${methods.join(" and ")}`, async () => equal(methods, useHttpGet ? ["GET", "POST"] : ["POST"]));
    }
  }
  await check("fetch: GET and HEAD with a query, 405 where a method is not safe", async () => {
    const message = encodeURIComponent('{"symbol":"ACME"}');
    const answer = await fetch(`${url}/shop.v1.Market/Last?message=${message}`);
    equal([answer.status, (await answer.json()).symbol], [200, "ACME"]);
    const head = await fetch(`${url}/shop.v1.Market/Last?message=${message}`, { method: "HEAD" });
    equal([head.status, Number(head.headers.get("content-length")) > 10], [200, true]);
    const refused = await fetch(`${url}/shop.v1.Market/Buy?message=${message}`);
    equal([refused.status, (await refused.json()).code], [405, "unimplemented"]);
  });
}

// Everything it sends is compressed, and everything it takes may be; 256 KiB of one letter say whether that happened.
async function gzipCases() {
  for (const useBinaryFormat of [false, true]) {
    for (const useHttpGet of [false, true]) {
      const transport = createConnectTransport({ baseUrl: url, httpVersion: "1.1", useBinaryFormat, useHttpGet, sendCompression: compressionGzip, compressMinBytes: 1, acceptCompression: [compressionGzip] });
      await unaryCases(`connect-node, gzip, ${useBinaryFormat ? "proto" : "json"}${useHttpGet ? ", GET" : ""}`, createClient(marketService(), transport));
    }
  }
  await check("fetch: an answer says that it is compressed, and one that was not asked for is not", async () => {
    const body = JSON.stringify({ symbol: "x".repeat(262144), shares: 1 });
    const ask = (coding) => fetch(`${url}/shop.v1.Market/Buy`, { method: "POST", headers: { "content-type": "application/json", "accept-encoding": coding }, body });
    const [small, plain] = [await ask("gzip"), await ask("identity")];
    equal([small.headers.get("content-encoding"), Number(small.headers.get("content-length")) < 2000, (await small.json()).symbol.length], ["gzip", true, 262144]);
    equal([plain.headers.get("content-encoding"), (await plain.json()).symbol.length], [null, 262144]);
  });
}

// Until the server's handlers of streams have noticed that nobody listens.
async function nobodyWatches() {
  for (let left = 100; left > 0; left -= 1) {
    const answer = await fetch(`${url}/shop.v1.Ticker/watching`);
    if ((await answer.json()) === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("a handler goes on although its caller has gone");
}

async function streamCases() {
  for (const useBinaryFormat of [false, true]) {
    const client = createClient(tickerService(), createConnectTransport({ baseUrl: url, httpVersion: "1.1", useBinaryFormat }));
    const each = (title, run) => check(`connect-node streams, ${useBinaryFormat ? "proto" : "json"}: ${title}`, run);
    const read = async (request, options) => {
      const items = [];
      for await (const item of client.watch(request, options)) items.push([item.symbol, item.price]);
      return items;
    };
    await each("items, then the end", async () => equal(await read({ symbol: "A", shares: 3 }), [["A", 1], ["A", 2], ["A", 3]]));
    await each("none at all", async () => equal(await read({ symbol: "A" }), []));
    await each("metadata in front and behind", async () => {
      let header;
      let trailer;
      await read({ symbol: "A", shares: 1 }, { headers: { trace: "abc" }, onHeader: (h) => (header = h), onTrailer: (t) => (trailer = t) });
      equal([header.get("echo-trace"), trailer.get("cost")], ["abc", "7"]);
    });
    await each("an error behind an item, with its detail", async () => {
      const items = [];
      const error = await refusal((async () => { for await (const item of client.watch({ symbol: "NONE", shares: 1 })) items.push(item.price); })());
      equal([items, error.code, error.rawMessage, error.metadata.get("cost")], [[1], Code.NotFound, 'no such symbol: "NONE" é', "7"]);
      const detail = error.details.find((one) => one.type === "google.protobuf.StringValue");
      equal(fromBinary(StringValueSchema, detail.value).value, "hi");
    });
    await each("an unknown method", async () => equal((await refusal((async () => { for await (const item of client.missing({})) throw new Error(item); })())).code, Code.Unimplemented));
    await each("a deadline in the middle", async () => equal((await refusal(read({ symbol: "SLOW", shares: 1000 }, { timeoutMs: 150 }))).code, Code.DeadlineExceeded));
    await each("16 MiB of items", async () => equal((await read({ symbol: "LARGE", shares: 256 })).length, 256));
    await each("a caller that cancels ends the handler", async () => {
      const leave = new AbortController();
      const error = await refusal((async () => { for await (const item of client.watch({ symbol: "SLOW", shares: 10000 }, { signal: leave.signal })) if (item.price === 3) leave.abort(); })());
      equal(error.code, Code.Canceled);
      await nobodyWatches();
    });
    await each("a caller that streams", async () => {
      async function* orders() {
        for (const symbol of ["A", "B", "C"]) yield { symbol, shares: 14 };
      }
      const answer = await client.total(orders());
      equal([answer.symbol, answer.price], ["ABC", 42]);
    });
    await each("a caller that streams nothing", async () => equal((await client.total((async function* () {})())).price, 0));
  }
}

// Server-sent events as fetch gives them.
async function eventCases() {
  const target = (symbol, shares) => `${url}/shop.v1.Ticker/Watch?message=${encodeURIComponent(JSON.stringify({ symbol, shares }))}`;
  const headers = { accept: "text/event-stream" };
  const events = (text) => text.split("\n\n").filter((one) => one !== "");
  await check("fetch: events by GET, and their end", async () => {
    const answer = await fetch(target("A", 2), { headers });
    equal([answer.status, answer.headers.get("content-type")], [200, "text/event-stream"]);
    equal(events(await answer.text()), ['data: {"symbol":"A","price":1,"sizes":[]}', 'data: {"symbol":"A","price":2,"sizes":[]}', "event: end\ndata: {}"]);
  });
  await check("fetch: events by POST, and an error behind them", async () => {
    const answer = await fetch(`${url}/shop.v1.Ticker/Watch`, { method: "POST", headers: { ...headers, "content-type": "application/json" }, body: '{"symbol":"NONE","shares":1}' });
    const last = events(await answer.text()).pop().split("\ndata: ");
    const error = JSON.parse(last[1]);
    equal([last[0], error.code, error.message, error.details.length], ["event: end", "not_found", 'no such symbol: "NONE" é', 1]);
  });
  await check("fetch: what cannot be called is answered by its status", async () => {
    const answer = await fetch(target("A", "many"), { headers });
    equal([answer.status, (await answer.json()).code], [400, "invalid_argument"]);
  });
  await check("fetch: events come as they happen, and hanging up ends the handler", async () => {
    const hangUp = new AbortController();
    const answer = await fetch(target("SLOW", 10000), { headers, signal: hangUp.signal });
    const reader = answer.body.getReader();
    let text = "";
    while (events(text).length < 3) text += Buffer.from((await reader.read()).value).toString();
    equal(await (await fetch(`${url}/shop.v1.Ticker/watching`)).json(), 1);
    hangUp.abort();
    await nobodyWatches();
  });
  await check("fetch: a slow reader of 64 MiB gets all of it", async () => {
    const answer = await fetch(target("LARGE", 1024), { headers });
    const reader = answer.body.getReader();
    let size = 0;
    let tail = "";
    for (let turn = 0; ; turn += 1) {
      const { done, value } = await reader.read();
      if (done) break;
      size += value.length;
      tail = (tail + Buffer.from(value.slice(-40)).toString()).slice(-40);
      if (turn % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    }
    equal([size > 1024 * 65536, tail.endsWith("event: end\ndata: {}\n\n")], [true, true]);
  });
}

async function grpcWebCases() {
  for (const useBinaryFormat of [true, false]) {
    const transport = createGrpcWebTransport({ baseUrl: url, httpVersion: "1.1", useBinaryFormat });
    await unaryCases(`grpc-web of connect-node, ${useBinaryFormat ? "proto" : "json"}`, createClient(marketService(), transport));
  }
}

// Both forms of a call's result: jayson's callback gives the error or the response.
const rpc = (client, method, params, id) => new Promise((resolve, reject) => client.request(method, params, id, (error, answer) => (error ? reject(error) : resolve(answer))));

async function jsonrpcCases() {
  const client = jayson.client.http(url);
  await check("jayson over HTTP: positions", async () => equal((await rpc(client, "shop.v1.Market.subtract", [42, 23])).result, 19));
  await check("jayson over HTTP: names", async () => equal((await rpc(client, "shop.v1.Market/subtract", { subtrahend: 23, minuend: 42 })).result, 19));
  await check("jayson over HTTP: no such method", async () => equal((await rpc(client, "shop.v1.Market.none", [])).error.code, -32601));
  await check("jayson over HTTP: wrong params", async () => equal((await rpc(client, "shop.v1.Market.subtract", ["a", 1])).error.code, -32602));
  await check("jayson over HTTP: a notification", async () => equal(await rpc(client, "shop.v1.Market.subtract", [1, 2], null), undefined));
  await check("jayson over HTTP: a batch with calls that take their time", async () => {
    const slow = (i) => client.request("shop.v1.Market.Slow", { symbol: `S${i}`, shares: 5 });
    const batch = [slow(1), client.request("shop.v1.Market.subtract", [5, 3]), client.request("shop.v1.Market.Slow", { symbol: "N", shares: 5 }, null), slow(2)];
    const answers = await new Promise((resolve, reject) => client.request(batch, (error, all) => (error ? reject(error) : resolve(all))));
    const byId = new Map(answers.map((one) => [one.id, one.result]));
    equal([answers.length, byId.get(batch[0].id).symbol, byId.get(batch[1].id), byId.get(batch[3].id).symbol], [3, "S1", 2, "S2"]);
  });
  await check("jayson over HTTP: fifty at once", async () => {
    const all = await Promise.all([...Array(50).keys()].map((i) => rpc(client, "shop.v1.Market.subtract", [i, 1])));
    equal(all.every((one, i) => one.result === i - 1), true);
  });
  await check("fetch: a notification is answered by 204", async () => {
    const answer = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: '{"jsonrpc":"2.0","method":"shop.v1.Market.subtract","params":[1,2]}' });
    equal([answer.status, await answer.text()], [204, ""]);
  });
  await check("fetch: no JSON", async () => {
    const answer = await fetch(`${url}/rpc`, { method: "POST", headers: { "content-type": "application/json" }, body: "{" });
    equal([answer.status, (await answer.json()).error.code], [200, -32700]);
  });
  await check("fetch: headers are metadata", async () => {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "shop.v1.Market.Last", params: { symbol: "A", shares: 1 } });
    const answer = await fetch(`${url}/any/where`, { method: "POST", headers: { "content-type": "application/json-rpc", trace: "abc" }, body });
    equal((await answer.json()).meta["echo-trace"], "abc");
  });
}

const groups = { connect: connectCases, gzip: gzipCases, streams: streamCases, events: eventCases, grpcweb: grpcWebCases, jsonrpc: jsonrpcCases };
(async () => {
  await groups[what]();
  process.exit(failed === 0 ? 0 : 1);
})();
