// delvegate as a service: the end-to-end tests' world with the user's manager in the place of their own start and end.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { World, line, proc, program, until } from '../../e2e/harness.mjs';
import { dropIn, entries, journal, show, showNow, systemctl } from './manager.mjs';

export const SERVICE = 'delvegate.service';
export const SOCKET = 'delvegate.socket';
export const PORT = 4711; // the socket unit's
const SANITIZER = /ERROR: \w+Sanitizer|runtime error:/;
const CONFIG = path.join(process.env.HOME, '.config/delvegate/config.json');

export const UNIT_FILES = path.join(process.env.BASE, 'usr/lib/systemd/user');
export const HELLO = program('hello');
export const MAIN = path.join(HELLO, 'main.go');
export const LOOP = line(MAIN, 'LOOP');

/** The number as a word of its own. */
export const port = (number) => new RegExp(`\\b${number}\\b`);

/** That something does not happen is seen by waiting for longer than it would take. */
export const pass = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A new session, stopped at a breakpoint. */
export async function atLoop(w, options) {
  const s = await w.session(options);
  await s.launch({ program: HELLO }, () => s.breakpoints(MAIN, [LOOP]));
  await s.stop({ reason: 'breakpoint' });
  assert.equal((await s.top()).line, LOOP);
  return s;
}

/** The service as the end-to-end tests see a daemon of their own. */
class Unit {
  constructor(world) {
    this.world = world;
    this.name = SERVICE;
    this.stderr = '';
    this.stdout = '';
  }

  get pid() {
    return Number(showNow(SERVICE, 'MainPID'));
  }

  get running() {
    return this.pid > 0;
  }

  get how() {
    return showNow(SERVICE, 'Result');
  }

  kill(signal) {
    const { pid } = this;
    if (pid > 0) process.kill(pid, signal);
  }
}

export class Service extends World {
  async start() {
    await super.start();
    this.daemon = new Unit(this);
    // A unit that nothing names is forgotten when it stops, and its exit code with it.
    await dropIn('default.target', 'keep', `[Unit]\nAfter=${SERVICE}\n`);
    await this.plain();
    return this;
  }

  /** The drop-in that the tests need, and nothing else; the configuration as it was; nothing started. */
  async plain() {
    await systemctl(['stop', SOCKET, SERVICE]);
    for (const unit of [SERVICE, SOCKET]) {
      const dir = path.join(process.env.HOME, '.config/systemd/user', `${unit}.d`);
      fs.rmSync(dir, { recursive: true, force: true });
    }
    this.writeConfig(this.config);
    await this.setUnit({});
    await systemctl(['reset-failed']);
    this.since = `@${Date.now() / 1000}`; // not a cursor: journalctl of systemd 252 passes over an entry after one that it filters
  }

  /** Writes the tests' drop-in of the service: more: lines of [Service]. */
  async setUnit({ lines = [], env = {}, start } = {}) {
    const all = { ...this.daemonEnv, ...env };
    // What the manager gives a service is what is tested.
    for (const name of ['HOME', 'USER', 'SHELL', 'LANG', 'XDG_CONFIG_HOME']) delete all[name];
    for (const name of ['ASAN_OPTIONS', 'UBSAN_OPTIONS', 'LSAN_OPTIONS']) all[name] = process.env[name] ?? all[name];
    // The manager sends SIGCONT after SIGTERM; in the moment in which the leak checker stops the process that hangs it.
    all.ASAN_OPTIONS = `${all.ASAN_OPTIONS ?? ''}:detect_leaks=0`;
    await dropIn(SERVICE, 'test', [
      '[Service]',
      'LimitCORE=0',
      ...Object.entries(all).filter(([, value]) => value !== undefined)
        .map(([name, value]) => `Environment="${name}=${String(value).replace(/[\\"]/g, '\\$&').replaceAll('%', '%%')}"`),
      ...(start ? ['ExecStart=', `ExecStart=${start}`] : []),
      ...lines,
      '',
    ].join('\n'));
  }

  async configure() {
    await super.configure();
    fs.mkdirSync(path.dirname(CONFIG), { recursive: true });
    this.config.targets.main.listen = PORT;
    this.port = PORT;
    this.configFile = CONFIG;
  }

  /** Not the daemon, but all that it has left or still runs. */
  everything() {
    const { pid } = this.daemon;
    return super.everything().filter((p) => p !== pid && !this.isHelper(p));
  }

  // A systemctl or ssh-agent of the test.
  isHelper(pid) {
    return proc.parent(pid) === process.pid;
  }

  /** Each test begins with nothing started. short: also where only a few are wanted. */
  test(name, options, body) {
    if (typeof options === 'function') return this.test(name, {}, options);
    if (process.env.SHORT && !options.short) return undefined;
    return super.test(name, options, async (t) => {
      await this.plain();
      try {
        await body(t);
        if (this.daemon.running) await this.stopsWell();
      } catch (error) {
        const said = await this.journal('-n', '80');
        await this.clear();
        throw new Error(`${error.stack ?? error}\n--- ${SERVICE}\n${said}`);
      }
    });
  }

  /** Whatever a test has done: the end is a clean one, and nothing is left. */
  async stopsWell() {
    for (const session of this.sessions) {
      session.assertProtocol({ unanswered: session.gone });
      session.socket.destroy();
    }
    await this.nothingLeft();
    await systemctl(['stop', SOCKET, SERVICE]);
    assert.deepEqual(await this.show('Result', 'ExecMainStatus'), { Result: 'success', ExecMainStatus: '0' });
  }

  /** What a failed test has left is not the next one's. */
  async clear() {
    await systemctl(['stop', SOCKET, SERVICE], { code: null });
    for (const pid of this.everything()) process.kill(pid, 'SIGKILL');
    for (const name of this.instances()) fs.rmSync(path.join(this.runDirs, name), { recursive: true, force: true });
  }

  /** What the service has said in this test. */
  journal(...options) {
    return journal(SERVICE, `--since=${this.since}`, ...options);
  }

  entries() {
    return entries(SERVICE, `--since=${this.since}`);
  }

  show(...names) {
    return show(SERVICE, ...names);
  }

  /** Waits until the service has these properties: texts or expressions. */
  async reach(wanted, options) {
    let seen;
    return until(`${SERVICE} to be ${JSON.stringify(wanted, (_, v) => (v instanceof RegExp ? String(v) : v))}`, async () => {
      seen = await this.show(...Object.keys(wanted));
      return Object.entries(wanted).every(([name, value]) => (value instanceof RegExp ? value.test(seen[name]) : seen[name] === value)) && seen;
    }, { explain: async () => `${JSON.stringify(seen)}\n${await this.journal('-n', '60')}`, ...options });
  }

  /** Waits until the journal of this start of the service matches. */
  said(pattern, options) {
    return until(`${pattern} in the journal`, async () => pattern.exec(await this.journal('-o', 'cat')), {
      explain: () => this.journal('-n', '60'), ...options,
    });
  }

  async stopDaemon() {
    await systemctl(['stop', SOCKET, SERVICE]);
  }

  async stop() {
    try {
      if (this.root) await this.plain();
    } finally {
      await super.stop();
    }
    assert.doesNotMatch(await journal(SERVICE, '-o', 'cat'), SANITIZER);
  }
}
