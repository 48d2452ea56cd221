// A service that ends otherwise than it should: the manager starts it again, and the sessions of before leave nothing.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { Child, build, line, proc, program, states, until } from '../../e2e/harness.mjs';
import { systemctl } from './manager.mjs';
import { SERVICE, SOCKET, atLoop, pass } from './service.mjs';

const TOOL = path.join(program('tool'), 'main.go');
const TICK = line(TOOL, 'TICK');
const SCOPE = '/proc/sys/kernel/yama/ptrace_scope';
const scope = fs.existsSync(SCOPE) ? Number(fs.readFileSync(SCOPE, 'utf8')) : 0;
const canAttach = scope <= (process.getuid() === 0 ? 2 : 0);

/** A program of its own that a session is attached to, at a breakpoint in it. */
async function attached(w, t) {
  const binary = await build('tool', w.at('tmp/looper'));
  const child = new Child(binary, ['loop'], { name: 'looper', cwd: '/' });
  w.spared.add(child.pid);
  t.after(() => child.kill('SIGKILL'));
  await child.wait(/looping/, { stream: 'stdout' });
  const s = await w.session();
  await s.attach({ mode: 'local', processId: child.pid }, () => s.breakpoints(TOOL, [TICK]));
  await s.stop({ reason: 'breakpoint' });
  return { child, session: s };
}

/** The program runs over the line that had the breakpoint, again and again. */
async function runsOn({ pid, running }) {
  const switches = () => fs.readdirSync(`/proc/${pid}/task`)
    .reduce((sum, tid) => sum + Number(proc.status(`${pid}/task/${tid}`, 'voluntary_ctxt_switches') || 0), 0);
  assert.ok(running);
  await until(`process ${pid} not to be traced`, () => proc.status(pid, 'TracerPid') === '0');
  const before = switches();
  await until(`process ${pid} to go on`, () => proc.alive(pid) && switches() > before + 20);
}

/** Sessions in every state that a crash may meet. */
async function live(w, t) {
  const halted = await atLoop(w);
  const running = await w.session();
  await states.running(w, running);
  const other = canAttach ? await attached(w, t) : null;
  const sessions = [halted, running, ...(other ? [other.session] : [])];
  for (const s of sessions) s.gone = true; // nobody is left who could answer
  assert.equal(w.runDirectories().length, sessions.length);
  return { sessions, child: other?.child };
}

/** All that the sessions of before had is gone, and a new one works. */
async function afterwards(w, { sessions, child }) {
  for (const s of sessions) await s.closed;
  await w.nothingLeft();
  if (child) await runsOn(child);
  const s = await atLoop(w);
  await s.step('next');
  await s.finish({ terminateDebuggee: true });
}

export function crash(w) {
  w.test('SIGKILL with live local sessions: restarted, their supervisors end them, what was attached to lives on', { short: true }, async (t) => {
    await systemctl(['start', SERVICE]);
    const before = await live(w, t);
    w.daemon.kill('SIGKILL');
    await w.reach({ ActiveState: 'active', SubState: 'running', NRestarts: '1', StatusText: /main/ });
    await afterwards(w, before);
  });

  w.test('SIGSEGV, of the program as installed: restarted, nothing is left', async (t) => {
    await w.setUnit({ start: process.env.RELEASE });
    await systemctl(['start', SERVICE]);
    const before = await live(w, t);
    w.daemon.kill('SIGSEGV');
    await w.reach({ ActiveState: 'active', SubState: 'running', NRestarts: '1' });
    await afterwards(w, before);
  });

  w.test('a loop stopped by SIGSTOP is ended by the watchdog and started again', async (t) => {
    await w.setUnit({ lines: ['WatchdogSec=2s'] });
    await systemctl(['start', SERVICE]);
    const before = await live(w, t);
    w.daemon.kill('SIGSTOP');
    await w.reach({ ActiveState: 'active', SubState: 'running', NRestarts: '1', StatusText: /main/ });
    assert.match(await w.journal('-o', 'cat'), /[Ww]atchdog timeout/);
    await afterwards(w, before);
  });

  w.test('a busy loop with live sessions is not taken for a stuck one', async () => {
    await w.setUnit({ lines: ['WatchdogSec=1s'] });
    await systemctl(['start', SERVICE]);
    const s = await w.session();
    await s.launch({ program: program('tool'), args: ['flood', '2000000'] });
    await s.event('terminated', { timeout: 60_000 });
    await s.send('disconnect');
    s.close();
    const idle = await atLoop(w);
    await pass(1500);
    await idle.finish({ terminateDebuggee: true });
    assert.deepEqual(await w.show('ActiveState', 'NRestarts'), { ActiveState: 'active', NRestarts: '0' });
  });

  w.test('SIGKILL of the daemon that its socket has started: the next F5 is answered, whether it comes before the restart or after', async () => {
    await systemctl(['start', SOCKET]);
    const gone = await atLoop(w);
    gone.gone = true;
    w.daemon.kill('SIGKILL');
    const s = await atLoop(w);
    await s.finish({ terminateDebuggee: true });
    await w.nothingLeft();
    await gone.closed;
  });

  w.test('a restart by the user ends live sessions in order, and the service is there again', async () => {
    await systemctl(['start', SERVICE]);
    const s = await atLoop(w);
    await systemctl(['restart', SERVICE]);
    await s.event('terminated');
    await s.closed;
    assert.deepEqual(w.runDirectories(), []);
    await w.nothingLeft(); // the new one looks for what dead sessions have left
    const again = await atLoop(w);
    await again.finish({ terminateDebuggee: true });
    assert.deepEqual(await w.show('ActiveState', 'NRestarts'), { ActiveState: 'active', NRestarts: '0' });
  });
}
