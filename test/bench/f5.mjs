// From F5 to the first stop, with a network of some delay before sshd: in round trips, which is how much longer it takes
// for each ms that a round trip is longer, and what is left, the build above all. Each way is tried in turn, again and
// again, and the least of each counts: what else the machine does makes it longer, and never shorter.
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { Client } from '../e2e/demo/client.mjs';
import { freePort } from '../e2e/lib/port.mjs';
import { HOST } from '../e2e/lib/sshd.mjs';
import { DLV_FLAGS, PROGRAM, SOURCE, STOP_LINE, elapsed, print } from './rig.mjs';

const DELAYS_MS = (process.env.BENCH_DELAYS ?? '50,100,200').split(',').map(Number); // of a round trip
const TIMES = Number(process.env.BENCH_TIMES ?? 5);
const MODES = (process.env.BENCH_MODES ?? 'debug,exec').split(',');
const EDITORS = { 'VS Code': 'vscode', 'another client': 'bench' };

/** A session begins as VS Code begins it, and ends at its first stop. Returns how long that took, in ms. */
export async function f5(port, clientID, request, args) {
  const start = performance.now();
  const client = await Client.open(port);
  await client.request('initialize', { clientID, adapterID: 'go', pathFormat: 'path', linesStartAt1: true, columnsStartAt1: true });
  const begun = client.request(request, { type: 'go', request, ...args });
  const failed = begun.then(() => new Promise(() => {}));
  await Promise.race([client.event('initialized'), failed]);
  await client.request('setBreakpoints', { source: { path: SOURCE }, breakpoints: [{ line: STOP_LINE }] });
  const configured = client.request('configurationDone');
  await Promise.race([client.event('stopped'), failed, configured.then(() => new Promise(() => {}))]);
  const took = performance.now() - start;
  await Promise.all([begun, configured]);
  await client.request('disconnect', { terminateDebuggee: true }).catch(() => {}); // dlv may exit before it answers
  client.close();
  return took;
}

/** The slope and the rest of the straight line that is nearest to these points. */
function line(points) {
  const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;
  const [x, y] = [mean(points.map((p) => p[0])), mean(points.map((p) => p[1]))];
  const slope = mean(points.map((p) => (p[0] - x) * (p[1] - y))) / mean(points.map((p) => (p[0] - x) ** 2));
  return { slope, rest: y - slope * x };
}

class F5 {
  constructor(rig, mode) {
    this.rig = rig;
    this.mode = mode;
    this.launch = mode === 'debug' ? { mode, program: PROGRAM } : { mode, program: rig.binary };
    this.ways = new Map(); // way -> delay -> samples
  }

  note(way, took) {
    if (!this.ways.has(way)) this.ways.set(way, new Map());
    const samples = this.ways.get(way);
    samples.set(this.delay, [...(samples.get(this.delay) ?? []), took]);
  }

  ssh(...args) {
    return this.rig.spawn(path.join(this.sshd.bin, 'ssh'), args, { name: 'ssh' });
  }

  async login() {
    this.note('ssh HOST true', await elapsed(() => this.ssh(HOST, 'true').end()));
  }

  /** As a user starts it: one ssh that starts Delve and forwards its port. */
  async byHand() {
    const [port, local] = [await freePort(), await freePort()];
    const what = this.mode === 'debug' ? `cd ${PROGRAM} && GOCACHE=${this.rig.GOCACHE} exec dlv debug --output=${this.rig.root}/by-hand` : 'exec dlv exec';
    const start = performance.now();
    const ssh = this.ssh('-L', `${local}:127.0.0.1:${port}`, HOST, `${what} ${DLV_FLAGS.join(' ')} --listen=127.0.0.1:${port}${this.mode === 'debug' ? '' : ` ${this.rig.binary}`}`);
    await ssh.wait(/listening at: 127\.0\.0\.1/, { stream: 'stdout' });
    const before = performance.now() - start;
    this.note('ssh -L, dlv by hand', before + await f5(local, 'bench', 'attach', { mode: 'remote' }));
    await ssh.end();
  }

  /** Cold: delvegate has just been started; what it puts on the Go machine is there. Then warm. */
  async delvegate(editor) {
    const daemon = await this.rig.daemon(this.sshd);
    for (const how of ['cold', 'warm']) {
      this.note(`delvegate, ${how}, ${editor}`, await f5(daemon.port, EDITORS[editor], 'launch', this.launch));
    }
    await this.rig.endDaemon(daemon);
  }

  async run(sshd) {
    this.sshd = sshd;
    for (let i = 0; i < TIMES; i++) {
      for (this.delay of DELAYS_MS) {
        sshd.relay.delay = this.delay / 2;
        await this.login();
        await this.byHand();
        for (const editor of Object.keys(EDITORS)) await this.delvegate(editor);
      }
    }
  }

  print() {
    const rows = [['', ...DELAYS_MS.map((d) => `${d} ms`), 'round trips', 'the rest']];
    for (const [way, samples] of this.ways) {
      const points = [...samples].map(([delay, took]) => [delay, Math.min(...took)]);
      const { slope, rest } = line(points);
      rows.push([way, ...points.map(([, took]) => `${Math.round(took)} ms`), slope.toFixed(1), `${Math.round(rest)} ms`]);
    }
    print(`F5 to the first stop, mode ${this.mode}, the least of ${TIMES}`, rows);
  }
}

export async function f5s(rig) {
  const sshd = await rig.startSshd({ relay: true });
  // What is not measured: the first build, and copying the supervisor to the Go machine.
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
