// The connection to the Go machine goes, in every way and in every state, and comes back: to the client nothing has
// happened but two lines in the Debug Console.
import assert from 'node:assert/strict';
import path from 'node:path';
import { BlockedBuild, HOST, LAUNCH_MS, TEST_MS, line, proc, program, suite, until } from './harness.mjs';
import { Printed } from './lib/printed.mjs';

const TOOL = program('tool');
const MAIN = path.join(TOOL, 'main.go');
const ALL = process.env.CHECK_ALL === '1';
const BACK_MS = 60_000; // from the network's return to the connection's
const PRINTED = 20; // lines of 100 bytes each 10 ms

const LOST = new RegExp(`connection to .*${HOST}.* is lost`, 'g');
const BACK = new RegExp(`connection to .*${HOST}.* is restored`, 'g');
const count = (text, pattern) => [...text.matchAll(pattern)].length;
const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); }); // an outage has a length: no event ends it

const silence = (seconds) => async (w) => {
  w.sshd.relay.silence();
  await pause(seconds * 1000);
  w.sshd.relay.speak();
};

const EVERY = ['building', 'stopped', 'running', 'printing'];

/**
 * Each breaks the network of world w, and returns when it is whole again. Without CHECK_ALL=1 it comes only in these
 * states: on ssh, on command, on ssh as another client.
 */
const faults = {
  'is reset': { ssh: EVERY, command: EVERY, client: EVERY, run: async (w) => w.sshd.relay.reset() },
  'is silent for 25 s': { ssh: ['building', 'printing'], command: ['stopped'], client: ['building'], run: silence(25) },
  'is silent for 120 s': { ssh: [], command: [], client: [], run: silence(120) },
  'loses its sshd process': { ssh: EVERY, command: EVERY, client: [], run: async (w) => w.sshd.cut() },
  'has no sshd for 10 s': {
    ssh: ['stopped', 'running'], command: ['printing'], client: ['building'],
    run: async (w) => {
      await Promise.all([w.sshd.relay.close(), w.sshd.halt()]);
      await pause(10_000);
      await w.sshd.listen();
      await w.sshd.relay.open();
    },
  },
};

const stopsAtTick = (s) => s.breakpoints(MAIN, [line(MAIN, 'TICK')]);
const ticks = async (s) => {
  const top = await s.top();
  return (await s.send('evaluate', { expression: 'ticks', frameId: top.id, context: 'watch' })).body.result;
};

/** Restart, and the stop that it leads to. */
async function restart(s) {
  const from = s.messages.length;
  await s.send('restart', {}, { timeout: LAUNCH_MS });
  await s.event('stopped', { from, timeout: LAUNCH_MS });
}

/**
 * reach(w, s) brings a session there. atFault(s) asks in the moment of the fault, and what it returns is awaited once the
 * connection is back. after(w, s) sees that nothing has happened.
 */
const phases = {
  building: {
    reach: async (w, s) => {
      s.block = new BlockedBuild(w.at('tmp'));
      await s.initialize();
      s.launching = s.ask('launch', { mode: 'debug', program: TOOL, args: ['loop'], buildFlags: s.block.buildFlags }, { timeout: 3 * LAUNCH_MS });
      await s.block.waiting(w);
    },
    atFault: async () => {},
    after: async (w, s) => {
      s.block.release();
      await s.event('initialized', { timeout: LAUNCH_MS });
      await stopsAtTick(s);
      await s.send('configurationDone');
      assert.equal((await s.launching).success, true);
      await s.stop({ reason: 'breakpoint' });
      s.block.close();
    },
  },
  stopped: {
    reach: async (w, s) => {
      await s.launch({ program: TOOL, args: ['loop'] }, () => stopsAtTick(s));
      await s.stop({ reason: 'breakpoint' });
      s.ticks = await ticks(s);
    },
    atFault: (s) => s.send('threads', undefined, { timeout: 3 * LAUNCH_MS }),
    after: async (w, s) => {
      assert.equal(await ticks(s), s.ticks);
      await s.step('continue');
      assert.equal((await s.top()).line, line(MAIN, 'TICK'));
      assert.equal(await ticks(s), String(Number(s.ticks) + 1));
      await restart(s);
    },
  },
  running: {
    reach: async (w, s) => {
      await s.launch({ program: TOOL, args: ['loop'] });
      await s.output('stdout', /looping/);
    },
    atFault: (s) => s.send('threads', undefined, { timeout: 3 * LAUNCH_MS }),
    after: async (w, s) => {
      const from = s.messages.length;
      await stopsAtTick(s);
      await s.stop({ from, reason: 'breakpoint' });
      assert.equal(count(s.outputs.stdout, /looping/g), 1);
      await restart(s);
    },
  },
  printing: {
    reach: async (w, s) => {
      await s.initialize();
      s.printed = new Printed(s);
      await s.launch({ program: TOOL, args: ['print', String(PRINTED)] });
      await s.printed.more();
    },
    atFault: (s) => s.send('threads', undefined, { timeout: 3 * LAUNCH_MS }),
    after: async (w, s) => {
      await s.printed.more();
      const from = s.messages.length;
      await s.send('pause', { threadId: 1 });
      await s.stop({ from });
      s.onOutput = undefined;
      await stopsAtTick(s);
      await restart(s);
    },
  },
};

async function survives(w, t, fault, phase) {
  const own = await w.fresh(t, { sshd: { relay: true }, target: { lease: '10m' } });
  const s = await own.session();
  await phase.reach(own, s);
  const dlv = await own.dlv().catch(() => null);
  const asked = phase.atFault(s);
  const from = s.messages.length;
  await fault.run(own);
  await until('the connection to be back', () => count(s.shown, BACK) > 0, { timeout: BACK_MS, explain: () => own.logs() });
  await asked;
  assert.equal(count(s.shown, LOST), 1, s.shown);
  assert.equal(count(s.shown, BACK), 1, s.shown);
  const events = (name) => s.messages.slice(from).filter((m) => m.event === name);
  const shown = events('progressStart').filter((m) => /^reconnecting to .*$/.test(m.body.title)).map((m) => m.body.progressId);
  assert.equal(shown.length, 1, s.text());
  assert.equal(events('progressEnd').filter((m) => m.body.progressId === shown[0]).length, 1, s.text());
  for (const name of ['stopped', 'continued', 'terminated', 'exited']) assert.deepEqual(events(name), [], name);
  if (dlv) assert.ok(proc.alive(dlv), own.logs());
  await phase.after(own, s);
  await s.finish({ terminateDebuggee: true });
  await own.nothingLeft();
  s.assertProtocol();
}

suite('outage', { transports: ['ssh', 'command'], daemon: false, concurrency: 2 }, (w) => {
  for (const [what, fault] of Object.entries(faults)) {
    for (const [name, phase] of Object.entries(phases)) {
      // Not skipped: Node 18's runner spins at the end of concurrent tests of which some are.
      if (!ALL && !fault[w.options.client ? 'client' : w.transport].includes(name)) continue;
      w.test(`the connection ${what} while ${name}: the session goes on`, { timeout: 2 * TEST_MS }, (t) => survives(w, t, fault, phase));
    }
  }
});
