// SIGTERM whatever a session is at: every request is answered, the client is told, and nothing is left on the Go machine.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Raw, line, proc, program, states, suite, until, within } from './harness.mjs';
import { byPid, goesOn, looping } from './lib/looper.mjs';
import { moreStates } from './lib/states.mjs';

const STOP_MS = 12_000; // the longest: a Delve that does not answer is waited for, then asked to end, then killed
const SOON_MS = 4000; // less than a Delve that hangs takes to be killed
const MAIN = path.join(program('tool'), 'main.go');

const all = { ...Object.fromEntries(Object.entries(states).map(([name, reach]) => [name, { reach }])), ...moreStates };

/** Brings a world of its own into a state, and ends delvegate by a signal: the session is answered and told. */
async function stopIn(w, t, { target = {}, reach, isEnding = false }, signal) {
  const own = await w.fresh(t, {
    prepare: (world) => { world.options.target = typeof target === 'function' ? target(world) : target; },
  });
  const s = await own.session();
  const undo = await reach(own, s);
  try {
    await stop(own, s, signal, isEnding);
  } finally {
    if (undo) undo();
  }
  await own.nothingLeft();
}

async function stop(own, s, signal, isEnding = false) {
  const wasOver = s.events('terminated').length > 0;
  const from = s.messages.length;
  own.daemon.kill(signal);
  assert.deepEqual(await own.daemon.end(STOP_MS), { code: 0, signal: null }, own.daemon.text());
  own.assertNoSanitizerReport();
  await within('the end of the connection', s.closed);
  s.assertProtocol();
  if (from === 0) return; // it has only connected: there is nothing to say in DAP
  if (!isEnding) assert.match(s.shown, /delvegate is being stopped/);
  assert.equal(s.events('terminated').length, 1, s.text());
  if (!wasOver) assert.ok(s.messages.slice(from).some((m) => m.event === 'terminated'), s.text());
}

