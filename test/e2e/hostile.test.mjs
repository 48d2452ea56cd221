// Messages that are made to cost memory and time: what they ask is refused by name, delvegate stays small, and no other
// session waits for it.
import assert from 'node:assert/strict';
import { Child, Raw, frame, line, proc, program, suite, until } from './harness.mjs';

const MIB = 1024 * 1024;
const BIG = 16 * MIB - 1024; // just within what a client may send
const GROWTH_MAX = 64 * MIB; // of the most that delvegate ever took: the text itself twice, and what the sanitizers add
// Freed memory counts as such.
const ASAN_OPTIONS = 'detect_leaks=1:abort_on_error=0:quarantine_size_mb=1:thread_local_quarantine_size_kb=64:allocator_release_to_os_interval_ms=0';
const FRUGAL = { daemonEnv: { ASAN_OPTIONS } };
const LATENCY_MAX = 5_000; // of another session's request, in ms, with sanitizers and on a machine that is busy
const HELLO = program('hello');

const INITIALIZE = { adapterID: 'go', pathFormat: 'path', linesStartAt1: true, columnsStartAt1: true };
const peak = (pid) => parseInt(proc.status(pid, 'VmHWM'), 10) * 1024;

/** An array's text of so many bytes, of tiny values. */
const tiny = (value, bytes) => `[${`${value},`.repeat(Math.floor((bytes - 2) / (value.length + 1)))}${value}]`;
const request = (seq, command, text) => frame(`{"seq":${seq},"type":"request","command":"${command}","arguments":${text}}`);

// Another session, in a process of its own: asks without a pause until its stdin ends, and prints the longest wait in ms.
const WATCH = `
  const socket = require('net').createConnection(Number(process.argv[1]), '127.0.0.1');
  let seq = 0, began, slowest = 0, over = false;
  const ask = (command) => {
    const body = JSON.stringify({ seq: ++seq, type: 'request', command, arguments: { adapterID: 'go' } });
    began = performance.now();
    socket.write('Content-Length: ' + body.length + '\\r\\n\\r\\n' + body);
  };
  socket.on('connect', () => ask('initialize'));
  socket.on('data', () => {
    slowest = Math.max(slowest, performance.now() - began);
    if (seq === 1) console.log('watching');
    if (!over) return ask('threads');
    console.log('slowest ' + slowest);
    socket.destroy();
  });
  process.stdin.on('end', () => { over = true; }).resume();`;

suite('messages that are made to cost', { transports: ['local'] }, (w) => {
  for (const [name, value] of Object.entries({ numbers: '1', 'objects in objects': '{"":{}}' })) {
    w.test(`16 MiB of ${name} in initialize, launch, setBreakpoints: refused with the limit, and others are served meanwhile`, async (t) => {
      const own = await w.fresh(t, FRUGAL);
      const other = await own.session();
      await other.launch({ program: HELLO, stopOnEntry: true });
      await other.event('stopped');
      const before = peak(own.daemon.pid);
      const resident = proc.residentBytes(own.daemon.pid);

      const watcher = new Child(process.execPath, ['-e', WATCH, String(own.port)], { name: 'another session' });
      await watcher.wait(/watching/, { stream: 'stdout' });
      const hostile = await Raw.open(own.port);
      const answer = (seq) => until(`the answer to request ${seq}`, () => hostile.messages().find((m) => m.request_seq === seq), { timeout: 60_000 });
      const big = tiny(value, BIG);
      for (const [seq, command] of [[1, 'initialize'], [2, 'initialize']]) {
        await hostile.write(request(seq, command, `{"adapterID":"go","more":${big}}`));
        const { success, body } = await answer(seq);
        assert.equal(success, false);
        assert.match(body.error.format, /^initialize: the arguments: \d+ bytes exceed the limit of 1024 KiB/);
      }
      await hostile.write(request(3, 'initialize', JSON.stringify(INITIALIZE)));
      assert.equal((await answer(3)).success, true);
      await hostile.write(request(4, 'launch', `{"mode":"debug","program":${JSON.stringify(HELLO)},"args":${big}}`));
      const { success, body } = await answer(4);
      assert.equal(success, false);
      assert.match(body.error.format, /^launch: the arguments: \d+ bytes exceed the limit of 1024 KiB/);
      hostile.destroy();

      // What delvegate notes for a new Delve, and what it passes on.
      const path = `${HELLO}/main.go`;
      for (const size of [2 * MIB, BIG]) {
        const refused = await other.refused('setBreakpoints', { source: { path }, breakpoints: JSON.parse(tiny(value, size)) });
        assert.match(refused.text, size > 4 * MIB ? /exceeds the 4 MiB that Delve accepts/ : /^setBreakpoints.*more than the limit of 65536 values/);
      }
      watcher.process.stdin.end();
      const [, slowest] = await watcher.wait(/slowest (.*)/, { stream: 'stdout', timeout: 30_000 });
      const grown = peak(own.daemon.pid) - before;
      t.diagnostic(`grown by ${Math.round(grown / MIB)} MiB at most, another session waited ${Math.round(slowest)} ms at most`);
      assert.ok(grown < GROWTH_MAX, `${grown} bytes more were taken`);
      const kept = proc.residentBytes(own.daemon.pid) - resident;
      assert.ok(kept < GROWTH_MAX / 2, `${kept} bytes are not given back`);
      assert.ok(Number(slowest) < LATENCY_MAX, `another session waited ${slowest} ms`);
      assert.equal((await other.breakpoints(path, [line(path, 'LOOP')])).length, 1);
      await other.finish();
    });
  }

  w.test('many clients at once with much within the limits: nothing of it is kept', async (t) => {
    const own = await w.fresh(t, FRUGAL);
    const text = `{"adapterID":"go","more":${tiny('{}', 190_000)}}`; // close to the most values
    const hold = async (count) => {
      const clients = [];
      for (let i = 0; i < count; i++) {
        const raw = await Raw.open(own.port);
        await raw.write(request(1, 'initialize', text));
        await until('the answer', () => raw.messages().length > 0);
        assert.equal(raw.messages()[0].success, true);
        clients.push(raw);
      }
      return clients;
    };
    const clients = await hold(2);
    const before = proc.residentBytes(own.daemon.pid);
    clients.push(...await hold(20));
    const grown = proc.residentBytes(own.daemon.pid) - before;
    t.diagnostic(`20 sessions took ${Math.round(grown / 1024)} KiB`);
    assert.ok(grown < 20 * MIB, `${grown} bytes are kept`);
    for (const raw of clients) raw.destroy();
  });
});

