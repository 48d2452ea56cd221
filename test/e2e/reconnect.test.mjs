// While the connection to the Go machine is lost: what users do meanwhile, what can't come back, and how it is tried again.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { DELVEGATE, HOST, LAUNCH_MS, line, proc, program, suite, until, within } from './harness.mjs';
import { Printed } from './lib/printed.mjs';

const TOOL = program('tool');
const MAIN = path.join(TOOL, 'main.go');
const ALL = process.env.CHECK_ALL === '1';
const BACK_MS = 60_000;
const AT_ONCE_MS = 5_000; // far less than any wait for the network
const CONNECT_TIMEOUT_S = 4;
const LOST = new RegExp(`connection to .*${HOST}.* is lost`);
const BACK = new RegExp(`connection to .*${HOST}.* is restored`);
const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); }); // a time in which nothing is to happen

const shown = (s, pattern, timeout = 30_000) => until(`${pattern} on ${s.label}`, () => pattern.exec(s.shown), { timeout, explain: () => s.text() });

async function world(w, t, options = {}) {
  return w.fresh(t, { sshd: { relay: true, ...options.sshd }, target: options.target });
}

async function stopped(own) {
  const s = await own.session();
  await s.launch({ program: TOOL, args: ['loop'] }, () => s.breakpoints(MAIN, [line(MAIN, 'TICK')]));
  await s.stop({ reason: 'breakpoint' });
  return s;
}

/** The network goes, and it is known. */
async function cut(own, s) {
  await own.sshd.relay.close();
  await shown(s, LOST);
}

async function comesBack(own, s) {
  await own.sshd.relay.open();
  await shown(s, BACK, BACK_MS);
}

async function endedInWords(own, s, words) {
  await s.event('terminated', { timeout: BACK_MS });
  assert.match(s.shown, words);
  await s.ask('disconnect');
  s.close();
  await within('the end', s.closed);
}

// Root's own, where / is a place that can be mounted at.
const mayMount = process.getuid() === 0 && spawnSync('unshare', ['--mount', 'true']).status === 0;

