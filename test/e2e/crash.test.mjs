// delvegate dies with sessions on its own machine: their supervisors end them at once and in the right order, and what
// even they could not end is swept at the next start.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { Child, DELVEGATE, line, proc, program, states, suite, until, within } from './harness.mjs';
import { byPid, goesOn, looping } from './lib/looper.mjs';
import { moreStates } from './lib/states.mjs';

const TOOL = program('tool');
const MAIN = path.join(TOOL, 'main.go');
const END_MS = 20_000; // far less than the lease
const LEASE = '10m';

const local = Object.entries(moreStates).filter(([name, { transports }]) => transports === undefined && name !== 'connected');
const all = { ...Object.fromEntries(Object.entries(states).map(([name, reach]) => [name, { reach }])), ...Object.fromEntries(local) };

async function fresh(w, t, target = {}) {
  return w.fresh(t, {
    prepare: (world) => {
      world.options.target = { lease: LEASE, ...(typeof target === 'function' ? target(world) : target) };
    },
  });
}

/** Ends delvegate as a crash or a watchdog does. */
const deaths = {
  'killed': (own) => own.daemon.kill('SIGKILL'),
  'stuck, and killed by its watchdog': async (own) => {
    own.daemon.kill('SIGSTOP');
    await until('delvegate to be stopped', () => proc.status(own.daemon.pid, 'State').startsWith('T'));
    own.daemon.kill('SIGABRT');
    own.daemon.kill('SIGKILL');
  },
};
async function die(own, death = deaths.killed) {
  await death(own);
  await own.daemon.end();
}

/** The supervisor's directory as a dead one has left it. */
function deadInstance(own) {
  const dir = path.join(own.runDirs, 'dead');
  fs.mkdirSync(dir, { recursive: true, mode: 0o700 });
  fs.writeFileSync(path.join(dir, 'host'), fs.readFileSync('/proc/sys/kernel/random/boot_id'));
  fs.writeFileSync(path.join(dir, 'supervisor'), `${process.pid} 1\n`); // it began at another time
}

/** The warden first: it would end all in order. */
function killAll(pids) {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if (error.code !== 'ESRCH') throw error;
    }
  }
}

