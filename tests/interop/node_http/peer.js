// Connect's own client for Node, jayson's over HTTP, and fetch, against a tenon server.
// usage: node peer.js connect|gzip|jsonrpc|grpcweb HOST:PORT
"use strict";

const diagnostics = require("node:diagnostics_channel");
const { fromBinary } = require("@bufbuild/protobuf");
const { StringValueSchema } = require("@bufbuild/protobuf/wkt");
const { Code, ConnectError, createClient } = require("@connectrpc/connect");
const { compressionGzip, createConnectTransport, createGrpcWebTransport } = require("@connectrpc/connect-node");

const jayson = require("jayson");
const { marketService } = require("./market.js");

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

const groups = { connect: connectCases, gzip: gzipCases, grpcweb: grpcWebCases, jsonrpc: jsonrpcCases };
(async () => {
  await groups[what]();
  process.exit(failed === 0 ? 0 : 1);
})();
