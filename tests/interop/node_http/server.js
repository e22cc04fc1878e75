// Connect's own server for Node, with the market of http_server.cpp. usage: node server.js. Prints where it listens, ends when its standard input closes.
"use strict";

const http = require("node:http");
const { create } = require("@bufbuild/protobuf");
const { StringValueSchema } = require("@bufbuild/protobuf/wkt");
const { Code, ConnectError } = require("@connectrpc/connect");
const { connectNodeAdapter } = require("@connectrpc/connect-node");
const { marketService } = require("./market.js");

const market = {
  async last(asked, context) {
    for (const name of ["trace", "trace-bin"]) {
      const value = context.requestHeader.get(name);
      if (value !== null) context.responseHeader.set(`echo-${name}`, value);
    }
    context.responseTrailer.set("cost", "7");
    if (asked.symbol === "NONE") {
      throw new ConnectError('no such symbol: "NONE" é', Code.NotFound, undefined, [{ desc: StringValueSchema, value: create(StringValueSchema, { value: "hi" }) }]);
    }
    return { symbol: asked.symbol, price: 42.5, sizes: [1, 2, asked.shares] };
  },
  buy: async (asked) => ({ symbol: asked.symbol, price: 42.5 * asked.shares }),
  async slow(asked, context) {
    await new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, asked.shares);
      context.signal.addEventListener("abort", () => { clearTimeout(timer); reject(context.signal.reason); });
    });
    return { symbol: asked.symbol };
  },
};

const server = http.createServer(connectNodeAdapter({ routes: (router) => router.service(marketService(), market) }));
server.listen(0, "127.0.0.1", () => console.log(`listening 127.0.0.1:${server.address().port}`));
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
