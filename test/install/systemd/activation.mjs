// delvegate.socket: the first F5 starts the daemon.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { freePort, proc, program } from '../../e2e/harness.mjs';
import { dropIn, show, systemctl } from './manager.mjs';
import { SERVICE, SOCKET, atLoop, pass, port } from './service.mjs';

const TOOL = program('tool');
const IDLE_MS = 1000;
const MANAGERS = ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID', 'LISTEN_FDS', 'LISTEN_PID', 'LISTEN_FDNAMES'];

/** Sockets that listen among a process's descriptors, by their inodes. */
function listening(pid) {
  const inodes = new Set();
  for (const table of ['tcp', 'tcp6']) {
    for (const row of fs.readFileSync(`/proc/self/net/${table}`, 'utf8').split('\n').slice(1)) {
      const fields = row.trim().split(/\s+/);
      if (fields[3] === '0A') inodes.add(`socket:[${fields[9]}]`);
    }
  }
  try {
    const targets = fs.readdirSync(`/proc/${pid}/fd`).map((fd) => fs.readlinkSync(`/proc/${pid}/fd/${fd}`));
    return new Set(targets.filter((target) => inodes.has(target)));
  } catch (error) {
    if (error.code === 'ENOENT') return new Set(); // it has ended, or closed the descriptor: nothing that it holds
    throw error;
  }
}