suite('stop', { daemon: false, concurrency: 3 }, (w) => {
  for (const [name, state] of Object.entries(all)) {
    if (!(state.transports ?? ['local', 'ssh']).includes(w.transport)) continue;
    w.test(`SIGTERM while ${name}`, (t) => stopIn(w, t, state, 'SIGTERM'));
  }

  for (const name of ['building', 'running', 'initialized']) w.test(`SIGINT while ${name}`, (t) => stopIn(w, t, all[name], 'SIGINT'));

  // Else one that comes when the handlers are gone would end delvegate, and not with status 0.
  w.test('no thread but the first takes signals that delvegate handles', async (t) => {
    const own = await w.fresh(t);
    const { pid } = own.daemon;
    const others = () => fs.readdirSync(`/proc/${pid}/task`).filter((task) => task !== String(pid));
    const s = await own.session();
    await states.running(own, s);
    const handled = ['SIGHUP', 'SIGINT', 'SIGTERM'].map((name) => os.constants.signals[name]);
    for (const task of await until('the threads of libuv', () => others().length > 0 && others())) {
      const blocked = BigInt(`0x${proc.status(`${pid}/task/${task}`, 'SigBlk')}`);
      for (const number of handled) assert.equal((blocked >> BigInt(number - 1)) & 1n, 1n, `thread ${task} takes signal ${number}`);
    }
    await stop(own, s, 'SIGTERM');
    await own.nothingLeft();
  });

  w.test('an attached process lives on, at a stop and running', byPid, async (t) => {
    for (const at of ['stop', 'running']) {
      const own = await w.fresh(t);
      const child = await looping(own);
      const s = await own.session();
      await s.attach({ mode: 'local', processId: child.pid }, () => (at === 'stop' ? s.breakpoints(MAIN, [line(MAIN, 'TICK')]) : undefined));
      if (at === 'stop') await s.stop({ reason: 'breakpoint' });
      await stop(own, s, 'SIGTERM');
      await own.nothingLeft();
      await goesOn(child.pid);
      child.kill('SIGKILL');
    }
  });

  w.test('several sessions, each in a state of its own', async (t) => {
    const own = await w.fresh(t);
    const list = [];
    for (const name of ['running', 'stopped', 'building']) {
      const s = await own.session();
      await states[name](own, s);
      list.push(s);
    }
    list.push(await own.session());
    own.daemon.kill('SIGTERM');
    assert.deepEqual(await own.daemon.end(STOP_MS), { code: 0, signal: null }, own.daemon.text());
    for (const s of list) {
      await within('the end of the connection', s.closed);
      s.assertProtocol();
    }
    await own.nothingLeft();
  });

  w.test('SIGHUP after SIGTERM: no port is opened again', async (t) => {
    const own = await w.fresh(t);
    const s = await own.session();
    await all['stopped, with requests that Delve does not answer'].reach(own, s);
    own.daemon.kill('SIGTERM');
    await own.daemon.wait(/stopping: SIGTERM/);
    own.daemon.kill('SIGHUP');
    await own.daemon.wait(/SIGHUP: /);
    await assert.rejects(Raw.open(own.port), { code: 'ECONNREFUSED' });
    assert.deepEqual(await own.daemon.end(STOP_MS), { code: 0, signal: null }, own.daemon.text());
    await within('the end of the connection', s.closed);
    s.assertProtocol();
    await own.nothingLeft();
  });

  const bySsh = { skip: w.transport !== 'ssh' && 'there is no proxy' };
  for (const [name, kill] of [['', () => {}], [', nor at a second one', (own) => own.daemon.kill('SIGTERM')]]) {
    w.test(`a ProxyCommand that does not end at SIGTERM${name}: delvegate does, with status 0`, bySsh, async (t) => {
      const mark = `${4720 + name.length}`;
      const own = await w.fresh(t, {
        sshd: { clientOptions: [`ProxyCommand sh -c 'trap "" TERM; sleep ${mark}; :'`] },
      });
      const proxies = () => proc.pids().filter((pid) => proc.cmdline(pid).includes(mark) && proc.descends(pid, own.daemon.pid));
      const s = await own.session();
      await s.initialize();
      const [proxy] = await until('the proxy', () => proxies().length > 0 && proxies());
      own.daemon.kill('SIGTERM');
      await own.daemon.wait(/ending -> over/);
      kill(own);
      assert.deepEqual(await own.daemon.end(STOP_MS), { code: 0, signal: null }, own.daemon.text());
      own.assertNoSanitizerReport();
      await within('the end of the connection', s.closed);
      s.assertProtocol();
      await until('the proxy to be gone', () => !proc.alive(proxy));
    });
  }

  w.test('a ProxyCommand that does not end at SIGTERM does not outlive its connection', bySsh, async (t) => {
    const own = await w.fresh(t, {
      target: { keepWarm: '0s' },
      sshd: { clientOptions: [`ProxyCommand sh -c 'trap "" TERM; sleep 4727; :'`] },
    });
    const proxies = () => proc.pids().filter((pid) => proc.cmdline(pid).includes('4727') && proc.descends(pid, own.daemon.pid));
    const s = await own.session();
    await s.initialize();
    await until('the proxy', () => proxies().length > 0);
    await s.send('disconnect', {});
    await within('the end of the connection', s.closed);
    await until('the proxy to be gone', () => proxies().length === 0);
    assert.ok(proc.alive(own.daemon.pid));
  });

  for (const name of ['stopped', 'running', 'building']) {
    w.test(`SIGTERM twice in a row while ${name}: the client is told as after one, and the session is ended`, async (t) => {
      const own = await w.fresh(t, { target: { lease: '5s' } });
      const s = await own.session();
      await all[name].reach(own, s);
      own.daemon.kill('SIGTERM');
      await own.daemon.wait(/stopping: SIGTERM/);
      own.daemon.kill('SIGTERM');
      assert.deepEqual(await own.daemon.end(STOP_MS), { code: 0, signal: null }, own.daemon.text());
      own.assertNoSanitizerReport();
      await within('the end of the connection', s.closed);
      s.assertProtocol();
      assert.match(s.shown, /delvegate is being stopped/);
      assert.equal(s.events('terminated').length, 1, s.text());
      await own.nothingLeft();
    });
  }

  for (const signals of [2, 3]) {
    w.test(`SIGTERM ${signals} times and a Delve that hangs: delvegate leaves, and the supervisor ends the session`, async (t) => {
      const own = await w.fresh(t, { target: { lease: '5s' } });
      const s = await own.session();
      await all['stopped, with requests that Delve does not answer'].reach(own, s);
      const marks = [/stopping: SIGTERM/, /second signal: /, /another signal: /];
      for (const mark of marks.slice(0, signals)) {
        own.daemon.kill('SIGTERM');
        await own.daemon.wait(mark);
      }
      assert.deepEqual(await own.daemon.end(SOON_MS), { code: 0, signal: null }, own.daemon.text());
      own.assertNoSanitizerReport();
      await within('the end of the connection', s.closed);
      s.assertProtocol();
      assert.equal(s.events('terminated').length, 1, s.text());
      await own.nothingLeft();
    });
  }
});
