// Whatever fails on the way to the Go machine: every request is answered once, the client's stream is whole, and
// nothing is left there. delvegate-flaky loses the carrier of the tunnel at the N-th operation of its transport: as a
// network does, which a session survives, or for good.
import assert from 'node:assert/strict';
import path from 'node:path';
import { DELVEGATE, line, program, suite, until } from './harness.mjs';

const TOOL = program('tool');
const MAIN = path.join(TOOL, 'main.go');
const FLAKY = path.join(path.dirname(DELVEGATE), 'delvegate-flaky');
const ALL = process.env.CHECK_ALL === '1';
const AT_ONCE = 3;

/** A session that takes whatever comes; true when it went through. */
async function tryOut(s) {
  const asks = [];
  const ask = (command, args) => {
    const answer = s.ask(command, args, { timeout: 60_000 });
    asks.push(answer);
    return answer;
  };
  const ended = () => s.isClosed || s.events('terminated').length > 0;
  await ask('initialize', { clientID: 'test', adapterID: 'go', pathFormat: 'path' });
  const launch = ask('launch', { name: 'test', type: 'go', request: 'launch', mode: 'debug', program: TOOL, args: ['loop'] });
  await until('initialized or the end', () => s.events('initialized').length > 0 || ended(), { timeout: 60_000, explain: () => s.text() });
  let through = false;
  if (!ended()) {
    const breakpoint = () => ask('setBreakpoints', { source: { path: MAIN }, breakpoints: [{ line: line(MAIN, 'TICK') }] });
    // The request that a connection is lost over is answered with an error: an editor's user sets it again.
    if (!(await breakpoint()).success) await breakpoint();
    ask('configurationDone');
    await launch;
    await until('a stop or the end', () => s.events('stopped').length > 0 || ended(), { timeout: 60_000, explain: () => s.text() });
    const trace = await ask('stackTrace', { threadId: 1 });
    const from = s.messages.length;
    await ask('continue', { threadId: 1 });
    await until('a stop or the end', () => s.messages.slice(from).some((m) => m.event === 'stopped') || ended() || !trace.success, { timeout: 60_000, explain: () => s.text() });
    through = !ended() && trace.success;
  }
  await ask('disconnect', { terminateDebuggee: true });
  await Promise.all(asks);
  s.close();
  return through;
}

// Before the supervisor has answered there is no session that could go on: a launch that waits for it fails.
const FIRST = 12;

suite('flaky', { clients: [], daemon: false, concurrency: AT_ONCE }, (w) => {
  const attempt = async (t, kind, n) => {
    const own = await w.fresh(t, { program: FLAKY, target: { lease: '5s' }, daemonEnv: { DELVEGATE_FLAKY: `${kind}:${n}` } });
    // The supervisor is there by now: to put it there takes hundreds of operations.
    const { code, stdout, stderr } = await own.cli(['check-env', '--config', own.configFile, 'main']);
    assert.equal(code, 0, stdout + stderr);
    const s = await own.session();
    const through = await tryOut(s);
    s.assertProtocol();
    await own.nothingLeft({ timeout: 60_000 });
    // It happens once: the next session finds its way, and delvegate's end is the supervisor's.
    if (!through && n > 0) {
      const next = await own.session();
      assert.equal(await tryOut(next), true, next.text());
      next.assertProtocol();
      await own.nothingLeft({ timeout: 60_000 });
    }
    await own.stopDaemon();
    const [, operations] = /flaky: (\d+) operations/.exec(own.daemon.stderr);
    return { through, operations: Number(operations), shown: s.shown, told: `${s.text()}\n${own.daemon.stderr}` };
  };

  w.test('without a failure a session goes through', async (t) => {
    const { through } = await attempt(t, 'carrier', 0);
    assert.equal(through, true);
  });

  // All operations of a session, or some in every part of it.
  for (const kind of ['carrier', 'link']) {
    for (let n = 1; n <= (ALL ? 90 : 40); n += ALL ? 1 : 3) {
      w.test(`${kind} is lost at operation ${n}`, async (t) => {
        const { through, operations, shown, told } = await attempt(t, kind, n);
        if (w.transport === 'ssh' && kind === 'carrier' && n > FIRST) assert.equal(through, true, told);
        const lines = (pattern) => shown.match(pattern)?.length ?? 0;
        assert.ok(lines(/is lost/g) <= 1 && lines(/is restored/g) <= lines(/is lost/g), told);
        if (!through && n <= operations) assert.match(told, /on purpose/);
      });
    }
  }
});
