// A world of its own for a group of tests: home, cache, configuration, sshd, delvegate; and the proof that nothing of it
// is left when a session or delvegate has ended.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Child, endChildren, run } from './children.mjs';
import { freePort } from './port.mjs';
import * as proc from './proc.mjs';
import { Session } from './session.mjs';
import { HOST, Sshd, account, haveSshd } from './sshd.mjs';
import { PATIENCE, until } from './until.mjs';

process.umask(0o022); // whatever it is here

const HERE = path.dirname(fileURLToPath(import.meta.url));
const ROOT = path.resolve(HERE, '../../..');
export const DELVEGATE = process.env.DELVEGATE ?? path.join(ROOT, 'build/asan/delvegate');
export const PROGRAMS = path.join(ROOT, 'test/e2e/programs');
export const TEST_MS = 180_000;
const SUPERVISOR = /\/(supervisor|bin\/[0-9a-f]{64})( \(deleted\))?$/; // in a build tree, installed, put there
const SANITIZER = /ERROR: \w+Sanitizer|SUMMARY: \w+Sanitizer|\.[ch]:\d+:\d+: runtime error:/; // Delve logs runtime errors too

/** The names in a directory; none when it isn't there, or goes while it is looked at. */
function list(dir) {
  try {
    return fs.readdirSync(dir);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(error.code)) return [];
    throw error;
  }
}

export const program = (name) => path.join(PROGRAMS, name);

/** The number of the first line of a sample program that has this mark in a comment: `// MARK`. */
export function line(file, mark) {
  const at = fs.readFileSync(file, 'utf8').split('\n').findIndex((l) => l.includes(`// ${mark}`));
  if (at < 0) throw new Error(`${file} has no line marked ${mark}`);
  return at + 1;
}

// A file of tests comes to its end whatever its tests have left open: else it is cut off at its limit, with its counts.
const LINGER_MS = 5_000;
after(() => {
  endChildren();
  setTimeout(() => {
    process.stderr.write('the tests have ended, and something that they opened keeps their process: it is ended\n');
    process.exit();
  }, LINGER_MS).unref();
});

// A run that is cut short leaves no world behind.
const ROUNDS = 10; // of looking for processes: what is ended may have been starting another
const worlds = new Set();
process.on('exit', (code) => {
  for (const world of worlds) world.abandon();
  process.exit(code); // at once: freeing what it has, Node 18 spins for ever while a socket has a write or an end pending
});

// What ends may still write.
export const REMOVE = { recursive: true, force: true, maxRetries: 5, retryDelay: 100 };

let goEnv;
/** Where this machine's go keeps its caches: shared by all tests, so that builds are warm. */
export async function goCaches() {
  if (!goEnv) {
    const { stdout } = await run('go', ['env', 'GOCACHE', 'GOMODCACHE']);
    const [GOCACHE, GOMODCACHE] = stdout.trim().split('\n');
    goEnv = { GOCACHE, GOMODCACHE };
  }
  return goEnv;
}

/** Builds a sample program the way dlv does, outside its tree. */
export async function build(name, output) {
  const { code, stdout, stderr } = await run('go', ['build', '-gcflags', 'all=-N -l', '-o', output, '.'], { cwd: program(name), timeout: TEST_MS });
  assert.equal(code, 0, stdout + stderr);
  return output;
}

export class World {
  /**
   * transport: 'local', 'ssh', or 'command': the user's own ssh as an argv. target: options of the target `main`. targets: more targets, by name (their `listen` is
   * chosen). env: more environment for both machines. sshd: options of Sshd.start. program: another delvegate. config: more of the file's top level.
   * beside: a second live session stands beside each test, which must cost it nothing.
   * client: the clientID that its sessions say, 'vscode' or one of nobody's.
   */
  constructor(options = {}) {
    this.options = options;
    this.transport = options.transport ?? 'local';
    this.client = options.client; // undefined: Session's own
    this.spared = new Set();
    this.sparedRuns = new Set();
    this.children = [];
    this.sessions = [];
  }

