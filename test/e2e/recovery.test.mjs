// A Delve that dies, is killed, hangs, or closes its connection costs the client nothing but a line.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { build, line, program, states, suite, until } from './harness.mjs';
import * as proc from './lib/proc.mjs';

const TOOL = program('tool');
const MAIN = path.join(TOOL, 'main.go');
const TIMES = process.env.CHECK_ALL === '1' ? 100 : 10;
const SILENCE_MS = 60_000; // a Delve that answers nothing is replaced before that
const GROWTH = 8 * 1024 * 1024; // bytes: far less than what a leak of each round's buffers would add up to

/** Kills the session's Delve and waits for another one. */
async function kill(w) {
  const dlv = await w.dlv();
  process.kill(dlv, 'SIGKILL');
  return dlv;
}

suite('recovery', { beside: true, daemonEnv: { ASAN_OPTIONS: 'detect_leaks=1:quarantine_size_mb=1' }, targets: { once: { recover: { afterCrash: 'end' } }, few: { recover: { attempts: 2, window: '10m' } } } }, (w) => {
  const stoppedAtTick = async (s, args = {}) => {
    await s.launch({ program: TOOL, args: ['loop'], ...args }, () => s.breakpoints(MAIN, [line(MAIN, 'TICK')]));
    await s.stop({ reason: 'breakpoint' });
  };

  w.test('killed at a stop: the same connection, the same breakpoint ids, handles from before refused', async () => {
    const s = await w.session();
    let ids;
    await s.launch({ program: TOOL, args: ['loop'] }, async () => {
      ids = (await s.breakpoints(MAIN, [line(MAIN, 'SWITCH'), line(MAIN, 'TICK')])).map((b) => b.id);
    });
    await s.stop({ reason: 'breakpoint' });
    const frame = await s.top();
    const { SWITCH, ...locals } = await s.locals();
    const from = s.messages.length;
    await kill(w);
    await s.event('continued', { from });
    const stopped = await s.stop({ from, reason: 'breakpoint' });
    assert.deepEqual(stopped.body.hitBreakpointIds ?? [ids[0]], [ids[0]]);
    assert.match((await s.refused('scopes', { frameId: frame.id })).text, /restarted|ended/);
    for (const { container } of Object.values(locals)) await s.refused('variables', { variablesReference: container });
    const now = await s.top();
    assert.equal(now.line, line(MAIN, 'SWITCH'));
    await s.send('scopes', { frameId: now.id });
    const next = await s.step('continue');
    assert.deepEqual(next.body.hitBreakpointIds ?? [ids[1]], [ids[1]]);
    assert.match(s.shown, /Delve.*signal 9.*restarting the program/s);
    assert.equal(s.events('terminated').length, 0);
    await s.finish({ terminateDebuggee: true });
  });

  w.test('killed while the program runs: one program at a time', async () => {
    const s = await w.session();
    await states.running(w, s);
    const first = s.outputs.stdout.match(/looping (\d+)/)[1];
    await kill(w);
    await until('the program to be started again', () => (s.outputs.stdout.match(/looping/g) ?? []).length === 2, { timeout: 60_000 });
    assert.equal(proc.alive(Number(first)), false);
    await s.finish({ terminateDebuggee: true });
  });

  w.test('killed with requests open: each has one answer', async () => {
    const s = await w.session();
    await stoppedAtTick(s);
    const dlv = await w.dlv();
    process.kill(dlv, 'SIGSTOP');
    const evaluated = s.ask('evaluate', { expression: 'ticks', context: 'repl' }, { timeout: 60_000 });
    const set = s.ask('setBreakpoints', { source: { path: MAIN }, breakpoints: [{ line: line(MAIN, 'TICK') }, { line: line(MAIN, 'SWITCH') }] }, { timeout: 60_000 });
    const resumed = s.ask('continue', { threadId: 1 }, { timeout: 60_000 });
    const from = s.messages.length;
    process.kill(dlv, 'SIGKILL');
    assert.equal((await evaluated).success, false);
    assert.equal((await resumed).success, false);
    const answer = await set;
    assert.equal(answer.success, true);
    assert.deepEqual(answer.body.breakpoints.map((b) => b.verified), [true, true]);
    await s.stop({ from });
    await s.finish({ terminateDebuggee: true });
  });

  w.test('a Delve that does not answer any more is replaced', async () => {
    const s = await w.session();
    await stoppedAtTick(s);
    const from = s.messages.length;
    const dlv = await w.dlv();
    process.kill(dlv, 'SIGSTOP');
    await s.event('stopped', { from, timeout: 2 * SILENCE_MS });
    assert.equal(proc.alive(dlv), false);
    assert.match(s.shown, /Delve on .* has not answered for \d+ s/);
    await s.finish({ terminateDebuggee: true });
  });

  w.test('neither a running program nor a long stop is taken for a hanging Delve', async () => {
    const running = await w.session();
    await states.running(w, running);
    const first = await w.dlv();
    const halted = await w.session();
    await stoppedAtTick(halted);
    const end = Date.now() + SILENCE_MS;
    await until('the time after which a silent Delve is replaced', () => Date.now() > end, { timeout: 2 * SILENCE_MS });
    assert.equal(proc.alive(first), true);
    assert.equal((await halted.top()).line, line(MAIN, 'TICK'));
    for (const s of [running, halted]) {
      assert.doesNotMatch(s.shown, /restarting|answer/);
      await s.finish({ terminateDebuggee: true });
    }
  });

  w.test('a request that Delve closes its connection over: an error, and the program is where it was', async () => {
    const s = await w.session();
    await stoppedAtTick(s);
    const pid = await w.debuggee();
    const frame = await s.top();
    const from = s.messages.length;
    const bad = await s.refused('setBreakpoints', { source: { path: MAIN }, breakpoints: [{ line: 'seven' }] }, { timeout: 60_000 });
    assert.ok(bad.text);
    await until('the client to be told', () => s.messages.slice(from).some((m) => m.event === 'stopped' || m.event === 'invalidated'), { explain: () => s.text() });
    assert.equal(await w.debuggee(), pid);
    await s.refused('scopes', { frameId: frame.id });
    assert.equal((await s.top()).line, line(MAIN, 'TICK'));
    const step = await s.step('continue');
    assert.equal(step.body.reason, 'breakpoint');
    assert.equal(s.events('terminated').length, 0);
    await s.finish({ terminateDebuggee: true });
  });

  w.test('the same while the program runs: it runs on', async () => {
    const s = await w.session();
    await states.running(w, s);
    const pid = await w.debuggee();
    await s.refused('evaluate', { expression: 7, context: 'repl' }, { timeout: 60_000 });
    const from = s.messages.length;
    assert.deepEqual((await s.breakpoints(MAIN, [line(MAIN, 'TICK')])).map((b) => b.verified), [true]);
    await s.stop({ from, reason: 'breakpoint' });
    assert.equal(await w.debuggee(), pid);
    await s.finish({ terminateDebuggee: true });
  });

  w.test('killed while it builds: it is started again', async () => {
    const s = await w.session();
    fs.rmSync(w.at('tmp/block.fifo'), { force: true });
    await states.building(w, s);
    const dlv = await kill(w);
    await until('another dlv', async () => (await w.dlv()) !== dlv);
    await s.send('disconnect', {});
    assert.equal((await s.launching).success, false);
    s.close();
  });

  w.test('recover.afterCrash "end": the program is not run a second time', async () => {
    const s = await w.session({ port: w.config.targets.once.listen });
    await states.running(w, s);
    await kill(w);
    await s.event('terminated', { timeout: 30_000 });
    assert.match(s.shown, /afterCrash/);
    assert.equal(s.outputs.stdout.match(/looping/g).length, 1);
    await s.finish();
  });

  w.test('a Delve that is killed again and again without a stop: so many attempts, then the end', async () => {
    const s = await w.session({ port: w.config.targets.few.listen });
    await states.running(w, s);
    let killed = 0;
    await until('the end', () => {
      const runs = (s.outputs.stdout.match(/looping/g) ?? []).length;
      const dlv = w.processes().find((pid) => /(^|\/)dlv$/.test(proc.cmdline(pid)[0] ?? '') && runs > killed);
      if (dlv) {
        process.kill(dlv, 'SIGKILL');
        killed++;
      }
      assert.ok(killed < 10, 'not bounded');
      return s.events('terminated').length > 0;
    }, { timeout: 60_000, explain: () => s.text() });
    assert.equal(killed, 3);
    assert.match(s.shown, /stopped restarting Delve after/);
    await s.finish();
  });

  w.test('an attached process outlives its Delve: attached again when no breakpoint was set in it', async () => {
    const binary = await build('tool', w.at('tmp/attached'));
    const child = w.spawn(binary, ['loop'], { name: 'program' });
    await child.wait(/looping/, { stream: 'stdout' });
    const s = await w.session();
    await s.attach({ mode: 'local', processId: child.pid });
    const dlv = await kill(w);
    await until('another dlv', async () => (await w.dlv()) !== dlv, { timeout: 30_000 });
    await s.output('important', /attaching to it again/);
    const [bp] = await s.breakpoints(MAIN, [line(MAIN, 'TICK')]);
    assert.equal(bp.verified, true);
    await s.stop({ reason: 'breakpoint' });
    await s.finish();
    assert.equal(child.running, true);
    child.kill('SIGKILL');
  });

  w.test('an attached process with breakpoints in it: told, and not attached to again', async () => {
    const binary = await build('tool', w.at('tmp/attached'));
    const child = w.spawn(binary, ['loop'], { name: 'program' });
    await child.wait(/looping/, { stream: 'stdout' });
    const s = await w.session();
    await s.attach({ mode: 'local', processId: child.pid }, () => s.breakpoints(path.join(TOOL, 'main.go'), [line(MAIN, 'SWITCH')]));
    await kill(w);
    await s.event('terminated', { timeout: 30_000 });
    assert.match(s.shown, /breakpoints in it/);
    await s.finish();
    child.kill('SIGKILL');
  });

  w.test('killed before configurationDone: the breakpoints are there when it comes', async () => {
    const s = await w.session();
    await s.initialize();
    const launching = s.ask('launch', { name: 'test', type: 'go', request: 'launch', mode: 'debug', program: TOOL, args: ['loop'] }, { timeout: 120_000 });
    await s.event('initialized', { timeout: 120_000 });
    await s.breakpoints(MAIN, [line(MAIN, 'SWITCH')]);
    const dlv = await kill(w);
    await until('another dlv', async () => (await w.dlv()) !== dlv, { timeout: 60_000 });
    const set = await s.send('setFunctionBreakpoints', { breakpoints: [{ name: 'main.tick' }] }, { timeout: 60_000 });
    assert.equal(set.body.breakpoints[0].verified, !w.isEarly);
    await s.send('configurationDone');
    assert.equal((await launching).success, true);
    await s.stop({ reason: 'breakpoint' });
    assert.equal((await s.top()).line, line(MAIN, 'SWITCH'));
    await s.finish({ terminateDebuggee: true });
  });

  w.test(`${TIMES} SIGKILLs at random moments: the breakpoint is hit each time, nothing is left, nothing grows`, async () => {
    const s = await w.session();
    await stoppedAtTick(s);
    const descriptors = () => fs.readdirSync(`/proc/${w.daemon.pid}/fd`).length;
    const before = descriptors();
    let seed = 1, memory;
    for (let i = 0; i < TIMES; i++) {
      if (i === 3) memory = proc.residentBytes(w.daemon.pid);
      seed = (seed * 1103515245 + 12345) % 2147483648;
      const moment = seed % 4;
      const from = s.messages.length;
      const asked = [];
      if (moment === 1) asked.push(s.ask('continue', { threadId: 1 }, { timeout: 60_000 }));
      if (moment === 2) asked.push(s.ask('stackTrace', { threadId: 1, startFrame: 0, levels: 20 }, { timeout: 60_000 }));
      if (moment === 3) asked.push(s.ask('next', { threadId: 1 }, { timeout: 60_000 }), s.ask('evaluate', { expression: 'ticks' }, { timeout: 60_000 }));
      const dlv = await kill(w);
      await Promise.all(asked);
      await until('a stop with another Delve', async () => {
        const found = s.messages.slice(from).findLast((m) => m.event === 'stopped');
        return found && !proc.alive(dlv) && (await s.ask('stackTrace', { threadId: 1 }, { timeout: 60_000 })).success;
      }, { timeout: 60_000, explain: () => s.text() });
    }
    await until('descriptors to be as before', () => descriptors() <= before + 2);
    assert.ok(proc.residentBytes(w.daemon.pid) - memory < GROWTH, `${memory} bytes, then ${proc.residentBytes(w.daemon.pid)}`);
    assert.equal(w.runDirectories().length, 1);
    await s.finish({ terminateDebuggee: true });
  });
});
