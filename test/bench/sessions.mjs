// Many sessions on one machine at the same time, over one connection whose sshd allows one session: memory and
// descriptors at both ends. Each with a real Delve and its program for as long as there is memory, the others with what
// stands in for both.
import fs from 'node:fs';
import path from 'node:path';
import { Client } from '../e2e/demo/client.mjs';
import { run } from '../e2e/lib/children.mjs';
import * as proc from '../e2e/lib/proc.mjs';
import { until } from '../e2e/lib/until.mjs';
import { elapsed, mib, print } from './rig.mjs';

const SESSIONS = Number(process.env.BENCH_SESSIONS ?? 200);
const AT_ONCE = 4; // that begin at the same moment
const REPORTED = [0, 1, 10, 50, 100, 150, 200];
const SHARE = 0.5; // of the memory that is there, for real ones
const DESCRIPTORS = 1024; // the usual soft limit
const END_MS = 120_000;

class Crowd {
  constructor(rig, standIn) {
    this.rig = rig;
    this.standIn = standIn;
    this.clients = [];
    this.rows = [['sessions', 'delvegate: RSS', 'PSS', 'descriptors', 'supervisor: RSS', 'PSS', 'descriptors', 'warden, door: RSS']];
  }

  async prepare() {
    this.sshd = await this.rig.startSshd({ options: ['MaxSessions 1'] });
    // As a service manager starts it.
    const { code, stderr } = await run('prlimit', ['--pid', String(this.sshd.child.pid), `--nofile=${DESCRIPTORS}:`]);
    if (code !== 0) throw new Error(`prlimit: ${stderr}`);
    this.daemon = await this.rig.daemon(this.sshd, { real: {}, standIn: { delve: { path: this.standIn } } });
  }

  ends() {
    const { supervisor, warden, door } = this.rig.supervisors();
    return [this.daemon.pid, supervisor, warden, door];
  }

  report() {
    const [daemon, supervisor, ...others] = this.ends();
    const figures = (pid) => (pid ? [mib(proc.residentBytes(pid)), mib(proc.proportionalBytes(pid)), String(proc.descriptors(pid))] : ['-', '-', '-']);
    this.rows.push([String(this.clients.length), ...figures(daemon), ...figures(supervisor), others.map((pid) => (pid ? mib(proc.residentBytes(pid)) : '-')).join(', ')]);
  }

  async begin(name) {
    const client = await Client.open(this.daemon.ports[name]);
    await client.start('launch', { mode: 'exec', program: this.rig.binary, stopOnEntry: true }, {});
    await client.event('stopped');
    this.clients.push(client);
  }

  /** What a real Delve and its program take. */
  eachTakes() {
    const pids = proc.pids().filter((pid) => proc.exe(pid) === this.rig.binary || proc.cmdline(pid).some((arg) => arg === this.rig.binary));
    return pids.reduce((sum, pid) => sum + proc.proportionalBytes(pid), 0);
  }

  /** How many real ones there is memory for. */
  fit() {
    const [, kib] = /^MemAvailable:\s+(\d+) kB/m.exec(fs.readFileSync('/proc/meminfo', 'utf8'));
    return Math.min(SESSIONS, 1 + Math.floor(Number(kib) * 1024 * SHARE / this.eachTakes()));
  }

  async fill() {
    this.report();
    await this.begin('real');
    this.report();
    this.one = proc.descriptors(this.rig.supervisors().supervisor);
    this.each = this.eachTakes();
    this.real = Number(process.env.BENCH_REAL ?? this.fit());
    while (this.clients.length < SESSIONS) {
      const from = this.clients.length;
      const next = REPORTED.find((n) => n > from) ?? SESSIONS;
      const n = Math.min(AT_ONCE, Math.min(next, SESSIONS) - from);
      await Promise.all(Array.from({ length: n }, (_, i) => this.begin(from + i < this.real ? 'real' : 'standIn')));
      if (REPORTED.includes(this.clients.length) || this.clients.length === SESSIONS) this.report();
    }
  }

  async empty() {
    await Promise.all(this.clients.map((client) => client.request('disconnect', { terminateDebuggee: true }).then(() => client.close())));
    const { clients } = this;
    this.clients = [];
    const { supervisor } = this.rig.supervisors();
    await until('the sessions to end', () => clients.every((c) => c.closed) && proc.descriptors(supervisor) < this.one, { timeout: END_MS });
    this.report();
  }

  async run() {
    await this.prepare();
    const took = await elapsed(() => this.fill());
    const answered = await elapsed(() => Promise.all(this.clients.map((client) => client.request('threads'))));
    this.connections = this.sshd.connections().length;
    await this.empty();
    print(`Sessions at one machine, over ${this.connections} connection with MaxSessions 1; MiB`, this.rows);
    process.stdout.write(`${this.real} with a real Delve and program (${mib(this.each)} MiB each), ${SESSIONS - this.real} with a stand-in; `
      + `${(took / 1000).toFixed(0)} s to start them, ${answered.toFixed(0)} ms for an answer of each\n\n`);
    await this.rig.endDaemon(this.daemon);
  }
}

export async function sessions(rig) {
  const standIn = path.resolve('build/release/bench/standin');
  if (!fs.existsSync(standIn)) throw new Error(`${standIn} is missing: make bench-sessions builds it`);
  await new Crowd(rig, standIn).run();
}
