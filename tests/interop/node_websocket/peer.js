// WebSocket peers for tests/interop: npm's ws, as client and as server, and a page in a browser.
// usage: node peer.js call HOST:PORT              prints a line for each case
//        node peer.js browse HOST:PORT BROWSER    the same from a page that the browser loads
//        node peer.js serve                       serves calc until standard input closes; prints where it listens
'use strict';
const assert = require('assert');
const childProcess = require('child_process');
const fs = require('fs');
const http = require('http');
const os = require('os');
const path = require('path');
const { WebSocket, WebSocketServer } = require('ws');

let failed = 0;
async function test(name, body) {
  try {
    await body();
    console.log(`ok ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL ${name}: ${String(error.message || error).split('\n').join(' ')}`);
  }
}

// Calls over one socket. It stands in the page as well, so that it uses nothing but what browsers have.
function caller(socket) {
  const waiting = new Map();
  const listening = new Map();
  const offered = {};
  let last = 0;
  socket.onmessage = ({ data }) => {
    const answer = JSON.parse(data);
    for (const each of Array.isArray(answer) ? answer : [answer]) {
      if (each.method && each.method.startsWith('$/')) {
        const { id, value, bytes } = each.params;
        if (each.method === '$/item' && listening.has(id)) listening.get(id)(value);
        if (each.method === '$/inputCredit' && listening.has(id)) listening.get(id)(undefined, bytes);
        continue;
      }
      if (each.method) {
        const result = offered[each.method] ? offered[each.method](...(each.params || [])) : undefined;
        if (each.id !== undefined) socket.send(JSON.stringify({ jsonrpc: '2.0', id: each.id, result: result === undefined ? null : result }));
        continue;
      }
      const { resolve, reject } = waiting.get(each.id);
      waiting.delete(each.id);
      if (each.error) reject(Object.assign(new Error(each.error.message), each.error));
      else resolve(each.result);
    }
  };
  const promise = (id) => new Promise((resolve, reject) => { waiting.set(id, { resolve, reject }); });
  return {
    promise,
    text: (method, params, id) => JSON.stringify({ jsonrpc: '2.0', method: `calc.${method}`, params, id }),
    ask(method, ...params) {
      last += 1;
      socket.send(this.text(method, params, last));
      return promise(last);
    },
    offered,
    note: (method, params) => socket.send(JSON.stringify({ jsonrpc: '2.0', method: `$/${method}`, params })),
    // A call of the other service, whose items `hear(value, bytes)` gets; `credit` only where it counts.
    stream(method, params, hear, credit) {
      last += 1;
      const id = last;
      listening.set(id, hear);
      socket.send(JSON.stringify({ jsonrpc: '2.0', method: `feed.${method}`, params, id, ...(credit ? { meta: { stream_credit: credit } } : {}) }));
      return { id, ended: promise(id) };
    },
  };
}

function open(address, options = {}, protocols = []) {
  const socket = new WebSocket(`ws://${address}/rpc`, protocols, options);
  return new Promise((resolve, reject) => {
    socket.on('open', () => resolve(socket));
    socket.on('error', reject);
  });
}
const closing = (socket) => new Promise((resolve) => { socket.on('close', (code, reason) => resolve(`${code} ${reason}`.trim())); });

