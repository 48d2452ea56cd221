// What a service manager gives to delvegate alone is given to nothing that it starts.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import { BlockedBuild, DELVEGATE, LAUNCH_MS, proc, program, suite, within } from './harness.mjs';

const TOOL = program('tool');
const MORE = ['INVOCATION_ID', 'JOURNAL_STREAM', 'MANAGERPID', 'MANAGERPIDFDID', 'SYSTEMD_EXEC_PID', 'RUNTIME_DIRECTORY', 'MEMORY_PRESSURE_WATCH', 'FDSTORE', 'DEBUG_INVOCATION'];
const OURS = new RegExp(`^(NOTIFY_|WATCHDOG_|LISTEN_|(${MORE.join('|')})$)`);

/** A port that the test has bound, handed over as a service manager does: descriptor 3, LISTEN_PID the pid of delvegate. */
async function startHandedOver(w) {
  const server = net.createServer();
  await new Promise((resolve) => server.listen(w.port, '127.0.0.1', resolve));
  const socket = fs.readlinkSync(`/proc/self/fd/${server._handle.fd}`);
  const child = w.spawn('/bin/sh', ['-c', 'LISTEN_PID=$$ exec "$0" "$@"', DELVEGATE, '--config', w.configFile], {
    name: 'delvegate',
    stdio: ['pipe', 'pipe', 'pipe', server._handle.fd],
    env: {
      ...w.daemonEnv, LISTEN_FDS: '1', LISTEN_FDNAMES: 'main', NOTIFY_SOCKET: w.at('notify'), WATCHDOG_USEC: '30000000', WATCHDOG_PID: '',
      ...Object.fromEntries(MORE.map((name) => [name, '1'])),
    },
  });
  server.close();
  w.spared.delete(child.pid); // what it starts is looked at
  w.daemon = child;
  return { child, socket };
}

function assertClean(pid, socket) {
  const what = proc.cmdline(pid).join(' ').slice(0, 100);
  assert.deepEqual(Object.keys(proc.environ(pid)).filter((name) => OURS.test(name)), [], what);
  const open = fs.readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return fs.readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      return ''; // closed meanwhile
    }
  });
  assert.ok(!open.includes(socket), `${what} holds the port's socket`);
}

suite('inherited', { daemon: false }, (w) => {
  w.test('nothing of NOTIFY_SOCKET, WATCHDOG_*, LISTEN_* and what else a manager gives reaches sh, go, dlv, the program or ssh', async (t) => {
    const own = await w.fresh(t, {
      daemon: false,
      sshd: { clientOptions: ['ProxyCommand bash -c \'exec 3<>/dev/tcp/127.0.0.1/%p; cat <&3 & exec cat >&3\''] },
    });
    const { child, socket } = await startHandedOver(own);
    await child.wait(/listening|taken over|target main/);
    assert.ok('LISTEN_FDS' in proc.environ(child.pid), 'delvegate itself was not given them');
    const block = new BlockedBuild(own.at('tmp'));
    const s = await own.session();
    await s.initialize();
    const launched = s.ask('launch', { mode: 'debug', program: TOOL, args: ['loop'], buildFlags: block.buildFlags }, { timeout: LAUNCH_MS });
    await block.waiting(own);
    // sh of the supervisor, dlv, go build, the tool that go runs; with ssh the command that connects.
    const descendants = () => proc.pids().filter((pid) => pid !== child.pid && proc.descends(pid, child.pid));
    const commands = new Set();
    const check = () => {
      for (const pid of new Set([...own.processes(), ...descendants()])) {
        if (!proc.alive(pid)) continue;
        assertClean(pid, socket);
        commands.add((proc.cmdline(pid)[0] ?? '').replace(/.*\//, ''));
      }
    };
    check();
    block.release();
    await s.event('initialized', { timeout: LAUNCH_MS });
    await s.send('configurationDone');
    assert.equal((await launched).success, true);
    await s.output('stdout', /looping/);
    await own.debuggee();
    check();
    for (const name of ['sh', 'go', 'dlv', '__debug_bin', ...(own.sshd ? ['cat'] : [])]) {
      assert.ok(commands.has(name), `no ${name} among ${[...commands]}`);
    }
    block.close();
    await s.finish({ terminateDebuggee: true });
    await within('the end', s.closed);
  });
});