suite('crash', { clients: [], transports: ['local'], daemon: false, concurrency: 3 }, (w) => {
  for (const [name, { target, reach }] of Object.entries(all)) {
    w.test(`delvegate is killed while ${name}: its supervisor ends the session at once`, async (t) => {
      const own = await fresh(w, t, target);
      const s = await own.session();
      await reach(own, s);
      await die(own);
      await within('the end of the connection', s.closed);
      await own.nothingLeft({ timeout: END_MS });
    });
  }

  for (const name of ['building', 'running', 'stopped']) {
    w.test(`delvegate is stuck while ${name}, and killed by its watchdog: the same`, async (t) => {
      const own = await fresh(w, t);
      const s = await own.session();
      await all[name].reach(own, s);
      await die(own, deaths['stuck, and killed by its watchdog']);
      await within('the end of the connection', s.closed);
      await own.nothingLeft({ timeout: END_MS });
    });
  }

  for (const at of ['a stop', 'its running']) {
    w.test(`an attached process lives on without traps, at ${at}`, byPid, async (t) => {
      const own = await fresh(w, t);
      const child = await looping(own);
      const s = await own.session();
      await s.attach({ mode: 'local', processId: child.pid }, () => s.breakpoints(MAIN, [line(MAIN, at === 'a stop' ? 'TICK' : 'SWITCH')]));
      if (at === 'a stop') await s.stop({ reason: 'breakpoint' });
      await die(own);
      await own.nothingLeft({ timeout: END_MS });
      await goesOn(child.pid);
      child.kill('SIGKILL');
    });
  }

  w.test('what the debugged program has started is ended too', async (t) => {
    const own = await fresh(w, t);
    const s = await own.session();
    await s.launch({ program: TOOL, args: ['grandchild', '4713'] });
    await own.process('the grandchild', (args) => args[0] === 'sleep' && args[1] === '4713');
    await die(own);
    await own.nothingLeft({ timeout: END_MS });
  });

  w.test('delvegate exec is killed: its command is ended, with its children', async (t) => {
    const own = await fresh(w, t);
    const x = new Child(DELVEGATE, ['exec', '--config', own.configFile, 'main', '--', 'sh', '-c', 'sleep 4714 & exec sleep 4715'], { env: own.daemonEnv, cwd: own.root });
    for (const seconds of ['4714', '4715']) await own.process('the command', (args) => args[0] === 'sleep' && args[1] === seconds);
    x.kill('SIGKILL');
    await x.end();
    await own.nothingLeft({ timeout: END_MS });
  });

  w.test('delvegate starts again while the old session is being ended: a new one works, on the same port', async (t) => {
    const own = await fresh(w, t);
    const old = await own.session();
    await states.stopped(own, old);
    // It takes the supervisor seconds to end this one.
    const dlv = await own.dlv();
    process.kill(dlv, 'SIGSTOP');
    await die(own);
    await own.startDaemon();
    assert.ok(proc.alive(dlv), 'the old session has ended too soon for this test');
    const s = await own.session();
    await s.launch({ program: TOOL, args: ['loop'] }, () => s.breakpoints(MAIN, [line(MAIN, 'SWITCH')]));
    await s.stop({ reason: 'breakpoint' });
    await until('the old session to be ended', () => !proc.alive(dlv) && own.runDirectories().length === 1, { timeout: END_MS, explain: () => own.logs() });
    assert.doesNotMatch(own.daemon.stderr, /left by a dead session/);
    await s.finish({ terminateDebuggee: true });
    await own.nothingLeft();
  });

  w.test('all is killed at once, as a cgroup is: the next start removes the run directory, and says so', async (t) => {
    const own = await fresh(w, t);
    const s = await own.session();
    await states.stopped(own, s);
    const [dir] = own.runDirectories();
    const [instance] = own.instances();
    own.daemon.kill('SIGSTOP'); // it is not to see what comes
    killAll(own.everything());
    await die(own);
    await until('all to be gone', () => own.everything().length === 0);
    assert.deepEqual(own.runDirectories(), [dir]);
    await own.startDaemon();
    await own.daemon.wait(new RegExp(`removed \\S+/${instance}, left by a dead session$`, 'm'));
    await own.nothingLeft();
  });

  w.test('the supervisor is killed with delvegate, and dlv and the program live: the next start ends them', async (t) => {
    const own = await fresh(w, t);
    const s = await own.session();
    await states.running(own, s);
    const [dlv, debuggee] = [await own.dlv(), await own.debuggee()];
    own.daemon.kill('SIGSTOP');
    killAll(own.supervisors());
    await die(own);
    assert.ok(proc.alive(dlv) && proc.alive(debuggee), 'nothing is left to be swept');
    await own.startDaemon();
    const [, ended] = await own.daemon.wait(/left by a dead session; ended its processes (.*)$/m);
    assert.ok(ended.split(' ').includes(String(dlv)), `${dlv} is not among ${ended}`); // which ends the program itself
    assert.ok(!proc.alive(debuggee));
    await own.nothingLeft();
  });

  w.test('the same with an attached process: it lives on without traps', byPid, async (t) => {
    const own = await fresh(w, t);
    const child = await looping(own);
    const s = await own.session();
    await s.attach({ mode: 'local', processId: child.pid }, () => s.breakpoints(MAIN, [line(MAIN, 'TICK')]));
    await s.stop({ reason: 'breakpoint' });
    own.daemon.kill('SIGSTOP');
    killAll(own.supervisors());
    await die(own);
    await own.startDaemon();
    await own.daemon.wait(/left by a dead session; ended its processes/);
    await own.nothingLeft();
    await goesOn(child.pid);
    child.kill('SIGKILL');
  });

  w.test('a reload that adds the first target on this machine sweeps too', async (t) => {
    const own = await w.fresh(t, { target: { ssh: 'nowhere.invalid' } });
    deadInstance(own);
    own.writeConfig({ ...own.config, targets: { ...own.config.targets, second: await own.makeTarget() } });
    own.daemon.kill('SIGHUP');
    await own.daemon.wait(/removed \S+\/dead, left by a dead session$/m);
    await own.nothingLeft();
  });

  w.test('a session that lives is not swept by another delvegate of the same user', async (t) => {
    const own = await fresh(w, t);
    const s = await own.session();
    await states.stopped(own, s);
    deadInstance(own);
    const other = own.at('config/other.json');
    fs.writeFileSync(other, JSON.stringify({ targets: { other: await own.makeTarget() } }));
    const second = own.spawn(DELVEGATE, ['--config', other], { name: 'second', env: own.daemonEnv });
    await second.wait(/removed \S+\/dead, left by a dead session$/m);
    await s.step('next');
    await s.finish({ terminateDebuggee: true });
    second.kill('SIGTERM');
    assert.deepEqual(await second.end(), { code: 0, signal: null }, second.text());
    await own.nothingLeft();
  });
});
