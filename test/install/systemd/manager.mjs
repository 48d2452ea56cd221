// A user's service manager and journal, real ones, in the namespace that test/install/systemd/run has made.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { Child, run, until } from '../../e2e/harness.mjs';

const { HOME, XDG_RUNTIME_DIR, MANAGER } = process.env;
export const UNITS = path.join(HOME, '.config/systemd/user');
const JOURNALD = path.join(path.dirname(MANAGER ?? '/'), 'systemd-journald');
const START_MS = 20_000;
const AS_ROOT = process.getuid() === 0;

/** systemctl --user; fails the test when it ends with another code than the expected one. */
export async function systemctl(args, { code = 0 } = {}) {
  const result = await run('systemctl', ['--user', '--no-pager', ...args]);
  if (code !== null) assert.equal(result.code, code, `systemctl --user ${args.join(' ')}: ${result.stdout}${result.stderr}`);
  return result.stdout;
}

/** Properties of a unit, as an object. */
export async function show(unit, ...names) {
  const text = await systemctl(['show', unit, '-p', names.join(',')]);
  return Object.fromEntries(text.split('\n').filter(Boolean).map((l) => [l.slice(0, l.indexOf('=')), l.slice(l.indexOf('=') + 1)]));
}

/** One property, now: for what must not wait. */
export function showNow(unit, name) {
  return spawnSync('systemctl', ['--user', 'show', unit, '-p', name, '--value'], { encoding: 'utf8' }).stdout.trim();
}

/** What the journal holds of a unit, as `journalctl` shows it with these options. */
export async function journal(unit, ...options) {
  const which = AS_ROOT ? [`--user-unit=${unit}`] : ['--user', '-u', unit];
  // A line that was written is in the journal's file a moment later: --sync waits for that.
  await run('journalctl', ['--sync']);
  return (await run('journalctl', ['--no-pager', '--quiet', ...which, ...options])).stdout;
}

/** The same as objects. */
export async function entries(unit, ...options) {
  return (await journal(unit, '-o', 'json', '--all', ...options)).split('\n').filter(Boolean).map((l) => JSON.parse(l));
}

/** Writes a drop-in and lets the manager read it; text '' takes it away. */
export async function dropIn(unit, name, text) {
  const dir = path.join(UNITS, `${unit}.d`);
  fs.mkdirSync(dir, { recursive: true });
  const file = path.join(dir, `${name}.conf`);
  if (text) fs.writeFileSync(file, text);
  else fs.rmSync(file, { force: true });
  await systemctl(['daemon-reload']);
}

export class Manager {
  async start() {
    fs.mkdirSync(UNITS, { recursive: true });
    this.journald = new Child(JOURNALD, [], { name: 'journald' });
    await until('the journal', () => fs.existsSync('/run/systemd/journal/stdout') && fs.existsSync('/run/systemd/journal/socket'), { timeout: START_MS, explain: () => this.journald.text() });
    const env = { ...process.env, SYSTEMD_LOG_TARGET: 'journal' };
    for (const name of ['ASAN_OPTIONS', 'UBSAN_OPTIONS', 'LSAN_OPTIONS', 'GOCACHE', 'GOMODCACHE', 'BASE', 'DELVEGATE', 'RELEASE', 'MANAGER', 'KIND', 'SHORT']) delete env[name];
    this.child = new Child(MANAGER, ['--user'], { name: 'systemd --user', env });
    await until('the manager to be running', async () => {
      if (!this.child.running) throw new Error(`the manager ended\n${this.child.text()}`);
      const socket = fs.existsSync(path.join(XDG_RUNTIME_DIR, 'systemd/private'));
      return socket && /^running/.test(await systemctl(['is-system-running'], { code: null }));
    }, { timeout: START_MS, explain: () => this.child.text() });
    return this;
  }

  async stop() {
    if (this.child?.running) {
      await systemctl(['exit']);
      await this.child.end();
    }
    if (this.journald?.running) {
      this.journald.kill('SIGTERM');
      await this.journald.end();
    }
  }
}
