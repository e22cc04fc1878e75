// Connect's client for browsers; page.js bundles this and runs it in a page of another origin than the server's.
"use strict";

const { fromBinary } = require("@bufbuild/protobuf");
const { StringValueSchema } = require("@bufbuild/protobuf/wkt");
const { Code, ConnectError, createClient } = require("@connectrpc/connect");
const { createConnectTransport, createGrpcWebTransport } = require("@connectrpc/connect-web");
const { marketService } = require("./market.js");

const transports = {
  "connect-web, json": (baseUrl) => createConnectTransport({ baseUrl }),
  "connect-web, proto": (baseUrl) => createConnectTransport({ baseUrl, useBinaryFormat: true }),
  "connect-web, json, GET": (baseUrl) => createConnectTransport({ baseUrl, useHttpGet: true }),
  "gRPC-Web of connect-web, proto": (baseUrl) => createGrpcWebTransport({ baseUrl }),
  "gRPC-Web of connect-web, json": (baseUrl) => createGrpcWebTransport({ baseUrl, useBinaryFormat: false }),
};

// What each transport finds, for page.js to compare.
window.runClients = async (baseUrl) => {
  const found = {};
  for (const [name, transport] of Object.entries(transports)) {
    const client = createClient(marketService(), transport(baseUrl));
    let header;
    let trailer;
    const last = await client.last({ symbol: "ACME", shares: 3 }, { headers: { trace: "abc" }, onHeader: (all) => (header = all), onTrailer: (all) => (trailer = all) });
    const error = ConnectError.from(await client.last({ symbol: "NONE" }).then(() => "an answer", (failure) => failure));
    const [detail] = error.details;
    const late = ConnectError.from(await client.slow({ symbol: "A", shares: 3000 }, { timeoutMs: 50 }).then(() => "an answer", (failure) => failure));
    found[name] = [last.symbol, last.price, last.sizes, header.get("echo-trace"), trailer.get("cost"), Code[error.code], error.rawMessage, detail && fromBinary(StringValueSchema, detail.value).value, Code[late.code]];
  }
  return found;
};