async function call(address) {
  const socket = await open(address, { headers: { authorization: 'Bearer x' } }, ['chat', 'jsonrpc']);
  const calls = caller(socket);
  await test('ws: the subprotocol, and no extension', () => assert.deepStrictEqual([socket.protocol, socket.extensions], ['jsonrpc', '']));
  await test('ws: by position', async () => assert.strictEqual(await calls.ask('subtract', 42, 23), 19));
  await test('ws: by name', async () => {
    socket.send(calls.text('subtract', { subtrahend: 23, minuend: 42 }, 'a'));
    assert.strictEqual(await calls.promise('a'), 19);
  });
  await test('ws: a struct', async () => assert.deepStrictEqual(await calls.ask('keep', { name: 'é😀', sizes: [1] }), { name: 'é😀', sizes: [1] }));
  await test('ws: an error', () => assert.rejects(calls.ask('fail', 'gone'), (error) => error.code === -32055 && error.message === 'gone' && error.data.code === 'NOT_FOUND'));
  await test('ws: an unknown method', () => assert.rejects(calls.ask('none'), (error) => error.code === -32601));
  await test('ws: a notification', async () => {
    const before = await calls.ask('noted');
    socket.send(calls.text('note', ['x']));
    assert.strictEqual(await calls.ask('noted'), before + 1);
  });
  await test('ws: a batch', async () => {
    socket.send(`[${calls.text('slow', [50], 'b')},${calls.text('subtract', [5, 3], 'c')},${calls.text('note', ['x'])}]`);
    assert.deepStrictEqual(await Promise.all([calls.promise('b'), calls.promise('c')]), [50, 2]);
  });
  await test('ws: out of order', async () => {
    const ended = [];
    await Promise.all([calls.ask('slow', 150).then(() => ended.push('slow')), calls.ask('subtract', 2, 1).then(() => ended.push('quick'))]);
    assert.deepStrictEqual(ended, ['quick', 'slow']);
  });
  await test('ws: 500 calls at once', async () => {
    const answers = await Promise.all(Array.from({ length: 500 }, (_, i) => calls.ask('subtract', i, 1)));
    assert.deepStrictEqual(answers, Array.from({ length: 500 }, (_, i) => i - 1));
  });
  for (const size of [100, 65400, 65500, 3000000]) {
    await test(`ws: ${size} bytes`, async () => assert.strictEqual((await calls.ask('keep', { name: 'x'.repeat(size), sizes: [] })).name.length, size));
  }
  await test('ws: fragments, with a ping between them', async () => {
    const pong = new Promise((resolve) => { socket.once('pong', (data) => resolve(String(data))); });
    const answer = calls.promise('d');
    const text = calls.text('keep', [{ name: 'é', sizes: [] }], 'd');
    socket.send(text.slice(0, 10), { fin: false });
    socket.ping('between');
    socket.send(text.slice(10, 20), { fin: false });
    socket.send(text.slice(20), { fin: true });
    assert.strictEqual(await pong, 'between');
    assert.strictEqual((await answer).name, 'é');
  });
  await test('ws: a goodbye is answered in kind', async () => {
    const closed = closing(socket);
    socket.close(4001, 'grüße');
    assert.strictEqual(await closed, '4001 grüße');
  });

  await streams(address);

  const ends = (name, code, say) => test(`ws: ${name} closes with ${code}`, async () => {
    const one = await open(address);
    one.on('error', () => {});
    const closed = closing(one);
    say(one);
    assert.strictEqual((await closed).slice(0, 4), String(code));
  });
  await ends('a binary message', 1003, (one) => one.send(Buffer.from('{}')));
  await ends('text that is no UTF-8', 1007, (one) => one.send(Buffer.from([0xff]), { binary: false }));
  await ends('an unmasked frame', 1002, (one) => one.send('{}', { mask: false }));
  await ends('8 MiB', 1009, (one) => one.send('x'.repeat(8 << 20)));
  await ends('8 MiB in fragments', 1009, (one) => { for (let i = 0; i < 8; i += 1) one.send('x'.repeat(1 << 20), { fin: false }); });
  await test('ws: a page of another site is refused', () => assert.rejects(open(address, { origin: 'http://evil.example' }), /403/));
  await test('ws: a page that may is not', async () => (await open(address, { origin: 'http://127.0.0.1:1' })).terminate());
  await test('ws: version 8 is refused', () => assert.rejects(open(address, { protocolVersion: 8 }), /426/));
}

