// A browser in front of a tenon server: its page is opened and methods are tried on it, then pages of other origins call, one with Connect's own client.
// usage: node page.js CHROMIUM HOST:PORT SCREENSHOT
"use strict";

const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const esbuild = require("esbuild");
const { chromium } = require("playwright-core");

const [, , executablePath, address, screenshot] = process.argv;
const url = `http://${address}`;
let failed = 0;
async function check(name, run) {
  try {
    await run();
    console.log(`ok ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL ${name}: ${String(error.message).split("\n")[0]}`);
  }
}
function equal(found, expected) {
  if (JSON.stringify(found) !== JSON.stringify(expected)) throw new Error(`expected ${JSON.stringify(expected)}, found ${JSON.stringify(found)}`);
}

// Opens the form of an operation, fills it in by the names of its inputs, and returns what the page shows then.
async function attempt(page, id, values) {
  const box = page.locator(`[id="${id}"]`);
  await box.locator("summary").click();
  for (const [name, value] of Object.entries(values)) await box.locator(`[name="${name}"]`).fill(value);
  await box.locator("button").click();
  const shown = box.locator("pre");
  await shown.waitFor({ state: "visible" });
  const [first, ...rest] = (await shown.textContent()).split("\n");
  return { status: Number(first.split(" ")[0]), value: JSON.parse(rest.join("\n")) };
}

async function pageCases(context) {
  const page = await context.newPage();
  const asked = [];
  const complaints = [];
  page.on("request", (request) => asked.push(request.url()));
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => { if (message.type() === "error") complaints.push(message.text()); });
  await page.goto(url);
  await page.waitForSelector("body[data-ready]");
  await check("the page lists the service and its methods", async () => {
    equal(await page.title(), "shop.v1.Market");
    equal(await page.locator("h2").allTextContents(), ["shop.v1.Market"]);
    equal(await page.locator("summary code").allTextContents(), ["/shop.v1.Market/Last", "/shop.v1.Market/Last", "/shop.v1.Market/Buy", "/shop.v1.Market/Slow", "/shop.v1.Market/Post", "/shop.v1.Market/subtract", "/quotes/{symbol}"]);
  });
  await check("a method tried on the page", async () => {
    const answer = await attempt(page, "shop.v1.Market.Buy", { body: '{"symbol":"ACME","shares":2}' });
    equal([answer.status, answer.value.price], [200, 85]);
  });
  await check("a route tried on the page", async () => {
    const answer = await attempt(page, "shop.v1.Market.Last.get/quotes/{symbol}", { symbol: "a/b é", shares: "7" });
    equal([answer.status, answer.value.symbol, answer.value.sizes], [200, "a/b é", [1, 2, 7]]);
  });
  await check("an error on the page names the parameter", async () => {
    const answer = await attempt(page, "shop.v1.Market.subtract", { body: '{"minuend":"x","subtrahend":1}' });
    equal([answer.status, answer.value.code, answer.value.message.includes('"minuend"')], [400, "invalid_argument", true]);
  });
  await check("a safe method by GET", async () => equal((await attempt(page, "shop.v1.Market.Last.get", {})).status, 200));
  await check("the page asks for nothing from elsewhere", async () => equal(asked.filter((one) => !one.startsWith(url)), []));
  await check("the page has no complaints but the refused call", async () => equal(complaints.filter((one) => !one.includes("400")), []));
  await page.screenshot({ path: screenshot, fullPage: true });
}

// A browser's own reader of server-sent events, on the server's page.
async function eventCases(context) {
  const page = await context.newPage();
  await page.goto(url);
  const found = await page.evaluate(
    (target) =>
      new Promise((resolve) => {
        const heard = [];
        const source = new EventSource(target);
        source.onmessage = (event) => heard.push(JSON.parse(event.data).price);
        source.addEventListener("end", (event) => {
          source.close();
          resolve([heard, JSON.parse(event.data).code]);
        });
        source.onerror = () => resolve("an error");
      }),
    `/shop.v1.Ticker/Watch?message=${encodeURIComponent('{"symbol":"NONE","shares":3}')}`
  );
  await check("EventSource hears a stream to its end", async () => equal(found, [[1, 2, 3], "not_found"]));
  const refused = await page.evaluate(
    (target) =>
      new Promise((resolve) => {
        const source = new EventSource(target);
        source.onerror = () => resolve(source.readyState === EventSource.CLOSED);
      }),
    "/shop.v1.Ticker/Watch?message=1"
  );
  await check("EventSource gives up where it is refused", async () => equal(refused, true));
  await page.close();
}

// What a page of another origin may do: the page itself comes from here, its calls go to the server.
async function originCases(context) {
  const call = async (origin, target, options) => {
    const page = await context.newPage();
    await page.route(`${origin}/`, (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html>" }));
    await page.goto(`${origin}/`);
    const found = await page.evaluate(
      async ([to, how]) => {
        try {
          const answer = await fetch(to, how);
          return [answer.status, (await answer.json()).symbol, answer.headers.get("trailer-cost")];
        } catch {
          return "blocked";
        }
      },
      [url + target, options]
    );
    await page.close();
    return found;
  };
  const post = { method: "POST", headers: { "content-type": "application/json", trace: "abc" }, body: '{"symbol":"ACME"}' };
  const simple = { method: "POST", headers: { "content-type": "text/plain" }, body: '{"symbol":"ACME"}' };
  await check("an allowed origin calls after a preflight, and reads metadata", async () => equal(await call("http://allowed.example", "/shop.v1.Market/Last", post), [200, "ACME", "7"]));
  await check("an allowed origin reads a route", async () => equal(await call("http://allowed.example", "/quotes/ACME", {}), [200, "ACME", "7"]));
  await check("another origin is blocked", async () => equal(await call("http://other.example", "/shop.v1.Market/Last", post), "blocked"));
  await check("another origin is blocked without a preflight, too", async () => equal(await call("http://other.example", "/shop.v1.Market/Last", simple), "blocked"));
  await check("another origin cannot read a route", async () => equal(await call("http://other.example", "/quotes/ACME", {}), "blocked"));
}

// Connect's own client in a page of the allowed origin: preflights, exposed headers, trailers.
async function clientCases(context) {
  const bundle = await esbuild.build({ entryPoints: [path.join(__dirname, "web.js")], bundle: true, write: false, format: "iife", logLevel: "silent" });
  const page = await context.newPage();
  await page.route("http://allowed.example/", (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html>" }));
  await page.goto("http://allowed.example/");
  await page.addScriptTag({ content: bundle.outputFiles[0].text });
  const found = await page.evaluate((to) => window.runClients(to), url);
  for (const [name, answers] of Object.entries(found)) {
    await check(name, async () => equal(answers, ["ACME", 42.5, [1, 2, 3], "abc", "7", "NotFound", 'no such symbol: "NONE" é', "hi", "DeadlineExceeded"]));
  }
  await page.close();
}

(async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "browser-"));
  const args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    // Other origins are public here, and what they call is this machine.
    "--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests"];
  const context = await chromium.launchPersistentContext(folder, { executablePath, headless: true, args, viewport: { width: 900, height: 900 } });
  try {
    await pageCases(context);
    await eventCases(context);
    await originCases(context);
    await clientCases(context);
  } finally {
    await context.close();
    fs.rmSync(folder, { recursive: true, force: true, maxRetries: 30 });
  }
  process.exit(failed === 0 ? 0 : 1);
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
