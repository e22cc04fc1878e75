// JSON-RPC peers for tests/interop: jayson, by lines, and vscode-jsonrpc, with Content-Length headers.
// usage: node peer.js call HOST:PORT           both clients; prints a line for each case
//        node peer.js serve lines|headers      serves calc until standard input closes; prints where it listens
'use strict';
const assert = require('assert');
const net = require('net');
const jayson = require('jayson');
const rpc = require('vscode-jsonrpc/node');

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

async function callByLines(host, port) {
  const client = jayson.Client.tcp({ host, port });
  const ask = (method, params, id) => new Promise((resolve, reject) => {
    client.request(method, params, id, (error, answer) => (error ? reject(error) : resolve(answer)));
  });
  await test('jayson: by position', async () => assert.deepStrictEqual(await ask('calc.subtract', [42, 23], 1), { jsonrpc: '2.0', id: 1, result: 19 }));
  await test('jayson: by name', async () => assert.strictEqual((await ask('calc.subtract', { subtrahend: 23, minuend: 42 }, 'a')).result, 19));
  await test('jayson: a generated id', async () => assert.strictEqual((await ask('calc/version', [])).result, '1'));
  await test('jayson: an array as the one argument', async () => assert.strictEqual((await ask('calc.total', [[1, 2, 4]])).result, 7));
  await test('jayson: a struct', async () => assert.deepStrictEqual((await ask('calc.keep', [{ name: 'é😀', sizes: [1] }])).result, { name: 'é😀', sizes: [1] }));
  await test('jayson: an error', async () => {
    const { error } = await ask('calc.fail', ['gone']);
    assert.deepStrictEqual(error, { code: -32055, message: 'gone', data: { code: 'NOT_FOUND' } });
  });
  await test('jayson: an unknown method', async () => assert.strictEqual((await ask('calc.none', [])).error.code, -32601));
  await test('jayson: wrong params', async () => assert.strictEqual((await ask('calc.subtract', ['x', 1])).error.code, -32602));
  await test('jayson: a notification', async () => {
    const before = (await ask('calc.noted', [])).result;
    await ask('calc.note', ['x'], null);
    let after = before;
    for (let i = 0; i < 100 && after === before; i += 1) after = (await ask('calc.noted', [])).result;
    assert.strictEqual(after, before + 1);
  });
  await test('jayson: a batch', async () => {
    const batch = [client.request('calc.slow', [100], 'slow', undefined, false), client.request('calc.subtract', [5, 3], 2, undefined, false),
      client.request('calc.note', ['x'], null, undefined, false), client.request('calc.none', [], 4, undefined, false)];
    const answers = await new Promise((resolve, reject) => { client.request(batch, (error, found) => (error ? reject(error) : resolve(found))); });
    const byId = Object.fromEntries(answers.map((each) => [each.id, each.error ? each.error.code : each.result]));
    assert.deepStrictEqual(byId, { slow: 100, 2: 2, 4: -32601 });
  });
}