// Streams, calls from the server, and MessagePack-RPC in binary messages.
async function streams(address) {
  const socket = await open(address);
  const calls = caller(socket);
  const pause = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });
  await test('ws: a stream, then its end', async () => {
    const heard = [];
    assert.strictEqual(await calls.stream('count_to', [1000, 0], (value) => heard.push(value)).ended, null);
    assert.deepStrictEqual([heard.length, heard[999]], [1000, 1000]);
  });
  await test('ws: 16 MiB of items', async () => {
    let bytes = 0;
    await calls.stream('large', [256], (value) => { bytes += value.length; }).ended;
    assert.strictEqual(bytes, 256 * 65536);
  });
  await test('ws: a stream by credit', async () => {
    const heard = [];
    const stream = calls.stream('count_to', [10, 0], (value) => heard.push(value), 60);
    await pause(100);
    assert.strictEqual(heard.length, 2);
    calls.note('credit', { id: stream.id, bytes: 10000 });
    assert.strictEqual(await stream.ended, null);
    assert.strictEqual(heard.length, 10);
  });
  await test('ws: a stream that is cancelled', async () => {
    const heard = [];
    const stream = calls.stream('count_to', [100000, 5], (value) => { if (heard.push(value) === 3) calls.note('cancelRequest', { id: stream.id }); });
    await assert.rejects(stream.ended, (error) => error.data.code === 'CANCELLED');
    assert.strictEqual(await calls.stream('watching', []).ended, 0);
  });
  await test('ws: a caller that streams', async () => {
    const stream = calls.stream('sum', undefined, (_, bytes) => {
      if (stream.begun) return;
      stream.begun = bytes;
      for (let i = 1; i <= 100; i += 1) calls.note('input', { id: stream.id, value: i });
      calls.note('inputEnd', { id: stream.id });
    });
    assert.strictEqual(await stream.ended, 5050);
    assert.ok(stream.begun > 1000);
  });
  await test('ws: both sides stream', async () => {
    const heard = [];
    const stream = calls.stream('chat', undefined, (value) => {
      if (value !== undefined) heard.push(value);
      if (heard.length < 3) calls.note('input', { id: stream.id, value: `line ${heard.length}` });
      else calls.note('inputEnd', { id: stream.id });
    });
    assert.strictEqual(await stream.ended, null);
    assert.deepStrictEqual(heard, ['line 0!', 'line 1!', 'line 2!']);
  });
  await test('ws: the server calls, and is answered', async () => {
    const noted = [];
    calls.offered['display.note'] = (number) => { noted.push(number); };
    calls.offered['display.show'] = (text) => `shown ${text}`;
    assert.strictEqual(await calls.stream('ask_back', ['é']).ended, 'shown é');
    assert.deepStrictEqual(noted, [7]);
  });
  socket.terminate();
  await test('ws: who hangs up ends the handler', async () => {
    const one = await open(address);
    await new Promise((resolve) => { caller(one).stream('count_to', [100000, 5], (value) => { if (value === 2) resolve(); }); });
    one.terminate();
    const other = caller(await open(address));
    for (let left = 100; left > 0 && await other.stream('watching', []).ended !== 0; left -= 1) await pause(20);
    assert.strictEqual(await other.stream('watching', []).ended, 0);
  });
  await test('ws: MessagePack-RPC in binary messages', async () => {
    const one = await open(address);
    one.binaryType = 'nodebuffer';
    const answer = new Promise((resolve) => { one.on('message', (data, isBinary) => resolve([isBinary, data.toString('hex')])); });
    one.send(Buffer.concat([Buffer.from([0x94, 0, 7, 0xad]), Buffer.from('calc.subtract'), Buffer.from([0x92, 42, 23])]));
    assert.deepStrictEqual(await answer, [true, '940107c013']);
    one.terminate();
  });
}

