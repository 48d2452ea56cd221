// A Go machine in a container, started as a user does it: scripts/gomachine/run.sh; and delvegate outside of it.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Child, DELVEGATE, PROGRAMS, Session, freePort, run, until } from '../../../e2e/harness.mjs';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../../..');
export const INSTALLED = path.join(ROOT, 'build/delvegate'); // without the test build's leak checker, which needs ptrace
const PODMAN = path.join(ROOT, 'test/podman.sh');
const BUILD_MS = 900_000; // packages are fetched
const START_MS = 60_000;

export function podman(args, options = {}) {
  return run(PODMAN, args, { timeout: START_MS, ...options });
}

/** The name of an image made from a fresh root. */
export async function base(suite) {
  const { code, stdout, stderr } = await podman(['base', suite], { timeout: BUILD_MS });
  assert.equal(code, 0, stderr);
  return stdout.trim();
}

/** An older engine's seccomp profile: ptrace only for a container that was given SYS_PTRACE. */
const STRICT = {
  defaultAction: 'SCMP_ACT_ALLOW',
  syscalls: [{ names: ['ptrace'], action: 'SCMP_ACT_ERRNO', args: [], excludes: { caps: ['CAP_SYS_PTRACE'] } }],
};

export class GoMachine {
  /** options: arguments of run.sh. strict: with the profile above. published: on a port that the engine chooses. byCommand:
   * delvegate reaches it by the engine's `exec`, not by its sshd. program: another delvegate. */
  constructor({ image, options = [], strict = false, published = false, byCommand = false, program = DELVEGATE }) {
    Object.assign(this, { image, options, strict, published, byCommand, program });
    this.sessions = [];
  }

  async start() {
    this.root = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'delvegate-container-')));
    for (const dir of ['home', 'config', 'bin']) fs.mkdirSync(this.at(dir));
    if (this.strict) {
      fs.writeFileSync(this.at('strict.json'), JSON.stringify(STRICT));
      this.options = [...this.options, '--run', `--security-opt=seccomp=${this.at('strict.json')}`];
    }
    if (!this.published) this.options = [...this.options, '--host-port', String(await freePort())];
    await this.startContainer();
    fs.writeFileSync(this.at('bin/ssh'), `#!/bin/sh\nexec /usr/bin/ssh -F ${this.at('state/ssh_config')} "$@"\n`, { mode: 0o755 });
    this.port = await freePort();
    // The configuration that run.sh wrote, on a port of our own.
    const config = JSON.parse(fs.readFileSync(this.at('state/config.json'), 'utf8'));
    config.targets.gomachine.listen = this.port;
    if (this.byCommand) {
      delete config.targets.gomachine.ssh;
      config.targets.gomachine.command = [PODMAN, 'exec', '-i', '--user', 'go', this.name, 'sh'];
    }
    config.log = { level: 'debug' };
    fs.writeFileSync(this.at('config.json'), JSON.stringify(config));
    this.daemon = new Child(this.program, ['--config', this.at('config.json')], { name: 'delvegate', env: this.env, cwd: this.root });
    await this.daemon.wait(new RegExp(`listening.*\\b${this.port}\\b`, 'i'));
    return this;
  }

  at(name) {
    return path.join(this.root, name);
  }

  get env() {
    const podmans = Object.entries(process.env).filter(([name]) => this.byCommand && name.startsWith('PODMAN_'));
    return {
      ...Object.fromEntries(podmans),
      PATH: `${this.at('bin')}:${process.env.PATH}`,
      HOME: this.at('home'),
      XDG_CONFIG_HOME: this.at('config'),
      LANG: 'C.UTF-8',
      SHELL: '/bin/bash',
      LSAN_OPTIONS: `print_suppressions=0:suppressions="${path.join(ROOT, 'test/lsan.supp')}"`,
    };
  }

  async startContainer() {
    this.container = new Child(path.join(ROOT, 'scripts/gomachine/run.sh'), [
      '--base', this.image, '--source', PROGRAMS, '--state', this.at('state'), ...this.options, PODMAN,
    ], { name: 'run.sh' });
    const [, name] = await this.container.wait(/in the container (gomachine-\d+)[^]*Ctrl-C/, { stream: 'stdout', timeout: BUILD_MS });
    this.name = name;
  }

  /** The container's processes end at once, as when its engine is told to kill it. */
  async killContainer() {
    const { code, stderr } = await podman(['kill', this.name]);
    assert.equal(code, 0, stderr);
    await this.container.end();
  }

  /** Runs in the container; by default as the user who logs in. */
  exec(args, { user = 'go', ...options } = {}) {
    return podman(['exec', '--user', user, this.name, ...args], options);
  }

  /** `delvegate exec` of a command there, which reads `input`. */
  delvegateExec(args, input) {
    return run(this.program, ['exec', '--config', this.at('config.json'), 'gomachine', '--', ...args], { env: this.env, cwd: this.root, timeout: START_MS, input });
  }

  ssh(args) {
    return run('/usr/bin/ssh', ['-F', this.at('state/ssh_config'), '-o', 'BatchMode=yes', ...args], { timeout: START_MS });
  }

  async session() {
    const session = await Session.open(this.port, { label: `session ${this.sessions.length + 1}` });
    this.sessions.push(session);
    return session;
  }

  /** `delvegate check-env` for a directory that is mounted in the container. */
  checkEnv(cwd) {
    return run(this.program, ['check-env', '--config', this.at('config.json'), '--cwd', cwd, 'gomachine'], { env: this.env, cwd: this.root, timeout: START_MS });
  }

  /** What of sessions is in the container: processes that are neither sshd, the supervisor nor ours, and run directories. */
  async left() {
    const { stdout } = await this.exec(['sh', '-c', 'ps -e -o pid=,args=; ls -d ~/.cache/delvegate/*/[0-9]*/ 2>/dev/null; :']);
    const isOther = /^\d+ (sshd(-\w+)?: |sh -c ps -e|ps -e|delvegate-supervisor serve |\S+\/delvegate\/bin\/\w+ door )/;
    return stdout.split('\n').map((l) => l.trim()).filter((l) => l && !isOther.test(l));
  }

  /** Waits for a process of `go` in the container whose command line matches. */
  async process(pattern) {
    return until(`${pattern} in the container`, async () => (await this.exec(['pgrep', '-f', pattern])).stdout.trim(), {
      timeout: START_MS, explain: () => this.logs(),
    });
  }

  async nothingLeft() {
    let seen;
    await until('nothing to be left in the container', async () => {
      seen = await this.left();
      return seen.length === 0;
    }, { timeout: START_MS, explain: () => `${seen.join('\n')}\n${this.daemon.text()}` });
  }

  async stop() {
    try {
      for (const session of this.sessions) session.socket.destroy();
      if (this.daemon) {
        this.daemon.kill('SIGTERM');
        assert.deepEqual(await this.daemon.end(START_MS), { code: 0, signal: null }, this.daemon.text());
      }
    } finally {
      if (this.container?.running) {
        this.container.kill('SIGTERM');
        await this.container.end(START_MS);
      }
      if (this.root && !process.env.KEEP) fs.rmSync(this.root, { recursive: true, force: true });
    }
    // Interrupted, run.sh leaves nothing of its container.
    const { stdout } = await podman(['ps', '--all', '--quiet', '--filter', `name=${this.name}`]);
    assert.equal(stdout, '', `${this.name} is still there`);
  }

  logs() {
    return [...this.sessions.map((s) => s.text()), this.daemon?.text() ?? '', this.container?.text() ?? ''].join('\n');
  }
}