async function callWithHeaders(host, port) {
  const socket = net.connect({ host, port });
  const connection = rpc.createMessageConnection(new rpc.StreamMessageReader(socket), new rpc.StreamMessageWriter(socket));
  connection.listen();
  const ask = (method, ...params) => connection.sendRequest(method, ...params);
  await test('vscode-jsonrpc: by position', async () => assert.strictEqual(await ask('calc.subtract', 42, 23), 19));
  await test('vscode-jsonrpc: by name', async () => assert.strictEqual(await ask('calc/subtract', rpc.ParameterStructures.byName, { subtrahend: 23, minuend: 42 }), 19));
  await test('vscode-jsonrpc: no params', async () => assert.strictEqual(await ask('calc.version'), '1'));
  await test('vscode-jsonrpc: an array as the one argument', async () => assert.strictEqual(await ask('calc.total', rpc.ParameterStructures.byPosition, [1, 2, 4]), 7));
  await test('vscode-jsonrpc: a struct', async () => assert.deepStrictEqual(await ask('calc.keep', { name: 'é😀', sizes: [1] }), { name: 'é😀', sizes: [1] }));
  await test('vscode-jsonrpc: an error', async () => {
    await assert.rejects(ask('calc.fail', rpc.ParameterStructures.byPosition, 'gone'), (error) => error.code === -32055 && error.message === 'gone' && error.data.code === 'NOT_FOUND');
  });
  await test('vscode-jsonrpc: out of order', async () => {
    const ended = [];
    await Promise.all([ask('calc.slow', rpc.ParameterStructures.byPosition, 150).then(() => ended.push('slow')), ask('calc.subtract', 2, 1).then(() => ended.push('quick'))]);
    assert.deepStrictEqual(ended, ['quick', 'slow']);
  });
  await test('vscode-jsonrpc: a notification', async () => {
    const before = await ask('calc.noted');
    await connection.sendNotification('calc.note', rpc.ParameterStructures.byPosition, 'x');
    assert.strictEqual(await ask('calc.noted'), before + 1);
  });
  await test('vscode-jsonrpc: 500 calls at once', async () => {
    const answers = await Promise.all(Array.from({ length: 500 }, (_, i) => ask('calc.subtract', i, 1)));
    assert.deepStrictEqual(answers, Array.from({ length: 500 }, (_, i) => i - 1));
  });
  await test('vscode-jsonrpc: a call that is cancelled', async () => {
    const leave = new rpc.CancellationTokenSource();
    const began = Date.now();
    const answer = ask('calc.slow', rpc.ParameterStructures.byPosition, 2000, leave.token);
    setTimeout(() => leave.cancel(), 50);
    await assert.rejects(answer, (error) => error.data.code === 'CANCELLED');
    assert.ok(Date.now() - began < 1500);
  });
  await test('vscode-jsonrpc: the server calls, and is answered', async () => {
    const noted = [];
    connection.onNotification('display.note', (number) => noted.push(number));
    connection.onRequest('display.show', (text) => `shown ${text}`);
    assert.strictEqual(await ask('feed.ask_back', rpc.ParameterStructures.byPosition, 'é'), 'shown é');
    assert.deepStrictEqual(noted, [7]);
  });
  await test('vscode-jsonrpc: the server calls, and is refused', async () => {
    connection.onRequest('display.show', () => new rpc.ResponseError(-32000, 'not here'));
    assert.match(await ask('feed.ask_back', rpc.ParameterStructures.byPosition, 'x'), /not here/);
  });
  await test('vscode-jsonrpc: a stream, then its end', async () => {
    const heard = [];
    connection.onNotification('$/item', ({ value }) => heard.push(value));
    assert.strictEqual(await ask('feed.count_to', 1000, 0), null);
    assert.deepStrictEqual([heard.length, heard[999]], [1000, 1000]);
  });
  connection.end();
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

function serve(kind) {
  let server;
  if (kind === 'lines') {
    const methods = {};
    for (const [name, body] of Object.entries(calc)) {
      methods[`calc.${name}`] = (params, callback) => {
        const values = Array.isArray(params) ? params : params && name === 'subtract' ? [params.minuend, params.subtrahend] : [];
        Promise.resolve(body(...values)).then((value) => callback(null, value));
      };
    }
    methods['calc.fail'] = (params, callback) => callback({ code: -32000, message: params[0] });
    server = new jayson.Server(methods).tcp();
  } else {
    server = net.createServer((socket) => {
      const connection = rpc.createMessageConnection(new rpc.StreamMessageReader(socket), new rpc.StreamMessageWriter(socket));
      for (const [name, body] of Object.entries(calc)) {
        // It hands over positional params one by one, and a notification's as well.
        const handler = (...values) => body(...(name === 'subtract' && typeof values[0] === 'object' ? [values[0].minuend, values[0].subtrahend] : values));
        if (name === 'note') connection.onNotification(`calc.${name}`, handler);
        else connection.onRequest(`calc.${name}`, handler);
      }
      connection.onRequest('calc.fail', (why) => new rpc.ResponseError(-32000, why));
      connection.listen();
    });
  }
  server.listen(0, '127.0.0.1', () => console.log(`listening 127.0.0.1:${server.address().port}`));
  process.stdin.on('end', () => process.exit(0)).resume();
}

async function main() {
  const [verb, what] = process.argv.slice(2);
  if (verb === 'serve') return serve(what);
  const [host, port] = what.split(':');
  await callByLines(host, Number(port));
  await callWithHeaders(host, Number(port));
  return process.exit(failed ? 1 : 0);
}
main();
