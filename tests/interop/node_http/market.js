"use strict";

const { create, createFileRegistry } = require("@bufbuild/protobuf");
const { FileDescriptorProtoSchema } = require("@bufbuild/protobuf/wkt");

// The messages of http_server.cpp, as protoc would have described them.
function services() {
  const optional = 1;
  const repeated = 3;
  const field = (name, number, type, label = optional) => ({ name, jsonName: name.replace(/_(.)/g, (_, letter) => letter.toUpperCase()), number, type, label });
  const method = (name, extra) => ({ name, inputType: ".shop.v1.QuoteRequest", outputType: ".shop.v1.Quote", ...extra });
  const file = create(FileDescriptorProtoSchema, {
    name: "shop.proto",
    package: "shop.v1",
    syntax: "proto3",
    messageType: [
      { name: "QuoteRequest", field: [field("symbol", 1, 9), field("shares", 2, 5)] },
      { name: "Quote", field: [field("symbol", 1, 9), field("price", 2, 1), field("sizes", 3, 5, repeated)] },
      { name: "Entry", field: [field("order_id", 1, 3), field("raw_note", 2, 12), field("made_by", 3, 9)] },
    ],
    service: [
      { name: "Ticker", method: [method("Watch", { serverStreaming: true, options: { idempotencyLevel: 1 } }), method("Total", { clientStreaming: true }), method("Missing", { serverStreaming: true })] },
      { name: "Market", method: [method("Last", { options: { idempotencyLevel: 1 } }), method("Buy"), method("Slow"), method("Missing"), method("Post", { inputType: ".shop.v1.Entry", outputType: ".shop.v1.Entry" })] },
    ],
  });
  return createFileRegistry(file, () => undefined);
}
const marketService = () => services().getService("shop.v1.Market");
const tickerService = () => services().getService("shop.v1.Ticker");

module.exports = { marketService, tickerService };
