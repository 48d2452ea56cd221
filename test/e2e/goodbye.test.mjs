// The last words between a client and delvegate: requests in one flight with `disconnect` or behind it, a client that
// closes its sending side only, and one that is gone before it was looked at.
import assert from 'node:assert/strict';
import net from 'node:net';
import { Child, LAUNCH_MS, Raw, frame, have, program, suite, until, within } from './harness.mjs';

const INITIALIZE = { command: 'initialize', arguments: { adapterID: 'go', pathFormat: 'path', linesStartAt1: true, columnsStartAt1: true } };
const LAUNCH = { command: 'launch', arguments: { mode: 'debug', program: program('tool'), args: ['quiet'] } };
const WAIT = { command: 'launch', arguments: { mode: 'debug', program: program('tool'), args: ['wait'] } };
const DISCONNECT = { command: 'disconnect' };
const THREADS = { command: 'threads' };
const CLOSE_MS = 10_000; // many times what a client is given to close its side

/** Requests as one run of bytes, numbered from `seq` on. */
const flight = (requests, seq = 1) => Buffer.concat(requests.map((r, i) => frame({ seq: seq + i, type: 'request', ...r })));

/** Checks the stream that came: its seq, and one response to each of `count` requests. Returns the responses by request_seq. */
function responses(raw, count) {
  const messages = raw.messages();
  assert.deepEqual(messages.map((m) => m.seq), messages.map((_, i) => i + 1));
  const found = messages.filter((m) => m.type === 'response');
  assert.deepEqual(found.map((m) => m.request_seq).sort((a, b) => a - b), Array.from({ length: count }, (_, i) => i + 1), JSON.stringify(messages, null, 1));
  return Object.fromEntries(found.map((m) => [m.request_seq, m]));
}

/** While it is stopped, a listener's backlog takes connections, and what comes on them. */
async function whileStopped(w, act) {
  w.daemon.kill('SIGSTOP');
  try {
    return await act();
  } finally {
    w.daemon.kill('SIGCONT');
  }
}

const warnings = (w, from) => w.daemon.stderr.slice(from).split('\n').filter((l) => / (warning|error) /.test(l));

