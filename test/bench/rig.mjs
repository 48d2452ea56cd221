// What the parts of the benchmark share: a directory, an sshd on loopback, delvegates, and figures.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { Client } from '../e2e/demo/client.mjs';
import { Child, run } from '../e2e/lib/children.mjs';
import { freePort } from '../e2e/lib/port.mjs';
import * as proc from '../e2e/lib/proc.mjs';
import { HOST, Sshd } from '../e2e/lib/sshd.mjs';
import { until } from '../e2e/lib/until.mjs';

const BUILD_MS = 170_000;
const END_MS = 60_000;

const here = path.dirname(fileURLToPath(import.meta.url));
export const PROGRAM = path.join(here, 'program');
export const SOURCE = path.join(PROGRAM, 'main.go');
export const STOP_LINE = fs.readFileSync(SOURCE, 'utf8').split('\n').findIndex((line) => line.includes('// stop')) + 1;
export const DLV_FLAGS = ['--headless', '--api-version=2', '--accept-multiclient'];

export function quantile(samples, q) {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];
}
export const median = (samples) => quantile(samples, 0.5);
export const ms = (value) => (value < 10 ? value.toFixed(2) : value.toFixed(1));
export const mib = (bytes) => (bytes / (1 << 20)).toFixed(1);

/** How long an action takes, in ms. */
export async function elapsed(action) {
  const start = performance.now();
  await action();
  return performance.now() - start;
}

/** The first row is the head; each cell a text. */
export function print(title, rows) {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((r) => (r[i] ?? '-').length)) + 2);
  process.stdout.write(`${title}\n`);
  for (const row of rows) process.stdout.write(`${row.map((cell, i) => (cell ?? '-').padEnd(widths[i])).join('').trimEnd()}\n`);
  process.stdout.write('\n');
}

export class Rig {
  constructor(delvegate) {
    this.delvegate = path.resolve(delvegate);
    this.root = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'delvegate-bench-')));
    this.children = [];
    this.sshds = [];
    this.binary = path.join(this.root, 'bench');
    this.cache = path.join(this.root, 'cache'); // what delvegate puts on the Go machine
    fs.mkdirSync(this.cache, { mode: 0o700 });
  }

  async prepare() {
    const built = await run('go', ['build', '-gcflags', 'all=-N -l', '-o', this.binary, '.'], { cwd: PROGRAM, timeout: BUILD_MS });
    if (built.code !== 0) throw new Error(`go build: ${built.stderr}`);
    const { stdout } = await run('go', ['env', 'GOCACHE', 'GOMODCACHE']);
    [this.GOCACHE, this.GOMODCACHE] = stdout.trim().split('\n');
  }

  spawn(command, args, options) {
    const child = new Child(command, args, options);
    this.children.push(child);
    return child;
  }

  /** An sshd whose sessions have a cache directory of the benchmark's; options: of Sshd.start. */
  async startSshd(options = {}) {
    const env = { XDG_CACHE_HOME: this.cache, ...options.env };
    const sshd = await Sshd.start({ dir: path.join(this.root, `sshd${this.sshds.length}`), ...options, env });
    this.sshds.push(sshd);
    return sshd;
  }

  /**
   * A delvegate, whose first target listens at `port` of what is returned, all of them at `ports`, by name. sshd: where
   * they are; null: here. targets: more options of each.
   */
  async daemon(sshd, targets = { main: {} }) {
    const go = { GOCACHE: this.GOCACHE, GOMODCACHE: this.GOMODCACHE };
    const ports = {};
    const all = {};
    for (const [name, more] of Object.entries(targets)) {
      ports[name] = await freePort();
      all[name] = { listen: ports[name], ...(sshd ? { ssh: HOST } : {}), go, ...more };
    }
    const [port] = Object.values(ports);
    const config = path.join(this.root, `config-${port}.json`);
    fs.writeFileSync(config, JSON.stringify({ targets: all }));
    const { SSH_AUTH_SOCK, ...rest } = process.env;
    const PATH = `${sshd ? `${sshd.bin}:` : ''}${process.env.PATH}`;
    const cache = sshd ? {} : { XDG_CACHE_HOME: this.cache };
    const daemon = this.spawn(this.delvegate, ['--config', config], { name: 'delvegate', env: { ...rest, PATH, ...cache } });
    for (const listens of Object.values(ports)) await daemon.wait(new RegExp(`listening.*\\b${listens}\\b`, 'i'));
    Object.assign(daemon, { port, ports });
    return daemon;
  }

  /** Ends it as a service manager does: nothing stays on the Go machine. */
  async endDaemon(daemon) {
    daemon.kill();
    await daemon.end(END_MS);
  }

  /** A Delve as a user starts it by hand; returns its port. */
  async dlv() {
    const child = this.spawn('dlv', ['exec', ...DLV_FLAGS, '--listen=127.0.0.1:0', this.binary], { name: 'dlv', cwd: this.root });
    const [, port] = await child.wait(/listening at: 127\.0\.0\.1:(\d+)/, { stream: 'stdout' });
    return { child, port: Number(port) };
  }

  /** The processes of the supervisors that were put on the Go machine: { supervisor, warden, door }, each a pid. */
  supervisors() {
    const bin = path.join(this.cache, 'delvegate/bin/');
    const ours = proc.pids().filter((pid) => proc.exe(pid).startsWith(bin) && proc.alive(pid));
    const serving = ours.filter((pid) => proc.cmdline(pid)[1] === 'serve');
    return {
      supervisor: serving.find((pid) => serving.includes(proc.parent(pid))),
      warden: serving.find((pid) => !serving.includes(proc.parent(pid))),
      door: ours.find((pid) => proc.cmdline(pid)[1] === 'door'),
    };
  }

  /** A client whose program's output is counted: bytes of stdout, and when the first came. */
  static async counting(port) {
    const client = await Client.open(port);
    client.printed = 0;
    client.onOutput = (category, text) => {
      if (category !== 'stdout') return;
      client.firstAt ||= performance.now();
      client.printed += Buffer.byteLength(text);
    };
    return client;
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

  async clear() {
    for (const child of this.children) child.kill('SIGKILL');
    await until('what the benchmark started to end', () => this.children.every((c) => !c.running));
    for (const sshd of this.sshds) await sshd.stop();
    this.remove();
  }

  /** Whatever way this process ends: a supervisor that is killed leaves its dlv running, a killed dlv its program. */
  remove() {
    const belongs = (pid) => [proc.exe(pid), ...proc.cmdline(pid)].some((text) => text.includes(`${this.root}/`));
    for (const pid of proc.pids()) {
      if (pid !== process.pid && belongs(pid) && proc.alive(pid)) process.kill(pid, 'SIGKILL');
    }
    fs.rmSync(this.root, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}
