// The page that people see at `GET /`: built in the browser from /openapi.json, which says everything that it needs. Service layer, detail of pages.hpp.
#pragma once

#include <string_view>

namespace tenon::inline v0::detail {

// Nothing from elsewhere is loaded, nobody may frame it, and it calls only where it came from.
inline constexpr std::string_view page_headers =
    "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'\r\n"
    "X-Content-Type-Options: nosniff\r\nCache-Control: no-cache\r\n";

// What the document says becomes text nodes and never markup.
inline constexpr std::string_view page_text = R"page(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>services</title>
<style>
  :root { color-scheme: light dark; --line: #8884; --soft: #8881; --accent: #2563eb; }
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 56rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
  h1 { font-size: 1.5rem; margin: 0; }
  h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
  code, textarea, pre, input { font: 14px/1.5 ui-monospace, monospace; }
  details { border: 1px solid var(--line); border-radius: 8px; margin: .5rem 0; }
  summary { cursor: pointer; padding: .5rem .75rem; overflow-wrap: anywhere; }
  summary b { display: inline-block; min-width: 4.5rem; color: var(--accent); font: 600 13px ui-monospace, monospace; }
  summary span { opacity: .7; margin-left: .75rem; }
  form { padding: 0 .75rem .75rem; display: grid; gap: .5rem; }
  label { display: grid; gap: .15rem; font-size: .85rem; }
  textarea, input { width: 100%; box-sizing: border-box; padding: .4rem .5rem; border: 1px solid var(--line); border-radius: 6px; background: var(--soft); color: inherit; }
  button { justify-self: start; padding: .4rem 1.1rem; border: 0; border-radius: 6px; background: var(--accent); color: #fff; font: inherit; cursor: pointer; }
  pre { margin: 0; padding: .5rem; border-radius: 6px; background: var(--soft); overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere; }
  pre.good { border-left: 4px solid #16a34a; }
  pre.bad { border-left: 4px solid #dc2626; }
  a { color: var(--accent); }
</style>
</head>
<body>
<h1 id="title">services</h1>
<p><a href="/openapi.json">OpenAPI document</a> &middot; <a href="/healthz">health</a></p>
<main id="services"><noscript>This page needs JavaScript; everything it shows is in the OpenAPI document.</noscript></main>
<script>
"use strict";
const make = (tag, text, parent) => {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (parent !== undefined) parent.append(made);
  return made;
};

// A value that a schema takes, to begin with.
function sample(schema, all, depth = 0) {
  if (!schema || depth > 6) return null;
  if (schema.$ref) return sample(all[decodeURIComponent(schema.$ref.split("/").pop())], all, depth + 1);
  if (schema.enum) return schema.enum[0];
  const either = schema.anyOf || schema.oneOf;
  if (either) return sample(either[0], all, depth + 1);
  switch (schema.type) {
    case "object": return Object.fromEntries(Object.entries(schema.properties || {}).map(([name, of]) => [name, sample(of, all, depth + 1)]));
    case "array": return schema.prefixItems ? schema.prefixItems.map((of) => sample(of, all, depth + 1)) : [];
    case "integer":
    case "number": return 0;
    case "boolean": return false;
    case "string": return schema.format === "date-time" ? "2000-01-01T00:00:00Z" : "";
    default: return null;
  }
}
const plain = (value) => (value === null || value === undefined ? "" : typeof value === "object" ? JSON.stringify(value) : String(value));

function operation(path, verb, said, all, parent) {
  const box = make("details", undefined, parent);
  box.id = said.operationId;
  const head = make("summary", undefined, box);
  make("b", verb.toUpperCase(), head);
  make("code", path, head);
  if (said.summary) make("span", said.summary, head);
  const form = make("form", undefined, box);
  const inputs = (said.parameters || []).map((one) => {
    const label = make("label", `${one.name} (${one.in})`, form);
    const input = make("input", undefined, label);
    const schema = one.schema || one.content["application/json"].schema;
    input.name = one.name;
    input.value = one.content ? JSON.stringify(sample(schema, all)) : one.required ? plain(sample(schema, all)) : "";
    return { one, input, list: schema.type === "array" };
  });
  let body;
  if (said.requestBody) {
    body = make("textarea", undefined, make("label", "body", form));
    body.name = "body";
    body.value = JSON.stringify(sample(said.requestBody.content["application/json"].schema, all), null, 2);
    body.rows = Math.min(12, body.value.split("\n").length + 1);
  }
  make("button", "Call", form);
  const shown = make("pre", undefined, form);
  shown.hidden = true;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    let target = path;
    const query = new URLSearchParams();
    for (const { one, input, list } of inputs) {
      if (one.in === "path") target = target.replace(`{${one.name}}`, encodeURIComponent(input.value));
      else if (list && input.value !== "") input.value.split(",").forEach((each) => query.append(one.name, each.trim()));
      else if (input.value !== "") query.set(one.name, input.value);
    }
    if (query.size !== 0 || String(query) !== "") target += `?${query}`;
    const began = performance.now();
    try {
      const answer = await fetch(target, { method: verb.toUpperCase(), headers: body ? { "content-type": "application/json" } : {}, body: body && body.value });
      let text = await answer.text();
      try { text = JSON.stringify(JSON.parse(text), null, 2); } catch {}
      shown.textContent = `${answer.status} in ${Math.round(performance.now() - began)} ms\n${text}`;
      shown.className = answer.ok ? "good" : "bad";
    } catch (error) {
      shown.textContent = String(error);
      shown.className = "bad";
    }
    shown.hidden = false;
  });
}

fetch("/openapi.json").then((answer) => answer.json()).then((said) => {
  const all = (said.components && said.components.schemas) || {};
  const services = document.getElementById("services");
  services.replaceChildren();
  document.title = document.getElementById("title").textContent = said.info.title;
  const sections = new Map();
  for (const [path, verbs] of Object.entries(said.paths)) {
    for (const [verb, of] of Object.entries(verbs)) {
      const tag = (of.tags || [""])[0];
      if (!sections.has(tag)) {
        sections.set(tag, make("section", undefined, services));
        make("h2", tag, sections.get(tag));
      }
      operation(path, verb, of, all, sections.get(tag));
    }
  }
  document.body.dataset.ready = "yes";
}).catch((error) => { document.getElementById("services").textContent = String(error); });
</script>
</body>
</html>
)page";

}  // namespace tenon::inline v0::detail