suite('goodbye', {}, (w) => {
  const behind = Array.from({ length: 20 }, (_, i) => (i % 7 === 3 ? DISCONNECT : i % 5 === 1 ? { command: 'launch', arguments: {} } : THREADS));

  for (const [state, first] of Object.entries({ 'before a launch': [INITIALIZE], 'during a launch': [INITIALIZE, LAUNCH, THREADS] })) {
    w.test(`requests in one flight behind a disconnect ${state} get one answer each`, async () => {
      const all = [...first, DISCONNECT, ...behind];
      const raw = await Raw.open(w.port);
      await raw.write(flight(all));
      await until('all answers', () => raw.messages().filter((m) => m.type === 'response').length >= all.length, { timeout: CLOSE_MS });
      raw.socket.end();
      await raw.rest();
      const got = responses(raw, all.length);
      all.forEach((r, i) => { if (i >= first.length) assert.equal(got[i + 1].success, r === DISCONNECT, JSON.stringify(got[i + 1])); });
      await w.nothingLeft();
    });
  }

  w.test('requests in one flight behind a disconnect of a live session get one answer each', async () => {
    const s = await w.session();
    await s.launch(WAIT.arguments);
    const seq = s.sequence;
    ['disconnect', ...behind.map((r) => r.command)].forEach((command, i) => s.sent.set(seq + i, command));
    s.socket.write(flight([DISCONNECT, ...behind], seq));
    await until('all answers', () => s.unanswered.length === 0, { timeout: CLOSE_MS, explain: () => s.text() });
    for (let i = 0; i <= behind.length; i++) assert.equal(s.answered.get(seq + i).success, s.sent.get(seq + i) === 'disconnect');
    s.close();
    await within('the end', s.closed);
    await w.nothingLeft();
  });

  w.test('what comes after the goodbye is answered; then the client closes, or delvegate does', async () => {
    for (const closes of [true, false]) {
      const s = await w.session();
      await s.launch(LAUNCH.arguments);
      await s.event('terminated', { timeout: 30_000 });
      await s.send('disconnect');
      await s.refused('threads');
      await s.send('disconnect');
      assert.match((await s.refused('evaluate', { expression: '1' })).text, /the session has ended/);
      if (closes) s.close();
      await within('the connection to be closed', s.closed, CLOSE_MS);
      assert.equal(s.events('terminated').length, 1);
    }
  });

  // Dies of the signal when it writes to a connection that was reset.
  const CLIENT = `
    use strict; use IO::Socket::INET; use Time::HiRes 'sleep';
    my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$ARGV[0]") or die;
    my $seq = 0;
    sub ask { my $body = sprintf('{"seq":%d,"type":"request","command":"%s"}', ++$seq, $_[0]);
      syswrite $s, sprintf("Content-Length: %d\\r\\n\\r\\n%s", length $body, $body); }
    ask("initialize"); ask("disconnect");
    for (1 .. 3) { sleep 0.3; ask("disconnect"); ask("threads"); }
    shutdown $s, 1; my $text = join "", <$s>; my @answers = $text =~ /"type":"response"/g; print scalar @answers, "\\n";`;
  w.test('a client that does not ignore SIGPIPE lives', { skip: !have('perl') && 'no perl' }, async () => {
    const child = new Child('perl', ['-e', CLIENT, String(w.port)], { name: 'client' });
    assert.deepEqual(await child.end(), { code: 0, signal: null }, child.text());
    assert.equal(child.stdout, '8\n');
  });

  w.test('a client that sends all and closes its sending side at once is served, and every request answered', async () => {
    const before = w.daemon.stderr.length;
    const all = [INITIALIZE, THREADS, WAIT, THREADS, DISCONNECT, THREADS];
    const clients = await whileStopped(w, async () => {
      const opened = [];
      for (let i = 0; i < 5; i++) {
        const raw = await Raw.open(w.port);
        await new Promise((resolve) => { raw.socket.end(flight(all), resolve); });
        opened.push(raw);
      }
      return opened;
    });
    for (const raw of clients) {
      await raw.rest(CLOSE_MS);
      const got = responses(raw, all.length);
      assert.equal(got[1].success, true);
      assert.equal(got[5].success, true);
      assert.equal(raw.error, undefined);
    }
    assert.deepEqual(warnings(w, before), []);
    await w.nothingLeft();
  });

  w.test('a half-closed client without a disconnect: its launch is served, then the session ends', async () => {
    const all = [INITIALIZE, WAIT, { command: 'setBreakpoints', arguments: { source: { path: `${program('tool')}/main.go` }, breakpoints: [{ line: 1 }] } }, { command: 'configurationDone' }, THREADS];
    const warm = await w.session();
    await warm.launch(LAUNCH.arguments); // the build is in the cache
    await warm.finish();
    const raw = await Raw.open(w.port);
    raw.socket.end(flight(all));
    await raw.rest(LAUNCH_MS);
    const got = responses(raw, all.length);
    for (const i of [1, 2, 3, 4]) assert.equal(got[i].success, true, JSON.stringify(got[i]));
    assert.equal(raw.messages().filter((m) => m.event === 'terminated').length, 1);
    await w.nothingLeft();
  });
});

suite('probes', { transports: ['local'] }, (w) => {
  w.test('a probe that connects and closes is worth no warning; one that had sent something is', async () => {
    const before = w.daemon.stderr.length;
    const connect = async (bytes, reset) => {
      const socket = net.createConnection(w.port, '127.0.0.1');
      socket.on('error', () => {});
      await new Promise((resolve) => { socket.once('connect', resolve); });
      if (bytes) await new Promise((resolve) => { socket.write(bytes, resolve); });
      if (reset) socket.resetAndDestroy();
      else socket.destroy();
      await new Promise((resolve) => { socket.once('close', resolve); });
    };
    const served = async () => {
      const s = await w.session(); // accepted after them: when it is answered, they were dealt with
      await s.initialize();
      await s.send('disconnect');
      s.close();
    };
    for (const reset of [false, true]) {
      await connect('', reset);
      await whileStopped(w, () => connect('', reset));
    }
    await served();
    assert.deepEqual(warnings(w, before), []);
    await whileStopped(w, () => connect(flight([INITIALIZE]), false));
    await served();
    await until('the warning', () => warnings(w, before).length > 0);
    assert.match(warnings(w, before).join('\n'), /closed before its owner could be looked up/);
  });

  w.test('clients that stay do not hold up the end of delvegate', async (t) => {
    const own = await w.fresh(t);
    const clients = [];
    for (let i = 0; i < 3; i++) {
      const s = await own.session();
      await s.initialize();
      if (i) await s.send('disconnect');
      clients.push(s);
    }
    own.daemon.kill('SIGTERM');
    await clients[0].event('terminated');
    const answer = await clients[0].ask('disconnect'); // as an editor does
    assert.deepEqual(await own.daemon.end(CLOSE_MS), { code: 0, signal: null }, own.daemon.text());
    assert.doesNotMatch(own.daemon.stderr, /exiting with connections/);
    for (const s of clients) await within('the end of the connection', s.closed);
    assert.equal(answer.success, true);
    own.assertNoSanitizerReport();
  });
});
