// Restart: the client's connection and its breakpoints stay, the program is built and started anew.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { BlockedBuild, LAUNCH_MS, build, line, proc, program, suite, until } from './harness.mjs';

const TOOL = program('tool');
const MAIN = path.join(TOOL, 'main.go');
const TIMES = process.env.CHECK_ALL === '1' ? 100 : 10;
const GROWTH = 8 * 1024 * 1024; // bytes: far less than what a leak of each round's buffers would add up to

/** A module of the test's own, to be changed while it is debugged. */
function copyOf(w, name, text) {
  const dir = w.at(`src/${name}`);
  fs.mkdirSync(dir, { recursive: true });
  fs.writeFileSync(path.join(dir, 'go.mod'), `module example.com/${name}\n\ngo 1.19\n`);
  fs.writeFileSync(path.join(dir, 'main.go'), text);
  return { dir, main: path.join(dir, 'main.go') };
}

const version = (n, more = '') => `package main

import "fmt"

func main() {
	v := ${n}
	fmt.Println("version", v) // STOP
	select {}
}
${more}`;

const DEAF = 'a restart that fails is answered with success to VS Code';

suite('restart', { clients: ['vscode'], beside: true, daemonEnv: { ASAN_OPTIONS: 'detect_leaks=1:quarantine_size_mb=1' } }, (w) => {
  const config = (args) => ({ type: 'go', request: 'launch', mode: 'debug', name: 'test', ...args });

  w.test('the restart of a stopped program: rebuilt, args and env of the request, breakpoints kept', async () => {
    const { dir, main } = copyOf(w, 'rebuilt', version(1));
    const s = await w.session();
    const response = await s.initialize();
    assert.equal(response.body.supportsRestartRequest, true);
    const launching = s.ask('launch', config({ program: dir }), { timeout: 120_000 });
    await s.event('initialized', { timeout: 120_000 });
    const [bp] = await s.breakpoints(main, [line(main, 'STOP')]);
    assert.equal(bp.verified, !w.isEarly);
    await s.send('configurationDone');
    assert.equal((await launching).success, true);
    await s.stop({ reason: 'breakpoint' });
    assert.equal((await s.locals()).v.value, '1');
    const frame = await s.top();
    const first = await w.debuggee();

    fs.writeFileSync(main, version(2));
    let from = s.messages.length;
    await s.send('restart', { arguments: config({ program: dir }) }, { timeout: 120_000 });
    const again = await s.stop({ from, reason: 'breakpoint' });
    assert.equal(s.messages.slice(from).filter((m) => m.event === 'continued').length, 1, s.text());
    assert.deepEqual(again.body.hitBreakpointIds ?? [bp.id], [bp.id]);
    assert.equal((await s.locals()).v.value, '2');
    assert.notEqual(await w.debuggee(), first);
    // A frame of the program before: an error of its own, not another value.
    const stale = await s.refused('scopes', { frameId: frame.id });
    assert.doesNotMatch(stale.text, /unknown frame/i);
    assert.equal(s.events('terminated').length, 0);
    assert.equal(w.processes().filter((pid) => fs.readlinkSync(`/proc/${pid}/exe`).includes('__debug_bin')).length, 1);

    from = s.messages.length;
    await s.send('restart', undefined, { timeout: 120_000 });
    await s.stop({ from, reason: 'breakpoint' });
    await s.finish({ terminateDebuggee: true });
  });

  w.test('changed args and env', async () => {
    const s = await w.session();
    await s.launch({ program: TOOL, args: ['report'], env: { DG: '1' }, stopOnEntry: true });
    await s.stop();
    const from = s.messages.length;
    await s.send('restart', { arguments: config({ program: TOOL, args: ['report', 'more'], env: { DG: '2' } }) }, { timeout: 120_000 });
    await s.event('terminated', { from, timeout: 30_000 });
    const report = JSON.parse(s.outputs.stdout.trim());
    assert.deepEqual(report.args, ['report', 'more']);
    assert.ok(report.env.includes('DG=2'));
    await s.finish();
  });

  w.test('a compile error leaves the session alive: breakpoints are answered, the restart after the fix works', { notEarly: DEAF }, async () => {
    const { dir, main } = copyOf(w, 'fixed', version(1));
    const s = await w.session();
    await s.launch({ program: dir }, () => s.breakpoints(main, [line(main, 'STOP')]));
    await s.stop({ reason: 'breakpoint' });
    fs.writeFileSync(main, version(1, '\nfunc broken() { undefinedName() }\n'));
    let from = s.messages.length;
    const failed = await s.refused('restart', { arguments: config({ program: dir }) }, { timeout: 120_000 });
    assert.match(failed.text, /undefined: undefinedName/);
    assert.match(failed.text, /main\.go:\d+/);
    assert.equal(s.events('terminated').length, 0);
    await s.event('breakpoint', { from, where: (b) => b.reason === 'changed' && b.breakpoint.verified === false });
    const alone = await s.breakpoints(main, [line(main, 'STOP'), line(main, 'STOP') - 1]);
    assert.deepEqual(alone.map((b) => b.verified), [false, false]);
    assert.equal((await s.ask('threads')).success, true);
    await s.refused('continue', { threadId: 1 });
    assert.deepEqual(w.processes().filter((pid) => fs.readlinkSync(`/proc/${pid}/exe`).includes('__debug_bin')), []);
    const again = await s.refused('restart', undefined, { timeout: 120_000 });
    assert.match(again.text, /undefinedName/);

    fs.writeFileSync(main, version(3));
    from = s.messages.length;
    await s.send('restart', { arguments: config({ program: dir }) }, { timeout: 120_000 });
    const stopped = await s.stop({ from, reason: 'breakpoint' });
    await s.event('breakpoint', { from, where: (b) => b.breakpoint.verified === true && b.breakpoint.id === alone[0].id });
    if (stopped.body.hitBreakpointIds) assert.deepEqual(stopped.body.hitBreakpointIds, [alone[1].id]);
    await s.step('continue');
    assert.equal((await s.locals()).v.value, '3');
    await s.finish({ terminateDebuggee: true });
  });

  w.test('while the program runs; its output goes on in order; output of the old one is not lost', async () => {
    const s = await w.session();
    await s.launch({ program: TOOL, args: ['loop'] });
    await s.output('stdout', /looping \d+\n/);
    const first = s.outputs.stdout.match(/looping (\d+)/)[1];
    await s.send('restart', { arguments: config({ program: TOOL, args: ['loop'] }) }, { timeout: 120_000 });
    await s.output('stdout', /looping \d+\n(.*\n)*looping \d+\n/);
    assert.doesNotMatch(s.outputs.stdout.slice(-20), new RegExp(`looping ${first}\n`));
    assert.equal(fs.existsSync(`/proc/${first}`), false);
    await s.finish({ terminateDebuggee: true });
  });

  w.test('mode test', async () => {
    const tests = program('tests');
    const file = fs.readdirSync(tests).find((f) => f.endsWith('_test.go'));
    const at = fs.readFileSync(path.join(tests, file), 'utf8').split('\n').findIndex((l) => /^func Test/.test(l)) + 2;
    const s = await w.session();
    await s.launch({ mode: 'test', program: tests }, () => s.breakpoints(path.join(tests, file), [at]));
    await s.stop({ reason: 'breakpoint' });
    const from = s.messages.length;
    await s.send('restart', { arguments: config({ mode: 'test', program: tests }) }, { timeout: 120_000 });
    await s.stop({ from, reason: 'breakpoint' });
    await s.finish({ terminateDebuggee: true });
  });

  w.test('mode exec', async () => {
    const binary = await build('tool', w.at('tmp/tool'));
    const s = await w.session();
    await s.launch({ mode: 'exec', program: binary, args: ['loop'] }, () => s.breakpoints(MAIN, [line(MAIN, 'SWITCH')]));
    await s.stop({ reason: 'breakpoint' });
    const from = s.messages.length;
    await s.send('restart', { arguments: config({ mode: 'exec', program: binary, args: ['loop'] }) }, { timeout: 120_000 });
    await s.stop({ from, reason: 'breakpoint' });
    await s.finish({ terminateDebuggee: true });
  });

  w.test('an attached process: detached from and attached to again, breakpoints kept', async () => {
    const binary = await build('tool', w.at('tmp/attached'));
    const child = w.spawn(binary, ['loop'], { name: 'program' });
    await child.wait(/looping/, { stream: 'stdout' });
    const s = await w.session();
    await s.attach({ mode: 'local', processId: child.pid }, () => s.breakpoints(MAIN, [line(MAIN, 'TICK')]));
    await s.stop({ reason: 'breakpoint' });
    for (let i = 0; i < 2; i++) {
      const from = s.messages.length;
      await s.send('restart', { arguments: { type: 'go', request: 'attach', mode: 'local', processId: child.pid } }, { timeout: LAUNCH_MS });
      await s.stop({ from, reason: 'breakpoint' });
    }
    await s.finish();
    assert.equal(child.running, true);
    child.kill('SIGKILL');
  });

  w.test('a Delve that the user started: attached to again, its program goes on', async () => {
    const dlv = w.spawn('dlv', ['debug', '--headless', '--accept-multiclient', '--api-version=2', '--listen=127.0.0.1:0', '--output', w.at('tmp/remote'), '--', 'loop'], { name: 'dlv', cwd: TOOL });
    const [, port] = await dlv.wait(/API server listening at: .*:(\d+)/, { stream: 'stdout', timeout: LAUNCH_MS });
    const s = await w.session();
    await s.attach({ mode: 'remote', port: Number(port) }, () => s.breakpoints(MAIN, [line(MAIN, 'TICK')]));
    await s.stop({ reason: 'breakpoint' });
    const frame = await s.top();
    const from = s.messages.length;
    await s.send('restart', undefined, { timeout: LAUNCH_MS });
    await s.refused('scopes', { frameId: frame.id });
    await s.stop({ from, reason: 'breakpoint' });
    assert.equal((await s.top()).line, line(MAIN, 'TICK'));
    await s.finish({ terminateDebuggee: true });
  });

  w.test('a restart while the last one still builds, and a request beside it', { notEarly: DEAF }, async () => {
    const s = await w.session();
    await s.launch({ program: TOOL, args: ['loop'] }, () => s.breakpoints(MAIN, [line(MAIN, 'SWITCH')]));
    await s.stop({ reason: 'breakpoint' });
    const from = s.messages.length;
    const first = s.ask('restart', undefined, { timeout: 120_000 });
    const beside = s.ask('setBreakpoints', { source: { path: MAIN }, breakpoints: [{ line: line(MAIN, 'SWITCH') }] }, { timeout: 120_000 });
    const evaluated = s.ask('evaluate', { expression: '1', context: 'repl' });
    const second = s.ask('restart', undefined, { timeout: 120_000 });
    assert.equal((await first).success, false);
    assert.equal((await second).success, true);
    assert.equal((await beside).success, true);
    assert.equal((await evaluated).success, false);
    await s.stop({ from, reason: 'breakpoint' });
    await s.finish({ terminateDebuggee: true });
  });

  // VS Code drops its side of the adapter when `restart` is refused, and hears nothing afterwards.
  w.test('VS Code: a compile error is answered with success and shown; threads are taken back; the restart after the fix works', async () => {
    const { dir, main } = copyOf(w, 'deaf', version(1));
    const s = await w.session();
    s.client = { clientID: 'vscode' };
    await s.launch({ program: dir }, () => s.breakpoints(main, [line(main, 'STOP')]));
    const { body: { threadId } } = await s.stop({ reason: 'breakpoint' });
    const { body: { threads } } = await s.send('threads');
    assert.ok(threads.length > 1 && threads.some((thread) => thread.id === threadId), JSON.stringify(threads));
    fs.writeFileSync(main, version(1, '\nfunc broken() { undefinedName() }\n'));
    let from = s.messages.length;
    await s.send('restart', { arguments: config({ program: dir }) }, { timeout: 120_000 });
    assert.match(s.outputs.important, /main\.go:\d+:.*undefined: undefinedName/);
    await until('each thread to be taken back', () => {
      const gone = s.messages.slice(from).filter((m) => m.event === 'thread' && m.body.reason === 'exited').map((m) => m.body.threadId);
      return gone.length >= threads.length && assert.deepEqual(gone.sort(), threads.map((thread) => thread.id).sort()) === undefined;
    });
    await s.send('restart', undefined, { timeout: 120_000 });
    assert.equal(s.events('terminated').length, 0);

    fs.writeFileSync(main, version(3));
    from = s.messages.length;
    await s.send('restart', { arguments: config({ program: dir }) }, { timeout: 120_000 });
    await s.stop({ from, reason: 'breakpoint' });
    assert.equal((await s.locals()).v.value, '3');
    await s.finish({ terminateDebuggee: true });
  });

  w.test('VS Code: each of two restarts at once, and one that cannot be done, is answered with success', async () => {
    const s = await w.session();
    s.client = { clientID: 'vscode' };
    await s.launch({ program: TOOL, args: ['loop'] }, () => s.breakpoints(MAIN, [line(MAIN, 'SWITCH')]));
    await s.stop({ reason: 'breakpoint' });
    const from = s.messages.length;
    const both = [1, 2].map(() => s.send('restart', undefined, { timeout: 120_000 }));
    await Promise.all(both);
    await s.stop({ from, reason: 'breakpoint' });
    await s.send('restart', { arguments: config({ program: 7 }) });
    assert.match(s.outputs.important, /program/);
    assert.equal((await s.top()).line, line(MAIN, 'SWITCH'));
    await s.finish({ terminateDebuggee: true });
  });

  w.test('VS Code: Stop while a restart builds answers the restart first, with success', async () => {
    const block = new BlockedBuild(w.at('tmp'));
    const s = await w.session();
    s.client = { clientID: 'vscode' };
    await s.launch({ program: TOOL, args: ['loop'] }, () => s.breakpoints(MAIN, [line(MAIN, 'SWITCH')]));
    await s.stop({ reason: 'breakpoint' });
    const restarted = s.ask('restart', { arguments: config({ program: TOOL, buildFlags: block.buildFlags }) }, { timeout: 120_000 });
    await block.waiting(w, { timeout: 120_000 });
    const stopped = s.send('disconnect', { restart: false, terminateDebuggee: true });
    assert.equal((await restarted).success, true);
    await stopped;
    s.close();
    block.close();
  });

  for (const mode of ['grandchild', 'chatter']) {
    w.test(`just when the program has ended, while another process has its streams (${mode}): it runs again`, async () => {
      const s = await w.session();
      await s.launch({ program: TOOL, args: [mode, '600'] });
      await s.output('stdout', /child \d+\n/);
      const first = s.outputs.stdout.length;
      await s.send('restart', undefined, { timeout: 120_000 });
      await until('the program to have run again', () => /child \d+\n/.test(s.outputs.stdout.slice(first)), { timeout: 120_000, explain: () => s.text() });
      await s.event('terminated', { timeout: 60_000 });
      await s.finish();
    });
  }

  w.test('what cannot be restarted says so and changes nothing', { notEarly: DEAF }, async () => {
    const s = await w.session();
    await s.launch({ program: TOOL, args: ['loop'] }, () => s.breakpoints(MAIN, [line(MAIN, 'SWITCH')]));
    await s.stop({ reason: 'breakpoint' });
    assert.match((await s.refused('restart', { arguments: { request: 'attach', mode: 'local', processId: 1 } })).text, /restart/);
    assert.match((await s.refused('restart', { arguments: config({ program: 7 }) })).text, /program/);
    assert.equal((await s.top()).line, line(MAIN, 'SWITCH'));
    await s.finish({ terminateDebuggee: true });
  });

  w.test(`${TIMES} restarts in one session: the breakpoint is hit each time, nothing grows`, async () => {
    const s = await w.session();
    await s.launch({ program: TOOL, args: ['loop'] }, () => s.breakpoints(MAIN, [line(MAIN, 'SWITCH')]));
    await s.stop({ reason: 'breakpoint' });
    const descriptors = () => fs.readdirSync(`/proc/${w.daemon.pid}/fd`).length;
    const before = descriptors();
    let memory;
    for (let i = 0; i < TIMES; i++) {
      if (i === 3) memory = proc.residentBytes(w.daemon.pid);
      const from = s.messages.length;
      await s.send('restart', undefined, { timeout: 120_000 });
      await s.stop({ from, reason: 'breakpoint' });
      assert.equal((await s.locals()) !== undefined, true);
    }
    await until('descriptors to be as before', () => descriptors() <= before + 2);
    assert.ok(proc.residentBytes(w.daemon.pid) - memory < GROWTH, `${memory} bytes, then ${proc.residentBytes(w.daemon.pid)}`);
    assert.equal(w.runDirectories().length, 1);
    await s.finish({ terminateDebuggee: true });
  });
});
