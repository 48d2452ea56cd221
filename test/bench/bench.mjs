// What delvegate costs, side by side in one run: straight to Delve, through `ssh -N -L`, through `ssh -L` with a session
// open on the same connection (sshd turns Nagle's algorithm off only then), and through delvegate. Asserts nothing.
//   node test/bench/bench.mjs build/delvegate
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { Child, run } from '../e2e/lib/children.mjs';
import { freePort } from '../e2e/lib/port.mjs';
import * as proc from '../e2e/lib/proc.mjs';
import { HOST, Sshd } from '../e2e/lib/sshd.mjs';
import { until } from '../e2e/lib/until.mjs';
import { Client } from '../demo/client.mjs';

const ROUND_TRIPS = 400;
const STEPS = 60;
const LARGE = 10; // times the large variable is asked for
const OUTPUT_MIB = 64;
const BUILD_MS = 170_000;
const LIMIT_MS = 900_000; // of everything
const FLAGS = ['--headless', '--api-version=2', '--accept-multiclient', '--listen=127.0.0.1:0'];

const here = path.dirname(fileURLToPath(import.meta.url));
const source = path.join(here, 'program/main.go');
const stopLine = fs.readFileSync(source, 'utf8').split('\n').findIndex((line) => line.includes('// stop')) + 1;

function quantile(samples, q) {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];
}
const ms = (value) => (value < 10 ? value.toFixed(2) : value.toFixed(1));
const mib = (bytes) => (bytes / (1 << 20)).toFixed(1);

async function timed(times, action) {
  const samples = [];
  for (let i = 0; i < times; i++) {
    const start = performance.now();
    await action();
    samples.push(performance.now() - start);
  }
  return samples;
}

/** What is measured at a stop, on any way to Delve. */
async function measure(client, request, args) {
  await client.start(request, args, { [source]: [stopLine] });
  const { threadId } = await client.event('stopped');
  await client.request('setBreakpoints', { source: { path: source }, breakpoints: [] });
  const trips = await timed(ROUND_TRIPS, () => client.request('threads'));
  const { variables } = await client.where(threadId);
  const { variablesReference } = variables.find((v) => v.name === 'numbers');
  let bytes = 0;
  const large = await timed(LARGE, async () => {
    const body = await client.request('variables', { variablesReference, filter: 'indexed', start: 0, count: 10000 });
    bytes = JSON.stringify(body).length;
  });
  const steps = await timed(STEPS, async () => {
    const stopped = client.event('stopped');
    await client.request('next', { threadId });
    await stopped;
  });
  return {
    'round trip, ms': `${ms(quantile(trips, 0.5))} (p90 ${ms(quantile(trips, 0.9))})`,
    'next to stopped, ms': `${ms(quantile(steps, 0.5))} (p90 ${ms(quantile(steps, 0.9))})`,
    'large variables, ms': `${ms(quantile(large, 0.5))} (${(bytes / 1e6).toFixed(2)} MB)`,
  };
}