export function activation(w) {
  w.test('a session from connect to breakpoint starts the daemon; nothing of the manager is inherited', { short: true }, async () => {
    await w.setUnit({ lines: ['WatchdogSec=20s'] });
    await systemctl(['start', SOCKET]);
    assert.equal((await w.show('ActiveState')).ActiveState, 'inactive');
    const s = await atLoop(w);
    assert.equal((await w.show('ActiveState')).ActiveState, 'active');
    assert.equal((await w.show('StatusText')).StatusText.includes('main'), true);
    const daemon = proc.environ(w.daemon.pid);
    assert.ok(daemon.LISTEN_FDS === '1' && daemon.NOTIFY_SOCKET && daemon.WATCHDOG_USEC, 'the manager gave nothing');
    const dlv = await w.dlv();
    for (const pid of w.processes()) {
      const env = proc.environ(pid);
      assert.deepEqual(MANAGERS.filter((name) => env[name] !== undefined), [], proc.describe([pid]));
      assert.equal(listening(pid).size, pid === dlv ? 1 : 0, `${proc.describe([pid])} has a listening socket that is not its own`);
    }
    await s.step('next');
    await s.finish({ terminateDebuggee: true });
    const again = await atLoop(w);
    await again.finish({ terminateDebuggee: true });
  });

  w.test('enable --now is all that is needed; a stop of the service alone is followed by a start at the next F5', async () => {
    await systemctl(['enable', '--now', SOCKET]);
    const s = await atLoop(w);
    await s.finish({ terminateDebuggee: true });
    await systemctl(['stop', SERVICE]);
    assert.equal((await show(SOCKET, 'ActiveState')).ActiveState, 'active');
    const again = await atLoop(w);
    await again.finish({ terminateDebuggee: true });
    await systemctl(['disable', '--now', SOCKET]);
  });

  w.test('the socket while the service runs already on the same port is refused by the manager, and harms nobody', async () => {
    await systemctl(['start', SERVICE]);
    await systemctl(['start', SOCKET], { code: 1 });
    const s = await atLoop(w);
    await s.finish({ terminateDebuggee: true });
  });

  w.test("a second target's port by a drop-in of the socket unit", async () => {
    const second = await freePort();
    w.writeConfig({ ...w.config, targets: { ...w.config.targets, second: { ...w.config.targets.main, listen: second } } });
    await dropIn(SOCKET, 'second', `[Socket]\nListenStream=127.0.0.1:${second}\n`);
    await systemctl(['start', SOCKET]);
    const s = await atLoop(w, { port: second });
    await s.finish({ terminateDebuggee: true });
    assert.match(await w.journal('-o', 'cat'), /target second/);
    assert.equal(listening(w.daemon.pid).size, 2);
    const first = await atLoop(w);
    await first.finish({ terminateDebuggee: true });
  });

  w.test('a port that only the configuration has is bound by the daemon, beside the one of the socket unit', async () => {
    const second = await freePort();
    w.writeConfig({ ...w.config, targets: { ...w.config.targets, second: { ...w.config.targets.main, listen: second } } });
    await systemctl(['start', SOCKET]);
    const first = await atLoop(w);
    await first.finish({ terminateDebuggee: true });
    const s = await atLoop(w, { port: second });
    await s.finish({ terminateDebuggee: true });
  });

  w.test('a descriptor that fits no target is refused, in a line that says how to add a port', async () => {
    const stray = await freePort();
    await dropIn(SOCKET, 'stray', `[Socket]\nListenStream=127.0.0.1:${stray}\n`);
    await systemctl(['start', SOCKET]);
    const s = await atLoop(w);
    await s.finish({ terminateDebuggee: true });
    const refusal = (await w.entries()).map((e) => e.MESSAGE).find((text) => port(stray).test(text) && !/listening on/i.test(text));
    assert.ok(refusal, 'no line names the port');
    assert.match(refusal, /ListenStream/);
    assert.match(refusal, /delvegate\.socket/);
    // A target that is given this port later has the socket: its unit holds the port.
    const more = { ...w.config, targets: { ...w.config.targets, late: { ...w.config.targets.main, listen: stray } } };
    for (const round of [1, 2]) {
      w.writeConfig(more);
      await systemctl(['reload', SERVICE]);
      await w.reach({ ActiveState: 'active', StatusText: /late/ });
      const late = await atLoop(w, { port: stray });
      await late.finish({ terminateDebuggee: true });
      w.writeConfig(w.config);
      await systemctl(['reload', SERVICE]);
      await w.reach({ ActiveState: 'active', StatusText: /^(?!.*late)/ });
      assert.equal((await w.journal('-o', 'cat', '-p', 'err')).includes('taken'), false, `round ${round}`);
    }
  });

  w.test('idleExit ends the idle daemon, not one with a session, and the next F5 starts it again', async () => {
    w.writeConfig({ ...w.config, idleExit: `${IDLE_MS / 1000}s` });
    await systemctl(['start', SOCKET]);
    const s = await atLoop(w);
    const first = await w.show('InvocationID');
    await pass(IDLE_MS * 1.5);
    assert.deepEqual(await w.show('InvocationID'), first);
    await s.step('next');
    await s.finish({ terminateDebuggee: true });
    await w.reach({ ActiveState: 'inactive', Result: 'success', ExecMainStatus: '0' });
    assert.equal((await show(SOCKET, 'ActiveState')).ActiveState, 'active');
    const again = await atLoop(w);
    assert.notDeepEqual(await w.show('InvocationID'), first);
    await again.finish({ terminateDebuggee: true });
  });

  w.test('idleExit does not end a daemon that no socket would start again', async () => {
    w.writeConfig({ ...w.config, idleExit: `${IDLE_MS / 1000}s` });
    await systemctl(['start', SERVICE]);
    const s = await w.session();
    await s.initialize();
    await s.send('disconnect');
    s.close();
    await w.reach({ StatusText: /sessions: 0\b/ });
    await pass(IDLE_MS * 1.5);
    assert.equal((await w.show('ActiveState')).ActiveState, 'active');
  });

  w.test('environment of the program: nothing of the manager', async () => {
    await w.setUnit({ lines: ['WatchdogSec=20s'] });
    await systemctl(['start', SOCKET]);
    const s = await w.session();
    await s.launch({ program: TOOL, args: ['report'] });
    await s.event('terminated', { timeout: 30_000 });
    const { env } = JSON.parse(s.outputs.stdout);
    assert.deepEqual(env.filter((entry) => MANAGERS.includes(entry.split('=')[0])), []);
    await s.send('disconnect');
    s.close();
  });
}