  async start() {
    this.root = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'delvegate-e2e-')));
    worlds.add(this);
    fs.chmodSync(this.root, 0o700);
    for (const dir of ['home', 'cache', 'config', 'tmp']) fs.mkdirSync(this.at(dir), { mode: 0o700 });
    // go asks git about the sample programs; a clone may belong to somebody else than who runs the tests.
    fs.writeFileSync(this.at('home/.gitconfig'), `[safe]\n\tdirectory = ${JSON.stringify(ROOT)}\n`);
    this.runDirs = this.at('cache/delvegate');
    // GO_PAIR=1: the go and dlv that come first in PATH are tried, on both transports.
    const PAIR = process.env.GO_PAIR ? { PATH: process.env.PATH } : {};
    this.remoteEnv = { HOME: this.at('home'), XDG_CACHE_HOME: this.at('cache'), ...PAIR, ...this.options.env };
    if (this.options.prepare) await this.options.prepare(this);
    if (this.transport !== 'local') this.sshd = await Sshd.start({ dir: this.at('sshd'), env: this.remoteEnv, ...this.options.sshd });
    await this.configure();
    if (this.options.daemon !== false) await this.startDaemon();
    return this;
  }

  at(name) {
    return path.join(this.root, name);
  }

  async makeTarget(extra = {}) {
    const { go, delve, ...rest } = extra;
    return {
      listen: await freePort(),
      ...(this.transport === 'ssh' ? { ssh: HOST } : {}),
      ...(this.transport === 'command' ? { command: ['ssh', '-T', HOST, 'sh'] } : {}),
      go: { ...(await goCaches()), ...go },
      ...(delve ? { delve } : {}),
      lease: '1m',
      ...rest,
    };
  }

  /** Writes the configuration file; the ports of targets that exist already stay. */
  async configure() {
    const more = this.options.targets ?? {};
    const targets = { main: await this.makeTarget(this.options.target) };
    for (const [name, extra] of Object.entries(more)) targets[name] = await this.makeTarget(extra);
    this.config = { targets, log: { level: 'debug' }, ...this.options.config };
    this.port = targets.main.listen;
    this.configFile = this.at('config/config.json');
    this.writeConfig(this.config);
  }

  writeConfig(value) {
    fs.writeFileSync(this.configFile, typeof value === 'string' ? value : JSON.stringify(value, null, 2));
  }

  get daemonEnv() {
    const PATH = (this.sshd ? `${this.sshd.bin}:` : '') + (this.options.path ?? process.env.PATH);
    const env = {
      PATH,
      HOME: this.at('home'),
      XDG_CONFIG_HOME: this.at('config'),
      XDG_CONFIG_DIRS: this.at('none'), // not this machine's
      LANG: 'C.UTF-8',
      USER: account.username,
      SHELL: process.env.SHELL ?? '/bin/bash',
      ASAN_OPTIONS: 'detect_leaks=1:abort_on_error=0',
      UBSAN_OPTIONS: 'print_stacktrace=1',
      LSAN_OPTIONS: `print_suppressions=0:suppressions='${path.join(ROOT, 'test/lsan.supp')}'`, // their quotes: a path may have blanks
      ...(this.transport === 'local' ? this.remoteEnv : {}),
      ...this.options.daemonEnv,
    };
    return env;
  }

  async startDaemon(args = ['--config', this.configFile]) {
    this.daemon = new Child(this.options.program ?? DELVEGATE, args, { name: 'delvegate', env: this.daemonEnv, cwd: this.root });
    for (const { listen } of Object.values(this.config.targets)) {
      await this.daemon.wait(new RegExp(`listening.*\\b${String(listen).replace(/.*:/, '')}\\b`, 'i'));
    }
    if (process.env.GDB) {
      process.stderr.write(`delvegate listens, and waits for a debugger: gdb -p ${this.daemon.pid}\n`);
      await until('a debugger', () => Number(proc.status(this.daemon.pid, 'TracerPid')) > 0);
    }
    return this.daemon;
  }

  /** A child that this world ends if it still runs; not counted as left behind. */
  spawn(command, args, options = {}) {
    const child = new Child(command, args, { cwd: this.root, ...options });
    this.children.push(child);
    this.spared.add(child.pid);
    return child;
  }

  /** Runs delvegate to its end with these arguments. */
  cli(args, options = {}) {
    return run(DELVEGATE, args, { env: this.daemonEnv, cwd: this.root, ...options });
  }

  async session(options = {}) {
    const session = await Session.open(options.port ?? this.port, { label: `${this.transport} session ${this.sessions.length + 1}`, ...options });
    if (this.client) session.client = { clientID: this.client };
    this.sessions.push(session);
    return session;
  }

  /** Begins the session that stands beside the tests, at a breakpoint. What is its own counts for none of them. */
  async standBeside() {
    const main = path.join(program('tool'), 'main.go');
    const [processes, runs] = [new Set(this.processes()), new Set(this.runDirectories())];
    const s = await Session.open(this.port, { label: `${this.transport} session beside` });
    await s.launch({ program: path.dirname(main), args: ['loop'] }, () => s.breakpoints(main, [line(main, 'TICK')]));
    await s.stop({ reason: 'breakpoint' });
    await s.output('stdout', /looping/); // on a way of its own
    for (const pid of this.processes()) if (!processes.has(pid)) this.spared.add(pid);
    for (const run of this.runDirectories()) if (!runs.has(run)) this.sparedRuns.add(run);
    this.beside = s;
    this.besideSays = s.messages.length;
  }

  /** It is where it was, answers, and has heard of nothing. */
  async checkBeside() {
    const s = this.beside;
    assert.deepEqual(s.messages.slice(this.besideSays).map((m) => m.event ?? m.command), [], s.text());
    assert.equal((await s.top()).name, 'main.tick');
    assert.equal((await s.send('threads')).success, true);
    this.besideSays = s.messages.length;
  }

  /** Whether the sessions' client gets `initialized` before there is a Delve, and breakpoints that are not verified yet. */
  get isEarly() {
    return this.client !== undefined;
  }

  /** Processes that belong to this world's Go machine: dlv, programs, builds. */
  processes() {
    return this.everything().filter((pid) => !this.isSupervisor(pid));
  }

  isSupervisor(pid) {
    const exe = proc.exe(pid);
    return SUPERVISOR.test(exe);
  }

  /** The supervisor, its warden, its doors. */
  supervisors() {
    return this.everything().filter((pid) => this.isSupervisor(pid));
  }

  everything() {
    const root = this.root;
    const daemon = this.daemon?.pid;
    return proc.pids().filter((pid) => {
      if (pid === process.pid || pid === daemon || pid === this.sshd?.child.pid) return false;
      const args = proc.cmdline(pid);
      if (args.length === 0 || /^sshd(-session|-auth)?: /.test(args[0]) || /\/sshd(-session|-auth)?$/.test(args[0])) return false;
      // The way to the Go machine, kept for the next session.
      if (this.transport === 'command' && this.daemon?.running && proc.parent(pid) === daemon && /(^|\/)ssh$/.test(args[0])) return false;
      for (const spared of this.spared) if (proc.descends(pid, spared)) return false;
      const mine = args.join('\0').includes(root) || proc.cwd(pid).startsWith(root) || proc.exe(pid).startsWith(root)
        || (proc.environ(pid).XDG_CACHE_HOME ?? '').startsWith(root);
      return mine && proc.alive(pid);
    });
  }

  /** The one process that check(args, pid) says yes to, waited for. */
  async process(what, check, options) {
    return until(what, () => this.processes().find((pid) => check(proc.cmdline(pid), pid)), {
      explain: () => `processes:\n${proc.describe(this.processes())}`, ...options,
    });
  }

  dlv(options) {
    return this.process('dlv', (args) => /(^|\/)dlv$/.test(args[0]) && args.some((a) => a.startsWith('--listen')), options);
  }

  goBuild(options) {
    return this.process('go build', (args) => /(^|\/)go$/.test(args[0]) && ['build', 'test'].includes(args[1]), options);
  }

  /** The debugged program: what runs out of a run directory, or `binary`. */
  debuggee(binary, options) {
    return this.process('the program', (args, pid) => {
      const exe = proc.exe(pid);
      return binary ? exe === binary : exe.startsWith(`${this.runDirs}/`);
    }, options);
  }

  /** The supervisors' own directories. */
  instances() {
    return list(this.runDirs).filter((name) => name !== 'bin');
  }

  /** The directories of sessions, below those of the supervisors. */
  runDirectories() {
    return this.instances().flatMap((instance) => list(path.join(this.runDirs, instance))
      .filter((name) => /^\d+$/.test(name)).map((name) => `${instance}/${name}`))
      .filter((name) => !this.sparedRuns.has(name));
  }

  /**
   * Waits until no process and no run directory of this world is there; true when that came about. While delvegate runs, an
   * idle supervisor may be.
   */
  nothingLeft({ timeout = 30_000 } = {}) {
    const isIdle = () => this.processes().length === 0 && this.runDirectories().length === 0;
    const isGone = () => this.supervisors().length === 0 && this.instances().length === 0;
    return until('nothing to be left on the Go machine', () => isIdle() && (this.daemon?.running || isGone()), {
      timeout,
      explain: () => `processes left:\n${proc.describe(this.everything())}\nin ${this.runDirs}: ${this.instances()} ${this.runDirectories()}\n${this.logs()}`,
    });
  }

  logs() {
    const parts = [];
    for (const child of [this.daemon, this.sshd?.child, ...this.children]) {
      if (child) parts.push(`--- ${child.name} (${child.pid}) ${child.running ? 'running' : JSON.stringify(child.how)}\n${(child.stderr + child.stdout).slice(-6000)}`);
    }
    return parts.join('\n');
  }

  assertNoSanitizerReport() {
    if (this.daemon) assert.doesNotMatch(this.daemon.stderr, SANITIZER, this.daemon.stderr.slice(-8000));
  }

  /** Ends delvegate as a service manager does. */
  async stopDaemon() {
    if (this.daemon?.running) {
      this.daemon.kill('SIGTERM');
      const how = await this.daemon.end(30_000);
      this.assertNoSanitizerReport();
      assert.deepEqual(how, { code: 0, signal: null }, this.daemon.text());
    }
    this.assertNoSanitizerReport();
  }

  async stop() {
    try {
      for (const session of this.sessions) session.socket.destroy();
      if (this.beside && this.daemon?.running) await this.beside.finish({ terminateDebuggee: true });
      if (this.daemon) await this.stopDaemon();
      if (this.root) await this.nothingLeft();
    } finally {
      // Whatever went wrong above: end what was started here, by pid.
      for (const child of [this.daemon, ...this.children]) child?.kill('SIGKILL');
      if (this.root) this.kill();
      if (this.sshd) await this.sshd.stop();
      this.remove();
    }
  }

  remove() {
    worlds.delete(this);
    if (this.root && !process.env.KEEP) fs.rmSync(this.root, REMOVE);
  }

  /** Ends at once, in the exit of this process: its children have been ended, what they had started may not have been. */
  abandon() {
    for (let round = 0; round < ROUNDS && this.kill() > 0; round++);
    this.remove();
  }

  /** Kills what belongs to this world, or those of it, by pid, and returns how many there were. */
  kill(left = this.everything()) {
    for (const pid of left) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch (error) {
        if (error.code !== 'ESRCH') throw error; // it has ended
      }
    }
    return left.length;
  }

  /**
   * A test in this world. Its sessions must have kept the protocol's promises, and nothing of them may be left.
   * notEarly: why it is not run as a client that need not wait for Delve: it expects Delve's own order.
   */
  test(name, options, body) {
    if (typeof options === 'function') return this.test(name, {}, options);
    return test(name, { timeout: (options.timeout ?? TEST_MS) * PATIENCE, skip: options.skip || (this.isEarly && options.notEarly) }, async (t) => {
      this.sessions = [];
      try {
        if (this.options.beside && !this.beside) await this.standBeside();
        await body(t);
        if (this.beside) await this.checkBeside();
        if (this.daemon?.running) {
          for (const session of this.sessions) {
            session.assertProtocol({ unanswered: options.unanswered || session.gone });
            session.socket.destroy();
          }
          await this.nothingLeft();
        }
        this.assertNoSanitizerReport();
      } catch (error) {
        for (const session of this.sessions) session.socket.destroy();
        throw new Error(`${error.stack ?? error}\n${this.sessions.map((s) => s.text()).join('\n')}\n${this.logs()}`);
      }
    });
  }

  /** A second world with the same transport, for tests that break it; ended with the test. */
  async fresh(t, options = {}) {
    const world = new World({ transport: this.transport, client: this.client, ...options });
    t.after(() => world.stop());
    try {
      await world.start();
    } catch (error) {
      throw new Error(`${error.stack}\n${world.logs()}`);
    }
    return world;
  }
}

// Without CHECK_ALL=1 only in the suites that say so: where breakpoints, builds and new Delves meet.
const CLIENTS = process.env.CHECK_ALL === '1' ? ['vscode'] : [];

/**
 * Groups of tests on each transport, in a world that starts before them and ends after them. concurrency: how many at
 * once, for tests that use worlds of their own only. skip: why none can be run here, and no world can start. clients:
 * on the first transport they run once more as each of these clients, which see a session begin another way; [] where
 * no editor's session is tested.
 */
export function suite(name, options, body) {
  const { transports = ['local', 'ssh'], clients = CLIENTS, concurrency = 1, skip: why = false, ...rest } = options;
  const ways = [...transports.map((transport) => ({ transport })), ...clients.map((client) => ({ transport: transports[0], client }))];
  for (const { transport, client } of ways) {
    const skip = why || (transport !== 'local' && !haveSshd && 'no sshd on this machine that lets in who runs the tests');
    describe(`${name} (${transport}${client ? `, as ${client}` : ''})`, { skip, concurrency }, () => {
      const world = new World({ transport, client, ...rest });
      before(() => world.start());
      after(() => world.stop());
      body(world);
    });
  }
}