suite('arguments that cannot be read', { transports: ['local'] }, (w) => {
  const utf8 = (text) => Buffer.from(text, 'latin1'); // with \xff in it, no UTF-8
  const framed = (body) => Buffer.concat([Buffer.from(`Content-Length: ${body.length}\r\n\r\n`), body]);
  const raw = (seq, command, text) => framed(utf8(`{"seq":${seq},"type":"request","command":"${command}","arguments":${text}}`));
  const BAD = {
    '{"program":"/a\\u0000b"}': /program contains \\u0000.*\(byte 14 of 23\)/,
    '{"mode":"debug","args":["a","b\\u0000"]}': /args\[1\] contains \\u0000/,
    '{"env":{"A":"1","HOME":"\\u0000"}}': /env\.HOME contains \\u0000/,
    '{"env":{"A\\u0000":"1"}}': /a name in env contains \\u0000/,
    '{"a\\u0000":1}': /a name in the arguments contains \\u0000/,
    '{"substitutePath":[{"from":"/a","to":"/b"},{"from":"\xff","to":"/b"}]}': /substitutePath\[1\]\.from is not valid UTF-8/,
    '{"program":"\\ud800"}': /program contains half of a surrogate pair/,
    '{"program":"\\udc00\\ud800"}': /program contains half of a surrogate pair/,
    '{"port":99999999999999999999}': /port is a number that is too large/,
    '{"port":1e999}': /port is a number that is too large/,
    '[1]': /the arguments: expected an object, not an array/,
    '"x"': /the arguments: expected an object, not a string/,
  };

  w.test('each is refused with the attribute that is wrong, by every request that delvegate reads itself', async () => {
    for (const [text, words] of Object.entries(BAD)) {
      const client = await Raw.open(w.port);
      const answer = (seq) => until(`the answer to request ${seq}`, () => client.messages().find((m) => m.request_seq === seq));
      const refused = async (seq, command) => {
        await client.write(raw(seq, command, text));
        const { success, body } = await answer(seq);
        assert.equal(success, false, `${command} ${text}`);
        assert.ok(body.error.format.startsWith(`${command}: `), body.error.format);
        assert.match(body.error.format, words);
      };
      await refused(1, 'initialize');
      await client.write(request(2, 'initialize', JSON.stringify(INITIALIZE)));
      assert.equal((await answer(2)).success, true);
      await refused(3, 'disconnect');
      await refused(4, text.length % 2 ? 'launch' : 'attach');
      await client.write(request(5, 'disconnect', 'null'));
      assert.equal((await answer(5)).success, true);
      client.socket.end();
      await client.rest();
    }
    await w.nothingLeft();
  });

  w.test('a restart with such arguments is refused, and the session goes on as it was', { notEarly: 'a restart that fails is answered with success to VS Code' }, async () => {
    const s = await w.session();
    await s.launch({ program: HELLO, stopOnEntry: true });
    await s.event('stopped');
    const seq = s.sequence;
    s.sequence += 1;
    s.sent.set(seq, 'restart');
    s.socket.write(raw(seq, 'restart', '{"arguments":{"mode":"debug","program":"/a\\u0000b"}}'));
    await until('the answer', () => s.answered.has(seq));
    assert.match(s.answered.get(seq).body.error.format, /^restart: arguments\.program contains \\u0000/);
    await s.send('threads');
    await s.finish();
  });
});