class Bench {
  constructor(delvegate) {
    this.delvegate = path.resolve(delvegate);
    this.root = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'delvegate-bench-')));
    this.children = [];
    this.rows = {};
  }

  spawn(command, args, options) {
    const child = new Child(command, args, options);
    this.children.push(child);
    return child;
  }

  note(column, figures) {
    for (const [row, figure] of Object.entries(figures)) (this.rows[row] ??= {})[column] = figure;
  }

  async prepare() {
    this.sshd = await Sshd.start({ dir: path.join(this.root, 'sshd') });
    this.binary = path.join(this.root, 'bench');
    const built = await run('go', ['build', '-gcflags', 'all=-N -l', '-o', this.binary, '.'], { cwd: path.join(here, 'program'), timeout: BUILD_MS });
    if (built.code !== 0) throw new Error(`go build: ${built.stderr}`);
  }

  /** A Delve as a user starts it by hand; returns its port. */
  async dlv() {
    const child = this.spawn('dlv', ['exec', ...FLAGS, this.binary], { name: 'dlv', cwd: this.root });
    const [, port] = await child.wait(/listening at: 127\.0\.0\.1:(\d+)/, { stream: 'stdout' });
    return { child, port: Number(port) };
  }

  async session(column, port, child) {
    const client = await Client.open(port);
    this.note(column, await measure(client, 'attach', { mode: 'remote' }));
    await client.request('disconnect', { terminateDebuggee: true }).catch(() => {}); // dlv may exit before it answers
    client.close();
    await child.end();
  }

  async straight() {
    const { child, port } = await this.dlv();
    await this.session('straight', port, child);
  }

  async tunnel(column, args, command) {
    const { child, port } = await this.dlv();
    const local = await freePort();
    const ssh = this.spawn(path.join(this.sshd.bin, 'ssh'), ['-v', ...args, '-L', `${local}:127.0.0.1:${port}`, HOST, ...command]);
    await ssh.wait(command.length ? /Sending command/ : /Entering interactive session/);
    await this.session(column, local, child);
    this.note(column, { 'resident with a session, MiB': mib(proc.residentBytes(ssh.pid)) });
    ssh.kill();
    await ssh.end();
  }

  async throughDelvegate() {
    const column = 'delvegate';
    const port = await freePort();
    const config = path.join(this.root, 'config.json');
    fs.writeFileSync(config, JSON.stringify({ targets: { [HOST]: { listen: port, ssh: HOST } } }));
    const { SSH_AUTH_SOCK, ...env } = process.env;
    env.PATH = `${this.sshd.bin}:${process.env.PATH}`;
    const daemon = this.spawn(this.delvegate, ['--config', config], { name: 'delvegate', env });
    await daemon.wait(/listening/i);
    this.note(column, { 'resident at rest, MiB': mib(proc.residentBytes(daemon.pid)) });

    const client = await Client.open(port);
    this.note(column, await measure(client, 'launch', { mode: 'exec', program: this.binary }));
    this.note(column, { 'resident with a session, MiB': mib(proc.residentBytes(daemon.pid)) });
    await client.request('disconnect', { terminateDebuggee: true });
    client.close();

    const printer = await Client.open(port);
    let bytes = 0;
    let first = 0;
    printer.onOutput = (category, text) => {
      if (category !== 'stdout') return;
      first ||= performance.now();
      bytes += text.length;
    };
    await printer.start('launch', { mode: 'exec', program: this.binary, args: [String(OUTPUT_MIB)] }, {});
    await printer.event('terminated');
    const seconds = (performance.now() - first) / 1000;
    this.note(column, {
      'program output, MiB/s': bytes === OUTPUT_MIB << 20 ? (OUTPUT_MIB / seconds).toFixed(1) : `lost ${(OUTPUT_MIB << 20) - bytes} bytes`,
      'resident after output, MiB': mib(proc.residentBytes(daemon.pid)),
    });
    await printer.request('disconnect', {});
    printer.close();
    daemon.kill();
    await daemon.end();
  }

  /** What was measured, and on what. */
  async describe() {
    const first = async (command, ...args) => {
      const { stdout, stderr } = await run(command, args);
      return (stdout || stderr).trim().split('\n').join(', ');
    };
    const parts = [await first(this.delvegate, '--version'), await first('go', 'version'), await first('dlv', 'version'), await first('ssh', '-V'),
      `${os.cpus().length} processors`, 'loopback, medians'];
    process.stdout.write(`${parts.join('\n')}\n\n`);
  }

  print() {
    const columns = ['straight', 'ssh -N -L', 'ssh -L, session', 'delvegate'];
    const wide = Math.max(...Object.keys(this.rows).map((r) => r.length)) + 2;
    const table = [['', ...columns], ...Object.entries(this.rows).map(([row, cells]) => [row, ...columns.map((c) => cells[c] ?? '-')])];
    for (const [row, ...cells] of table) process.stdout.write(`${row.padEnd(wide)}${cells.map((c) => c.padEnd(26)).join('').trimEnd()}\n`);
  }

  async clear() {
    for (const child of this.children) child.kill('SIGKILL');
    await until('what the benchmark started to end', () => this.children.every((c) => !c.running));
    await this.sshd?.stop();
    this.remove();
  }

  /** Whatever way this process ends: a killed dlv leaves its program running. */
  remove() {
    for (const pid of proc.pids()) if (this.binary && proc.exe(pid) === this.binary && proc.alive(pid)) process.kill(pid, 'SIGKILL');
    fs.rmSync(this.root, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}

const [delvegate] = process.argv.slice(2);
if (!delvegate) {
  process.stderr.write('usage: bench.mjs PATH-OF-DELVEGATE\n');
  process.exit(2);
}
const bench = new Bench(delvegate);
process.on('exit', () => bench.remove());
let late;
const limit = new Promise((_, reject) => {
  late = setTimeout(() => reject(new Error(`the benchmark took longer than ${LIMIT_MS / 1000} s`)), LIMIT_MS);
});
try {
  await Promise.race([limit, (async () => {
    await bench.describe();
    await bench.prepare();
    await bench.straight();
    await bench.tunnel('ssh -N -L', ['-N'], []);
    // The session's command reads until ssh goes.
    await bench.tunnel('ssh -L, session', [], ['cat']);
    await bench.throughDelvegate();
  })()]);
} catch (error) {
  process.exitCode = 1;
  process.stderr.write(`bench: ${error.message}\n`);
} finally {
  clearTimeout(late);
  bench.print();
  await bench.clear();
}
