// Attaching to a process by its id, and to a Delve that somebody else started.
import assert from 'node:assert/strict';
import path from 'node:path';
import { LAUNCH_MS, build, line, proc, program, suite, until } from './harness.mjs';
import { byPid, goesOn, looping } from './lib/looper.mjs';

const MAIN = path.join(program('tool'), 'main.go');
const TICK = line(MAIN, 'TICK');

/** A headless Delve as a user starts one. */
async function delve(w, flags = []) {
  const binary = await build('hello', w.at('tmp/hello'));
  const child = w.spawn('dlv', ['exec', binary, '--headless', '--accept-multiclient', '--api-version=2', '--listen=127.0.0.1:0', ...flags], { name: 'dlv' });
  const [, port] = await child.wait(/API server listening at: .*:(\d+)/, { stream: 'stdout' });
  return { child, port: Number(port), binary };
}

suite('attach', {}, (w) => {
  w.test('by process id: breakpoint, variables, and the process lives on without traps', byPid, async () => {
    const child = await looping(w);
    const s = await w.session();
    await s.attach({ mode: 'local', processId: child.pid }, async () => {
      const [bp] = await s.breakpoints(MAIN, [TICK]);
      assert.deepEqual([bp.verified, bp.line], [true, TICK]);
    });
    const stopped = await s.stop({ reason: 'breakpoint' });
    const frame = await s.top(stopped.body.threadId);
    assert.deepEqual([frame.name, frame.line], ['main.tick', TICK]);
    assert.equal(s.events('process').length <= 1, true);
    await s.finish({ terminateDebuggee: false });
    await goesOn(child.pid);
    child.kill('SIGKILL');
    await child.end();
  });

  w.test('by process id: disconnect without arguments leaves the process alive', byPid, async () => {
    const child = await looping(w);
    const s = await w.session();
    await s.attach({ mode: 'local', processId: child.pid }, () => s.breakpoints(MAIN, [TICK]));
    await s.stop({ reason: 'breakpoint' });
    await s.finish();
    await goesOn(child.pid);
    child.kill('SIGKILL');
    await child.end();
  });

  w.test('by process id: the process lives on when it runs at disconnect', byPid, async () => {
    const child = await looping(w);
    const s = await w.session();
    await s.attach({ mode: 'local', processId: child.pid });
    await until('the process to run', () => proc.status(child.pid, 'State').startsWith('S'));
    await s.finish({ terminateDebuggee: false });
    await goesOn(child.pid);
    child.kill('SIGKILL');
    await child.end();
  });

  w.test('by process id: the process lives on when the client vanishes at a stop', byPid, async () => {
    const child = await looping(w);
    const s = await w.session();
    s.gone = true;
    await s.attach({ mode: 'local', processId: child.pid }, () => s.breakpoints(MAIN, [TICK]));
    await s.stop({ reason: 'breakpoint' });
    s.vanish();
    await w.nothingLeft();
    await goesOn(child.pid);
    child.kill('SIGKILL');
    await child.end();
  });

  w.test('by process id: terminateDebuggee true ends the process', byPid, async () => {
    const child = await looping(w);
    const s = await w.session();
    await s.attach({ mode: 'local', processId: child.pid }, () => s.breakpoints(MAIN, [TICK]));
    await s.stop({ reason: 'breakpoint' });
    await s.finish({ terminateDebuggee: true });
    await child.end();
  });

  w.test('a process that does not exist is named', async () => {
    const s = await w.session();
    await s.initialize();
    const error = await s.refused('attach', { mode: 'local', processId: 999999999 }, { timeout: LAUNCH_MS });
    assert.match(error.text, /999999999/);
    await s.send('disconnect');
    s.close();
  });

  w.test('processId as text is taken as a number, nonsense is refused', byPid, async () => {
    const child = await looping(w);
    const s = await w.session();
    await s.attach({ mode: 'local', processId: String(child.pid) });
    await s.finish({ terminateDebuggee: false });
    await goesOn(child.pid);
    child.kill('SIGKILL');
    await child.end();
    const other = await w.session();
    await other.initialize();
    const error = await other.refused('attach', { mode: 'local', processId: 'nonsense' });
    assert.match(error.text, /processId/);
    await other.send('disconnect');
    other.close();
  });

  w.test('mode remote: a Delve that the user started, which lives on after disconnect', async () => {
    const { child, port } = await delve(w);
    const main = path.join(program('hello'), 'main.go');
    const s = await w.session();
    await s.attach({ mode: 'remote', port }, async () => {
      const [bp] = await s.breakpoints(main, [line(main, 'LOOP')]);
      assert.equal(bp.verified, true);
    });
    await s.stop({ reason: 'breakpoint' });
    assert.equal((await s.top()).line, line(main, 'LOOP'));
    await s.finish({ terminateDebuggee: false });
    assert.ok(child.running, 'the Delve of the user was ended');

    const again = await w.session();
    await again.attach({ mode: 'remote', port }, () => again.breakpoints(main, [line(main, 'LOOP')]));
    await again.stop({ reason: 'breakpoint' });
    assert.equal((await again.locals()).i.value, '1');
    await again.finish({ terminateDebuggee: true });
    await child.end();
  });

  w.test('mode remote: the Delve of the user lives on when the client vanishes', async () => {
    const { child, port } = await delve(w);
    const main = path.join(program('hello'), 'main.go');
    const s = await w.session();
    s.gone = true;
    await s.attach({ mode: 'remote', port }, () => s.breakpoints(main, [line(main, 'LOOP')]));
    await s.stop({ reason: 'breakpoint' });
    s.vanish();
    await s.closed;
    const again = await w.session();
    await again.attach({ mode: 'remote', port }, () => again.breakpoints(main, [line(main, 'LOOP')]));
    await again.stop({ reason: 'breakpoint' });
    await again.finish({ terminateDebuggee: true });
    await child.end();
  });

  w.test('mode remote: nobody listens', async () => {
    const s = await w.session();
    await s.initialize();
    const error = await s.refused('attach', { mode: 'remote', port: 1 }, { timeout: LAUNCH_MS });
    assert.match(error.text, /\b1\b/);
    await s.send('disconnect');
    s.close();
  });
});