suite('reconnect', { transports: ['ssh', 'command'], clients: ALL ? ['vscode'] : [], daemon: false, concurrency: 2 }, (w) => {
  w.test('Stop is answered at once, and what runs there is ended when the connection is back', async (t) => {
    const own = await world(w, t, { target: { lease: '10m' } });
    const s = await stopped(own);
    const dlv = await own.dlv();
    await cut(own, s);
    const began = Date.now();
    await s.finish({ terminateDebuggee: true });
    assert.ok(Date.now() - began < AT_ONCE_MS, `${Date.now() - began} ms`);
    assert.ok(proc.alive(dlv));
    await own.sshd.relay.open();
    await own.nothingLeft({ timeout: BACK_MS });
  });

  w.test('Stop is answered at once, and without a connection the lease ends what runs there', async (t) => {
    const own = await world(w, t, { target: { lease: '10s' } });
    const s = await stopped(own);
    await cut(own, s);
    await s.finish({ terminateDebuggee: true });
    await own.nothingLeft({ timeout: BACK_MS });
  });

  w.test('a command that is a plain shell is killed: another one takes over', { skip: w.transport !== 'command' && 'it is one' }, async (t) => {
    const own = await w.fresh(t, {
      target: { command: ['sh'] },
      prepare: (world) => { world.options.daemonEnv = world.remoteEnv; },
    });
    const s = await stopped(own);
    const child = () => own.supervisors().find((pid) => proc.parent(pid) === own.daemon.pid);
    process.kill(child(), 'SIGKILL');
    await shown(s, /the connection to .* is restored/);
    assert.equal([...s.shown.matchAll(/the connection to .* is lost/g)].length, 1, s.shown);
    await s.step('continue');
    await s.finish({ terminateDebuggee: true });
  });

  w.test('requests stay in flight, a Restart too', async (t) => {
    const own = await world(w, t);
    const s = await stopped(own);
    await cut(own, s);
    const value = s.ask('evaluate', { expression: '1+1', context: 'repl' }, { timeout: BACK_MS });
    await pause(3_000);
    assert.equal(s.unanswered.length, 1, s.text());
    await comesBack(own, s);
    assert.equal((await value).body.result, '2');
    s.outputs.console = '';
    await cut(own, s);
    const from = s.messages.length;
    const restarted = s.send('restart', {}, { timeout: LAUNCH_MS });
    await pause(3_000);
    await comesBack(own, s);
    await restarted;
    await s.event('stopped', { from, timeout: LAUNCH_MS });
    await s.step('continue');
    await s.finish({ terminateDebuggee: true });
  });

  w.test('sshd freezes: another connection takes over, for who begins meanwhile too, and the frozen one does no harm', { skip: w.transport !== 'ssh' && 'ssh would not end' }, async (t) => {
    const own = await world(w, t);
    const s = await stopped(own);
    const thaw = own.sshd.freeze();
    t.after(thaw);
    const asked = s.top();
    const next = await own.session();
    await next.launch({ program: TOOL, args: ['quiet'] });
    await next.event('terminated', { timeout: 30_000 });
    await next.finish();
    assert.equal((await asked).name, 'main.tick');
    assert.match(s.shown, LOST);
    assert.match(s.shown, BACK);
    assert.doesNotMatch(s.shown, /Delve on .* has not answered/);
    thaw();
    await s.step('continue');
    await s.finish({ terminateDebuggee: true });
  });

  w.test('F5 waits for ConnectTimeout and then fails in words; the session beside it goes on', { skip: w.transport !== 'ssh' && 'one is enough' }, async (t) => {
    const own = await world(w, t, { sshd: { clientOptions: [`ConnectTimeout ${CONNECT_TIMEOUT_S}`] } });
    const s = await stopped(own);
    await cut(own, s);
    const began = Date.now();
    const next = await own.session();
    await next.initialize();
    const error = await next.refused('launch', { mode: 'debug', program: TOOL, args: ['quiet'] }, { timeout: BACK_MS });
    assert.ok(Date.now() - began >= CONNECT_TIMEOUT_S * 1000, `${Date.now() - began} ms`);
    assert.match(next.shown, LOST);
    assert.ok(error.text.includes(HOST), error.text);
    await next.send('disconnect');
    next.close();
    await comesBack(own, s);
    await s.step('continue');
    await s.finish({ terminateDebuggee: true });
  });

  w.test('F5 waits, and goes on when the connection is back', async (t) => {
    const own = await world(w, t);
    const s = await stopped(own);
    await cut(own, s);
    const next = await own.session();
    const launched = next.launch({ program: TOOL, args: ['quiet'] });
    await shown(next, LOST);
    await own.sshd.relay.open();
    await launched;
    await next.event('terminated', { timeout: 30_000 });
    await next.finish();
    await shown(s, BACK);
    await s.finish({ terminateDebuggee: true });
  });

  w.test('a login that is refused is tried once, then when the user does something', { skip: w.transport !== 'ssh' && 'the words of ssh say it' }, async (t) => {
    const own = await world(w, t);
    const s = await stopped(own);
    const keys = own.at('sshd/authorized_keys');
    const text = fs.readFileSync(keys);
    fs.writeFileSync(keys, '');
    own.sshd.relay.reset();
    await shown(s, /logging in to .* again needs you/);
    const tries = own.sshd.relay.accepted;
    await pause(5_000);
    assert.equal(own.sshd.relay.accepted, tries, own.logs());
    s.ask('stackTrace', { threadId: 1 }, { timeout: BACK_MS }).catch(() => {}); // an editor asks that by itself
    await pause(2_000);
    assert.equal(own.sshd.relay.accepted, tries, own.logs());
    fs.writeFileSync(keys, text);
    await s.step('continue');
    assert.match(s.shown, BACK);
    await s.finish({ terminateDebuggee: true });
  });

  w.test('the supervisor was killed meanwhile: the session ends in words, and its warden has ended all', async (t) => {
    const own = await world(w, t);
    const s = await stopped(own);
    await cut(own, s);
    // The warden sleeps beside it, its parent.
    const serving = own.supervisors().filter((pid) => proc.cmdline(pid)[1] === 'serve');
    const child = serving.find((pid) => serving.includes(proc.parent(pid)));
    process.kill(child, 'SIGKILL');
    await until('all to be gone', () => own.processes().length === 0, { timeout: 30_000, explain: () => proc.describe(own.everything()) });
    await own.sshd.relay.open();
    await endedInWords(own, s, /supervisor on .* is gone/);
    await own.nothingLeft({ timeout: BACK_MS });
    await own.stopDaemon();
    await own.nothingLeft({ timeout: BACK_MS }); // the one that was not looked for, too
  });

  // Not registered instead of skipped, for Node 18's runner: see outage.test.mjs.
  if (mayMount) w.test('the machine was started again: the session ends in words', async (t) => {
    const own = await world(w, t);
    const s = await stopped(own);
    await cut(own, s);
    await own.sshd.halt();
    // Of the Go machine alone: delvegate tries to connect meanwhile, and asks `ssh -G` for that.
    own.kill(own.everything().filter((pid) => !proc.descends(pid, own.daemon.pid)));
    fs.writeFileSync(own.at('boot_id'), '00000000-0000-4000-8000-000000000000\n');
    await own.sshd.listen(['unshare', '--mount', 'sh', '-c', `mount --bind ${own.at('boot_id')} /proc/sys/kernel/random/boot_id && exec "$0" "$@"`]);
    await own.sshd.relay.open();
    await endedInWords(own, s, /supervisor on .* is gone.*the machine was rebooted/);
    await own.stopDaemon();
    await own.nothingLeft({ timeout: BACK_MS });
  });

  w.test('another host key: the session ends in words, at once', { skip: w.transport !== 'ssh' && 'the words of ssh say it' }, async (t) => {
    const own = await world(w, t, { target: { lease: '5s' } });
    const s = await stopped(own);
    await Promise.all([own.sshd.relay.close(), own.sshd.halt()]);
    for (const file of ['host_key', 'host_key.pub']) fs.rmSync(own.at(`sshd/${file}`));
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', own.at('sshd/host_key')]);
    await own.sshd.listen();
    await own.sshd.relay.open();
    await endedInWords(own, s, /host key/i);
    await own.nothingLeft({ timeout: BACK_MS });
  });

  w.test('longer than the lease: the session ends in words, and the Go machine has ended all', async (t) => {
    const own = await world(w, t, { target: { lease: '5s' } });
    const s = await stopped(own);
    await cut(own, s);
    await endedInWords(own, s, /could not be restored within the lease of 5 s/);
    await own.nothingLeft({ timeout: BACK_MS });
  });

  w.test('delvegate exec goes on: its output is whole, and its exit status arrives', async (t) => {
    const own = await world(w, t);
    const script = 'i=0; while [ $i -lt 200 ]; do echo $i; i=$((i + 1)); sleep 0.05; done; exit 7';
    const x = own.spawn(DELVEGATE, ['exec', '--config', own.configFile, 'main', '--', 'sh', '-c', script], { name: 'exec', env: own.daemonEnv });
    await x.wait(/^50$/m, { stream: 'stdout' });
    own.sshd.relay.reset();
    await x.wait(BACK);
    assert.deepEqual(await x.end(60_000), { code: 7, signal: null }, x.text());
    assert.equal(x.stdout, Array.from({ length: 200 }, (_, i) => `${i}\n`).join(''));
  });

  w.test('more output than the machine keeps: the program waits in its write, nothing is lost, and that is said', async (t) => {
    const own = await world(w, t, { target: { outageOutput: 100_000 } });
    const s = await own.session();
    await s.initialize();
    const printed = new Printed(s);
    await s.launch({ program: TOOL, args: ['print', '200'] });
    await printed.more();
    await cut(own, s);
    const before = printed.next.stdout;
    await pause(6_000);
    await comesBack(own, s);
    await shown(s, /outageOutput: 100000 bytes.*was blocked until/);
    await printed.more();
    assert.ok(printed.next.stdout > before);
    await s.finish({ terminateDebuggee: true });
  });
});
