// F5 to the first stop in round trips, beside what Delve itself takes: over a relay that delays each way, once with a
// connection that is there and once with one to be made, as VS Code (which need not wait for Delve) and as a client that
// is not known. Asserts nothing.
//   node test/bench/f5.mjs build/delvegate [ROUND-TRIP-MS ...]
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { Child, run } from '../e2e/lib/children.mjs';
import { freePort } from '../e2e/lib/port.mjs';
import { Session } from '../e2e/lib/session.mjs';
import { HOST, Sshd } from '../e2e/lib/sshd.mjs';

const DELAYS_MS = (process.env.BENCH_DELAYS ?? '50,100,200').split(',').map(Number); // of a round trip
const TIMES = Number(process.env.BENCH_TIMES ?? 5);
const MODES = (process.env.BENCH_MODES ?? 'debug,exec').split(',');
const EDITORS = { 'VS Code': 'vscode', 'another client': 'bench' };

/** Passes bytes on after half a round trip, in order. */
class Relay {
  delay = 0;

  async start(port) {
    this.server = net.createServer((from) => {
      const to = net.createConnection(port, '127.0.0.1');
      for (const [a, b] of [[from, to], [to, from]]) {
        a.setNoDelay(true);
        a.on('data', (data) => this.later(() => b.writable && b.write(data)));
        a.on('end', () => this.later(() => b.end()));
        a.on('error', () => b.destroy());
        a.on('close', () => this.later(() => b.destroy()));
      }
    });
    this.port = await freePort();
    await new Promise((resolve) => { this.server.listen(this.port, '127.0.0.1', resolve); });
  }

  later(action) {
    if (this.delay === 0) action();
    else setTimeout(action, this.delay / 2);
  }
}

/** From the first byte to `stopped`, in ms. */
async function f5(port, clientID, program, mode) {
  const s = await Session.open(port);
  s.client = { clientID };
  const begin = performance.now();
  await s.launch({ mode, program }, async () => {
    await s.breakpoints(source, [stopLine]);
    if (clientID === 'vscode') await s.send('setFunctionBreakpoints', { breakpoints: [] });
  });
  await s.stop({ reason: 'breakpoint' });
  const took = s.stoppedAt - begin;
  await s.finish({ terminateDebuggee: true });
  return took;
}

/* The event's own time, not that of whoever polls for it. */
const dispatch = Session.prototype.dispatch;
Session.prototype.dispatch = function timed(body) {
  if (body.includes('"event":"stopped"')) this.stoppedAt ??= performance.now();
  return dispatch.call(this, body);
};

async function daemon(delvegate, root, sshd, keepWarm) {
  const port = await freePort();
  const config = path.join(root, 'config.json');
  fs.writeFileSync(config, JSON.stringify({ targets: { [HOST]: { listen: port, ssh: HOST, keepWarm } } }));
  const { SSH_AUTH_SOCK, ...env } = process.env;
  env.PATH = `${sshd.bin}:${process.env.PATH}`;
  const child = new Child(delvegate, ['--config', config], { name: 'delvegate', env });
  await child.wait(/listening/i);
  return { child, port };
}

async function measure(relay, delays, action) {
  const rows = [];
  let base;
  for (const delay of [0, ...delays]) {
    relay.delay = delay;
    const samples = [];
    for (let i = 0; i < TIMES; i++) samples.push(await action());
    const took = least(samples);
    if (delay === 0) base = took;
    else rows.push(`${((took - base) / delay).toFixed(2)} at ${delay} ms`);
  }
  relay.delay = 0;
  return `${rows.join(', ')}; ${base.toFixed(0)} ms without delay`;
}

export async function f5s(rig) {
  const sshd = await rig.startSshd({ relay: true });
  // What is not measured: the first build, and putting the supervisor on the Go machine.
  const daemon = await rig.daemon(sshd);
  await f5(daemon.port, 'bench', 'launch', { mode: 'debug', program: PROGRAM });
  await rig.endDaemon(daemon);
  for (const mode of MODES) {
    const part = new F5(rig, mode);
    try {
      await part.run(sshd);
    } finally {
      part.print();
    }
  }
}
const delays = given.length ? given.map(Number) : [50, 100, 200];
const root = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'delvegate-f5-')));
const relay = new Relay();
const sshd = await Sshd.start({ dir: path.join(root, 'sshd'), env: { XDG_CACHE_HOME: path.join(root, 'cache') } });
try {
  const binary = path.join(root, 'bench');
  const built = await run('go', ['build', '-gcflags', 'all=-N -l', '-o', binary, '.'], { cwd: path.join(here, 'program') });
  if (built.code !== 0) throw new Error(built.stderr);
  await relay.start(sshd.port);
  for (const file of ['ssh_config', 'known_hosts']) {
    const name = path.join(root, 'sshd', file);
    fs.writeFileSync(name, fs.readFileSync(name, 'utf8').replaceAll(String(sshd.port), String(relay.port)));
  }
  const warm = await daemon(path.resolve(path_), root, sshd, '10m');
  process.stdout.write('F5 to the first stop, round trips beside Delve (the best of several)\n');
  for (const [name, client] of [['VS Code', 'vscode'], ['another client', 'bench']]) {
    await f5(warm.port, client, binary, 'exec');
    for (const mode of ['exec', 'debug'])
      process.stdout.write(`${name}, ${mode}, warm: ${await measure(relay, delays, () => f5(warm.port, client, mode === 'exec' ? binary : path.dirname(source), mode))}\n`);
  }
  warm.child.kill();
  await warm.child.end();
  for (const [name, client] of [['VS Code', 'vscode'], ['another client', 'bench']])
    process.stdout.write(`${name}, exec, cold: ${await measure(relay, delays, async () => {
      const cold = await daemon(path.resolve(path_), root, sshd, '10m');
      const took = await f5(cold.port, client, binary, 'exec');
      cold.child.kill();
      await cold.child.end();
      return took;
    })}\n`);
  process.stdout.write(`ssh HOST true: ${await measure(relay, delays, async () => {
    const begin = performance.now();
    await run(path.join(sshd.bin, 'ssh'), [HOST, 'true']);
    return performance.now() - begin;
  })}\n`);
} finally {
  relay.server?.close();
  await sshd.stop();
  fs.rmSync(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}
process.exit();
