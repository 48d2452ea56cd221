// SIGKILL of each process between delvegate and the program, in each state: the session goes on or ends in words, and
// nothing is left on the Go machine; a process that was attached to lives on. (delvegate itself: crash and lease; both
// supervisor and warden: crash; sshd: outage.)
import assert from 'node:assert/strict';
import path from 'node:path';
import { BlockedBuild, HOST, LAUNCH_MS, line, proc, program, suite, until, within } from './harness.mjs';
import { byPid, goesOn, looping } from './lib/looper.mjs';

const TOOL = program('tool');
const MAIN = path.join(TOOL, 'main.go');
const ALL = process.env.CHECK_ALL === '1';
const END_MS = 60_000;
const BACK = new RegExp(`connection to .*${HOST}.* is restored`);

/** Each brings a session of world w to a state. */
const phases = {
  building: async (w, s) => {
    const block = new BlockedBuild(w.at('tmp'));
    await s.initialize();
    s.launching = s.ask('launch', { mode: 'debug', program: TOOL, args: ['loop'], buildFlags: block.buildFlags }, { timeout: LAUNCH_MS });
    s.launching.catch(() => {});
    await block.waiting(w);
  },
  stopped: async (w, s) => {
    await s.launch({ program: TOOL, args: ['loop'] }, () => s.breakpoints(MAIN, [line(MAIN, 'TICK')]));
    await s.stop({ reason: 'breakpoint' });
  },
  running: async (w, s) => {
    await s.launch({ program: TOOL, args: ['loop'] });
    await s.output('stdout', /looping/);
  },
  printing: async (w, s) => {
    await s.initialize();
    s.onOutput = (category, text) => { s.outputs[category] = (s.outputs[category] + text).slice(-10_000); };
    await s.launch({ program: TOOL, args: ['print', '20'] });
    await s.output('stdout', /^\d{99}$/m);
  },
  attached: async (w, s) => {
    s.looper = await looping(w);
    await s.attach({ mode: 'local', processId: s.looper.pid }, () => s.breakpoints(MAIN, [line(MAIN, 'TICK')]));
    await s.stop({ reason: 'breakpoint' });
  },
  'attached, without breakpoints': async (w, s) => {
    s.looper = await looping(w);
    await s.attach({ mode: 'local', processId: s.looper.pid });
  },
};

/** The processes of the one supervisor: { warden, supervisor, door }. */
function kinds(w) {
  const all = w.supervisors();
  const door = all.find((pid) => proc.cmdline(pid)[1] === 'door');
  const rest = all.filter((pid) => pid !== door);
  const supervisor = rest.find((pid) => rest.includes(proc.parent(pid)));
  return { supervisor, warden: rest.find((pid) => pid === proc.parent(supervisor)), door };
}

async function ends(s, words) {
  await s.event('terminated', { timeout: END_MS });
  const launch = s.launching ? JSON.stringify(await s.launching) : '';
  if (words) assert.match(s.shown + launch, words);
}

/** One that is killed while Delve has it stopped, Delve sees when it is to go on, and says so in its own way. */
async function endsOnceAsked(s, name) {
  if (name !== 'stopped' && name !== 'attached') return ends(s);
  const from = s.messages.length;
  await s.ask('continue', { threadId: 1 });
  await until('the end, or the error', () => s.messages.slice(from).some((m) => m.event === 'terminated' || (m.event === 'stopped' && m.body.reason === 'exception')),
    { timeout: END_MS, explain: () => s.text() });
}

async function answers(s) {
  if (!s.launching) await s.send('threads');
}

/** Each victim: its pid, and what is seen of its end. transports: where there is one. not: states in which there is none. */
const victims = {
  supervisor: { pid: (w) => kinds(w).supervisor, after: (w, s) => ends(s, /supervisor/) },
  warden: { pid: (w) => kinds(w).warden, after: (w, s) => answers(s) },
  door: {
    transports: ['ssh'],
    pid: (w) => kinds(w).door,
    after: async (w, s) => {
      await until('the connection to be back', () => BACK.test(s.shown), { timeout: END_MS, explain: () => s.text() });
      await answers(s);
    },
  },
  dlv: {
    pid: (w) => w.dlv(),
    // It is started again, or its end is told.
    after: (w, s, pid) => until('another dlv or the end', async () => s.events('terminated').length > 0
      || w.processes().some((p) => p !== pid && /(^|\/)dlv$/.test(proc.cmdline(p)[0] ?? '')), { timeout: END_MS, explain: () => w.logs() }),
  },
  program: { not: ['building', 'attached', 'attached, without breakpoints'], pid: (w) => w.debuggee(), after: (w, s, pid, name) => endsOnceAsked(s, name) },
  'attached process': { not: ['building', 'stopped', 'running', 'printing'], pid: (w, s) => s.looper.pid, after: (w, s, pid, name) => endsOnceAsked(s, name) },
};

suite('kills', { clients: ALL ? ['vscode'] : [], daemon: false, concurrency: 2 }, (w) => {
  for (const [victim, { transports, not = [], pid, after }] of Object.entries(victims)) {
    if (transports && !transports.includes(w.transport)) continue;
    for (const [name, reach] of Object.entries(phases)) {
      if (not.includes(name)) continue;
      w.test(`the ${victim} is killed while ${name}`, name.startsWith('attached') ? byPid : {}, async (t) => {
        const own = await w.fresh(t);
        const s = await own.session();
        await reach(own, s);
        const killed = await pid(own, s);
        assert.ok(killed > 0, proc.describe(own.everything()));
        process.kill(killed, 'SIGKILL');
        await after(own, s, killed, name);
        await s.ask('disconnect', { terminateDebuggee: !name.startsWith('attached') });
        s.close();
        await within('the end', s.closed);
        await own.nothingLeft({ timeout: END_MS });
        // Of a Delve that was killed traps stay, and the first one that it runs into ends the process.
        const lives = s.looper && victim !== 'attached process' && !(victim === 'dlv' && name === 'attached');
        if (lives) await goesOn(s.looper.pid);
        s.looper?.kill('SIGKILL');
      });
    }
  }

  w.test('delvegate is killed and started again: its next session ends what it had left', { skip: w.transport === 'local' && 'it is ended at once' }, async (t) => {
    const own = await w.fresh(t, { target: { lease: '10m' } });
    const s = await own.session();
    await phases.stopped(own, s);
    const dlv = await own.dlv();
    own.daemon.kill('SIGKILL');
    await own.daemon.end();
    assert.ok(proc.alive(dlv));
    await own.startDaemon();
    const next = await own.session();
    await phases.running(own, next);
    await until('the old session to be ended', () => !proc.alive(dlv) && own.runDirectories().length === 1, { timeout: END_MS, explain: () => own.logs() });
    await next.finish({ terminateDebuggee: true });
  });
});
