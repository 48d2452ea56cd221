// allowPeer: connections whose owner can't be seen, or is somebody else. Two network namespaces of the test's own stand
// for a container with a published port and for the machine around it.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { Child, DELVEGATE, TEST_MS, World, frame, have, run, until } from './harness.mjs';

const NOBODY = 65534;
const INSIDE = '10.47.11.2';
const OUTSIDE = '10.47.11.1';
const INITIALIZE = { seq: 1, type: 'request', command: 'initialize', arguments: { adapterID: 'go', pathFormat: 'path', linesStartAt1: true, columnsStartAt1: true } };

// What another user runs: begins a session and says whether it was answered.
const STRANGER = `
  const [host, port, localAddress, bytes] = process.argv.slice(1);
  const s = require('net').createConnection({ host, port: Number(port), ...(localAddress ? { localAddress } : {}) }, () => s.write(bytes));
  s.on('data', () => { console.log('answered'); s.destroy(); });
  s.on('error', () => {});
  s.on('close', () => console.log('closed'));
`;

/** Whether a connection of another user to host:port is answered. */
async function stranger(host, port, { from = '', enter = [] } = {}) {
  const child = await run(enter[0] ?? 'setpriv', [
    ...(enter.length ? [...enter.slice(1), 'setpriv'] : []),
    `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', process.execPath, '-e', STRANGER, host, String(port), from, frame(INITIALIZE).toString(),
  ], { cwd: '/' });
  assert.match(child.stdout, /closed/, JSON.stringify(child));
  return /answered/.test(child.stdout);
}

/** A network namespace that lives until the test ends; returns what enters it. */
async function namespace(t) {
  const holder = new Child('unshare', ['--net', 'sh', '-c', 'ip link set lo up && echo up && read -r end'], { name: 'namespace' });
  t.after(() => holder.kill('SIGKILL'));
  await holder.wait(/up/, { stream: 'stdout' });
  return { pid: holder.pid, enter: ['nsenter', '-t', String(holder.pid), '-n'] };
}

async function ip(space, ...args) {
  const { code, stderr } = await run(space.enter[0], [...space.enter.slice(1), 'ip', ...args]);
  assert.equal(code, 0, `ip ${args.join(' ')}: ${stderr}`);
}

const needsRoot = process.getuid() !== 0 ? 'needs root' : !have('setpriv') && 'no setpriv';
const spaces = needsRoot || (!have('ip') || spawnSync('unshare', ['--net', 'true']).status !== 0 ? 'no network namespaces here' : false);

function peers(name, skip, options, body) {
  test(name, { timeout: TEST_MS, skip }, async (t) => {
    const w = new World({ transport: 'local', daemon: false, ...options });
    t.after(() => w.stop());
    await w.start();
    try {
      await body(w, t);
      w.assertNoSanitizerReport();
    } catch (error) {
      throw new Error(`${error.stack}\n${w.logs()}`);
    }
  });
}

/** Starts delvegate there, with this `listen` and allowPeer. */
async function start(w, space, listen, allowPeer) {
  w.config.targets.main = { ...w.config.targets.main, listen, allowPeer };
  w.writeConfig(w.config);
  w.daemon = new Child(space.enter[0], [...space.enter.slice(1), DELVEGATE, '--config', w.configFile], { name: 'delvegate', env: w.daemonEnv, cwd: w.root });
  await w.daemon.wait(/listening on/);
}

describe('allowPeer', () => {
  peers('lets anyone in from its addresses alone, and says at each start and reload what that means', needsRoot, { target: { allowPeer: ['127.0.0.2'] } }, async (w) => {
    await w.startDaemon();
    const risk = () => w.daemon.stderr.match(new RegExp(`warning main: allowPeer: anyone who can connect from 127\\.0\\.0\\.2 to port ${w.port} can run programs as uid 0 `, 'g')) ?? [];
    assert.equal(risk().length, 1, w.daemon.stderr);
    assert.equal(await stranger('127.0.0.1', w.port, { from: '127.0.0.2' }), true);
    assert.equal(await stranger('127.0.0.1', w.port), false);
    await w.daemon.wait(new RegExp(`refused a connection: it belongs to uid ${NOBODY}, but delvegate runs as uid 0; run both as the same user \\(in a dev container: as remoteUser`));
    w.daemon.kill('SIGHUP');
    await until('the risk to be told again', () => risk().length === 2);
    // Taken out of the file it is taken away at once, though the port stays.
    w.config.targets.main.allowPeer = [];
    w.writeConfig(w.config);
    w.daemon.kill('SIGHUP');
    await until('the second reload', () => w.daemon.stderr.match(/configuration was reloaded/g)?.length === 2);
    assert.equal(await stranger('127.0.0.1', w.port, { from: '127.0.0.2' }), false);
    assert.equal(risk().length, 2, w.daemon.stderr);
  });

  peers('a published port is refused unless its address is named', spaces, {}, async (w, t) => {
    const inside = await namespace(t);
    const outside = await namespace(t);
    await ip(inside, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(outside.pid));
    for (const [space, address] of [[inside, INSIDE], [outside, OUTSIDE]]) {
      await ip(space, 'address', 'add', `${address}/24`, 'dev', 'eth0');
      await ip(space, 'link', 'set', 'eth0', 'up');
    }
    const { port } = w;
    await start(w, inside, `0.0.0.0:${port}`, ['10.47.11.77']);
    assert.equal(await stranger(INSIDE, port, { enter: outside.enter }), false);
    await w.daemon.wait(/refused a connection: its owner is not known, because its other end, 10\.47\.11\.1, is not on this machine; .*allowPeer/);
    // From inside it is the owner that counts, on whatever address.
    assert.equal(await stranger(INSIDE, port, { enter: inside.enter }), false);
    await w.daemon.wait(new RegExp(`it belongs to uid ${NOBODY}`));
    await w.stopDaemon();
    for (const listen of [`0.0.0.0:${port}`, `[::]:${port}`]) {
      await start(w, inside, listen, [OUTSIDE]);
      assert.equal(await stranger(INSIDE, port, { enter: outside.enter }), true, listen);
      await w.daemon.wait(/main: accepted a connection from 10\.47\.11\.1 without a check of its owner: allowPeer/);
      await w.stopDaemon();
    }
  });
});
