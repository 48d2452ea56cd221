// Several sessions at once, and what a single one promises about its messages.
import assert from 'node:assert/strict';
import path from 'node:path';
import { LAUNCH_MS, Raw, frame, line, program, suite, until, within } from './harness.mjs';

const TOOL = program('tool');
const HELLO = program('hello');
const HELLO_MAIN = path.join(HELLO, 'main.go');
const LOOP = line(HELLO_MAIN, 'LOOP');
const MiB = 1 << 20;

async function stopped(w, options) {
  const s = await w.session(options);
  await s.launch({ program: HELLO }, () => s.breakpoints(HELLO_MAIN, [LOOP]));
  await s.stop({ reason: 'breakpoint' });
  return s;
}

suite('sessions', {}, (w) => {
  w.test('eight at once: each stops, steps and ends by itself', async () => {
    const list = await Promise.all(Array.from({ length: 8 }, () => stopped(w)));
    if (w.sshd) assert.equal(w.sshd.connections().length, 1, 'one connection for all');
    assert.equal(w.runDirectories().length, 8);
    for (const [i, s] of list.entries()) {
      for (let n = 0; n < Math.min(i, 4); n++) await s.step('continue');
    }
    await Promise.all(list.map(async (s, i) => {
      assert.equal((await s.locals()).i.value, String(Math.min(i, 4)));
      await s.finish({ terminateDebuggee: true });
    }));
  });

  w.test('all share one SSH connection, which stays warm for the next', { skip: w.transport !== 'ssh' && 'ssh only' }, async (t) => {
    const own = await w.fresh(t);
    const list = [];
    for (let i = 0; i < 4; i++) list.push(await stopped(own));
    assert.equal(own.sshd.connections().length, 1);
    for (const s of list) await s.finish({ terminateDebuggee: true });
    await own.nothingLeft();
    const before = own.sshd.connections();
    assert.ok(before.length >= 1, 'no connection is kept warm');
    const again = await stopped(own);
    assert.ok(own.sshd.connections().every((pid) => before.includes(pid)), 'a new connection was opened');
    await again.finish({ terminateDebuggee: true });
  });

  w.test('one ends, the others live on', async () => {
    const [a, b] = [await stopped(w), await stopped(w)];
    a.vanish();
    a.gone = true;
    await until('one run directory', () => w.runDirectories().length === 1);
    await b.step('next');
    assert.equal((await b.locals()).total.value, '10');
    await b.finish({ terminateDebuggee: true });
  });

  w.test('unknown requests and those that Delve does not know are answered, the session goes on', async () => {
    const s = await stopped(w);
    for (const command of ['noSuchRequest', 'source', 'modules', 'loadedSources', 'completions', 'terminate', 'cancel', 'breakpointLocations', 'gotoTargets']) {
      await s.refused(command, { x: 1 });
    }
    await s.step('next');
    await s.finish({ terminateDebuggee: true });
  });

  w.test('requests before launch are answered', async () => {
    const s = await w.session();
    await s.initialize();
    for (const command of ['threads', 'setBreakpoints', 'evaluate', 'configurationDone', 'pause', 'noSuchRequest']) {
      await s.refused(command, { source: { path: '/x' }, breakpoints: [], expression: '1', threadId: 1 });
    }
    const answer = s.ask('launch', { mode: 'debug', program: TOOL, args: ['quiet'] }, { timeout: LAUNCH_MS });
    await s.event('initialized', { timeout: LAUNCH_MS });
    await s.send('configurationDone');
    assert.equal((await answer).success, true);
    await s.event('terminated', { timeout: 30_000 });
    await s.send('disconnect');
    s.close();
  });

  w.test('a second launch, a second initialize and an attach in a live session are refused, which goes on', async () => {
    const s = await stopped(w);
    await s.refused('launch', { mode: 'debug', program: HELLO });
    await s.refused('attach', { mode: 'local', processId: 1 });
    await s.refused('initialize', { adapterID: 'go', pathFormat: 'path' });
    await s.step('next');
    await s.finish({ terminateDebuggee: true });
  });

  w.test('a second launch while the first one builds is refused, requests in between are answered', async () => {
    const s = await w.session();
    await s.initialize();
    const first = s.ask('launch', { mode: 'debug', program: HELLO, stopOnEntry: true }, { timeout: LAUNCH_MS });
    const second = s.ask('launch', { mode: 'debug', program: HELLO }, { timeout: LAUNCH_MS });
    const threads = s.ask('threads');
    assert.equal((await second).success, false);
    await threads;
    await s.event('initialized', { timeout: LAUNCH_MS });
    await s.send('configurationDone');
    assert.equal((await first).success, true);
    await s.finish({ terminateDebuggee: true });
  });

  w.test('a request above what Delve takes is answered with an error, one just below passes, the session goes on', async () => {
    const s = await stopped(w);
    const frameId = (await s.top()).id;
    const big = await s.refused('evaluate', { expression: 'x'.repeat(4 * MiB + 100), frameId, context: 'watch' });
    assert.match(big.text, /4 ?Mi?B|4194304|too (large|big|long)/i);
    // The rest of the message is what Delve passes over.
    const below = await s.send('evaluate', { expression: '1 + 1', frameId, context: 'watch', padding: 'x'.repeat(4 * MiB - 1000) });
    assert.equal(below.body.result, '2');
    await s.step('next');
    await s.finish({ terminateDebuggee: true });
  });

  w.test('a request above 16 MiB ends the connection, and only that', async () => {
    const other = await stopped(w);
    const raw = await Raw.open(w.port);
    await raw.write(`Content-Length: ${16 * MiB + 1}\r\n\r\n`);
    await raw.rest();
    assert.equal(raw.received.length, 0);
    await other.step('next');
    await other.finish({ terminateDebuggee: true });
  });

  w.test('only what this build does is announced', async () => {
    const s = await w.session();
    const { body } = await s.initialize();
    for (const name of ['supportsTerminateRequest', 'supportsCancelRequest', 'supportsRestartFrame', 'supportsLoadedSourcesRequest', 'supportsModulesRequest', 'supportsCompletionsRequest', 'supportsStepBack']) {
      assert.ok(!body[name], `${name} is announced`);
    }
    for (const name of ['supportsConfigurationDoneRequest', 'supportsConditionalBreakpoints', 'supportsFunctionBreakpoints', 'supportsLogPoints', 'supportsSetVariable', 'supportsInstructionBreakpoints', 'supportsDisassembleRequest']) {
      assert.equal(body[name], true, `${name} is not announced`);
    }
    await s.send('disconnect');
    s.close();
  });

  w.test('what differs from what was announced comes as capabilities before initialized', { notEarly: 'initialized comes first, before there is a Delve' }, async (t) => {
    const own = await w.fresh(t);
    const announced = [];
    for (let round = 0; round < 2; round++) {
      const s = await own.session();
      await s.launch({ program: TOOL, args: ['quiet'] });
      await s.event('terminated', { timeout: 30_000 });
      const { body } = s.answered.get(1);
      const names = s.messages.map((m) => m.event);
      const before = s.messages.slice(0, names.indexOf('initialized')).filter((m) => m.event === 'capabilities');
      assert.equal(s.events('capabilities').length, before.length, 'capabilities after initialized');
      const known = Object.assign({}, body, ...before.map((m) => m.body.capabilities));
      announced.push({ body, known });
      await s.finish();
    }
    // The second session announces at once what the first one learned.
    const relevant = (o) => Object.fromEntries(Object.entries(o).filter(([, v]) => v !== false).sort());
    assert.deepEqual(relevant(announced[1].known), relevant(announced[0].known));
  });

  w.test('initialize with lines from 0 or with URIs is refused as Delve refuses it', async () => {
    const s = await w.session();
    const error = await s.refused('initialize', { adapterID: 'go', pathFormat: 'uri', linesStartAt1: true, columnsStartAt1: true });
    assert.match(error.text, /path/i);
    s.close();
    await s.closed;
  });

  w.test('messages in one write, and byte by byte', async () => {
    const raw = await Raw.open(w.port);
    const initialize = frame({ seq: 1, type: 'request', command: 'initialize', arguments: { adapterID: 'go', pathFormat: 'path', linesStartAt1: true, columnsStartAt1: true } });
    for (const byte of initialize) await raw.write(Buffer.from([byte]));
    await until('the answer', () => raw.messages().length >= 1);
    await raw.write(Buffer.concat([frame({ seq: 2, type: 'request', command: 'threads' }), frame({ seq: 3, type: 'request', command: 'disconnect' })]));
    await until('all answers', () => raw.messages().filter((m) => m.type === 'response').length === 3);
    assert.deepEqual(raw.messages().map((m) => m.seq), raw.messages().map((_, i) => i + 1));
    assert.deepEqual(raw.messages().filter((m) => m.type === 'response').map((m) => m.request_seq), [1, 2, 3]);
    raw.destroy();
  });

  w.test('request numbers that jump, repeat or are large are given back as they came', async () => {
    const raw = await Raw.open(w.port);
    const numbers = [7, 12345678901, 5];
    await raw.write(frame({ seq: numbers[0], type: 'request', command: 'initialize', arguments: { adapterID: 'go', pathFormat: 'path', linesStartAt1: true, columnsStartAt1: true } }));
    await raw.write(frame({ seq: numbers[1], type: 'request', command: 'noSuchRequest' }));
    await raw.write(frame({ seq: numbers[2], type: 'request', command: 'disconnect' }));
    await until('all answers', () => raw.messages().filter((m) => m.type === 'response').length === 3);
    assert.deepEqual(raw.messages().filter((m) => m.type === 'response').map((m) => m.request_seq), numbers);
    raw.destroy();
  });

  w.test('events and responses from the client do no harm', async () => {
    const s = await stopped(w);
    s.socket.write(frame({ seq: 900, type: 'event', event: 'custom', body: {} }));
    s.socket.write(frame({ seq: 901, type: 'response', request_seq: 77, command: 'runInTerminal', success: true }));
    await s.step('next');
    await s.finish({ terminateDebuggee: true });
  });

  w.test('half a message and then the end leaves nothing', async () => {
    const raw = await Raw.open(w.port);
    await raw.write('Content-Length: 100\r\n\r\n{"seq":1');
    raw.socket.end();
    await within('the end', raw.closed);
    assert.equal(raw.received.length, 0);
  });
});

suite('two targets', { targets: { second: { go: { env: { TARGET: 'second' } } } }, target: { go: { env: { TARGET: 'main' } } } }, (w) => {
  w.test('each has its own port and settings', async () => {
    for (const name of ['main', 'second', 'main']) {
      const s = await w.session({ port: w.config.targets[name].listen });
      await s.launch({ program: TOOL, args: ['report'] });
      await s.event('terminated', { timeout: 30_000 });
      assert.ok(JSON.parse(s.outputs.stdout).env.includes(`TARGET=${name}`));
      await s.finish();
    }
    if (w.sshd) assert.equal(w.sshd.connections().length, 1, 'targets of one host share its connection');
  });
});