// What the page does; `report` posts the lines.
async function page(address, makeCaller) {
  const lines = [];
  const check = (name, good) => lines.push(good ? `ok page: ${name}` : `FAIL page: ${name}`);
  try {
    const socket = new WebSocket(`ws://${address}/`, ['jsonrpc']);
    await new Promise((resolve, reject) => { socket.onopen = resolve; socket.onerror = () => reject(new Error('it does not open')); });
    check('the subprotocol', socket.protocol === 'jsonrpc');
    const calls = makeCaller(socket);
    check('a call', await calls.ask('subtract', 42, 23) === 19);
    check('a struct', (await calls.ask('keep', { name: 'é😀', sizes: [1] })).name === 'é😀');
    check('1 MB', (await calls.ask('keep', { name: 'x'.repeat(1000000), sizes: [] })).name.length === 1000000);
    const many = await Promise.all(Array.from({ length: 200 }, (_, i) => calls.ask('subtract', i, 1)));
    check('200 calls at once', many.every((value, i) => value === i - 1));
    const heard = [];
    await calls.stream('count_to', [100, 0], (value) => heard.push(value)).ended;
    check('a stream', heard.length === 100 && heard[99] === 100);
    calls.offered['display.show'] = (text) => `shown ${text}`;
    check('the server calls the page', await calls.stream('ask_back', ['x']).ended === 'shown x');
    const closed = new Promise((resolve) => { socket.onclose = resolve; });
    socket.close(1000);
    const { code, wasClean } = await closed;
    check('a clean goodbye', code === 1000 && wasClean);
  } catch (error) {
    lines.push(`FAIL page: ${error.message}`);
  }
  await fetch('/done', { method: 'POST', body: lines.join('\n') });
}

async function browse(address, browser) {
  const script = `${caller}\n(${page})(${JSON.stringify(address)}, caller);`;
  let told;
  const done = new Promise((resolve) => { told = resolve; });
  const server = http.createServer((request, response) => {
    let body = '';
    request.on('data', (piece) => { body += piece; });
    request.on('end', () => {
      response.setHeader('content-type', 'text/html; charset=utf-8');
      response.end(request.method === 'GET' ? `<!doctype html><title>page</title><script>${script}</script>` : '');
      if (request.method === 'POST') told(body);
    });
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'page'));
  const child = childProcess.spawn(browser, ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run', '--no-proxy-server', `--user-data-dir=${folder}`,
    '--remote-debugging-port=0', `http://127.0.0.1:${server.address().port}/`], { stdio: 'ignore', detached: true });
  const lines = await Promise.race([done, new Promise((resolve) => { setTimeout(() => resolve('FAIL page: it reported nothing within a minute'), 60000); })]);
  // With the processes it has begun, which still write into the folder.
  const gone = new Promise((resolve) => { child.on('exit', resolve); });
  process.kill(-child.pid, 'SIGKILL');
  await gone;
  server.close();
  fs.rmSync(folder, { recursive: true, force: true, maxRetries: 30 });
  console.log(lines);
  failed += lines.split('\n').filter((line) => line.startsWith('FAIL')).length;
}

let notes = 0;
const calc = {
  subtract: (minuend, subtrahend) => minuend - subtrahend,
  total: (numbers) => numbers.reduce((sum, each) => sum + each, 0),
  keep: (what) => what,
  version: () => '1',
  slow: (milliseconds) => new Promise((resolve) => { setTimeout(() => resolve(milliseconds), milliseconds); }),
  note: () => { notes += 1; return null; },
  noted: () => notes,
};

function serve() {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, path: '/rpc' });
  server.on('connection', (socket) => {
    socket.on('message', async (data, isBinary) => {
      if (isBinary) return socket.close(1003);
      const { method, params, id } = JSON.parse(String(data));
      const name = method.slice('calc.'.length);
      const values = Array.isArray(params) ? params : params ? [params.minuend, params.subtrahend] : [];
      let answer = { jsonrpc: '2.0', id, error: { code: -32000, message: values[0] } };
      if (calc[name]) answer = { jsonrpc: '2.0', id, result: await calc[name](...values) };
      if (id === undefined) return undefined;
      if (name === 'version') {
        // Only a client that answers pings hears the version.
        socket.ping('are you there');
        await new Promise((resolve) => { socket.once('pong', resolve); });
      }
      const text = JSON.stringify(answer);
      if (name !== 'keep') return socket.send(text);
      socket.send(text.slice(0, 15), { fin: false });
      return socket.send(text.slice(15), { fin: true });
    });
  });
  server.on('listening', () => console.log(`listening 127.0.0.1:${server.address().port}`));
  process.stdin.on('end', () => process.exit(0)).resume();
}

async function main() {
  const [verb, address, browser] = process.argv.slice(2);
  if (verb === 'serve') return serve();
  if (verb === 'browse') await browse(address, browser);
  else await call(address);
  return process.exit(failed ? 1 : 0);
}
main();
