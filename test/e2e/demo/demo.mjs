// The main job on real parts, to watch: a debug session through a real sshd to a real headless Delve, and one without SSH.
//   node test/e2e/demo/demo.mjs build/delvegate
// Everything it makes lies in one temporary directory; everything it starts is ended.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Child } from '../lib/children.mjs';
import { freePort } from '../lib/port.mjs';
import * as proc from '../lib/proc.mjs';
import { HOST, Sshd } from '../lib/sshd.mjs';
import { until } from '../lib/until.mjs';
import { Client } from './client.mjs';

const LIMIT_MS = 175_000; // of everything: the demo promises three minutes
const LEFT_MS = 20_000;
const TREE = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');

const PROGRAM = `package main

import (
\t"fmt"
\t"os"
)

type order struct {
\tItem  string
\tCount int
}

func total(orders []order) int {
\tsum := 0
\tfor _, o := range orders {
\t\tsum += o.Count
\t}
\treturn sum
}

func main() {
\torders := []order{{"gopher", 2}, {"scarf", 5}}
\tfmt.Println("hello from the Go machine")
\tfmt.Fprintln(os.Stderr, "a line on stderr")
\tsum := total(orders)
\tfmt.Println("total:", sum)
\tos.Exit(sum)
}
`;
const BREAK_LINE = PROGRAM.split('\n').findIndex((line) => line === '\treturn sum') + 1;
const EXIT_CODE = 7;

const SUPERVISOR = /\/supervisor$/; // beside delvegate, and as it is installed

const list = (dir) => (fs.existsSync(dir) ? fs.readdirSync(dir) : []);
const kill = (pid) => {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (error.code !== 'ESRCH') throw error; // it has ended
  }
};
const say = (what, text) => process.stdout.write(`${what.padEnd(16)} ${text}\n`);

class Demo {
  constructor(delvegate) {
    this.delvegate = path.resolve(delvegate);
    this.root = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'delvegate-demo-')));
    this.cache = path.join(this.root, 'cache'); // the Go machine's
    this.supervisors = path.join(this.cache, 'delvegate');
  }

  /** The supervisors' own directories. */
  instances() {
    return list(this.supervisors).filter((name) => name !== 'bin');
  }

  /** Those of sessions, one for each below its supervisor's. */
  runDirectories() {
    return this.instances().flatMap((instance) => list(path.join(this.supervisors, instance))
      .filter((name) => /^\d+$/.test(name)).map((name) => path.join(instance, name)));
  }

  /** The laptop's copy of the source and the Go machine's: the same files at two places, as with two machines. */
  writeSources() {
    for (const side of ['laptop', 'gomachine']) {
      const dir = path.join(this.root, side, 'hello');
      fs.mkdirSync(dir, { recursive: true });
      fs.writeFileSync(path.join(dir, 'go.mod'), 'module hello\n\ngo 1.19\n');
      fs.writeFileSync(path.join(dir, 'main.go'), PROGRAM);
    }
    this.program = path.join(this.root, 'laptop/hello');
  }

  async startSshd() {
    fs.mkdirSync(this.cache, { mode: 0o700 });
    this.sshd = await Sshd.start({ dir: path.join(this.root, 'sshd'), env: { XDG_CACHE_HOME: this.cache } });
    say('sshd up', `127.0.0.1:${this.sshd.port}, known to ssh as ${HOST}`);
  }

  async startDelvegate() {
    this.ports = { [HOST]: await freePort(), local: await freePort() };
    const both = {
      paths: [{ client: path.join(this.root, 'laptop'), remote: path.join(this.root, 'gomachine') }],
      go: { GOCACHE: path.join(TREE, 'build/demo/go-build') },
    };
    const config = {
      targets: { [HOST]: { listen: this.ports[HOST], ssh: HOST, ...both }, local: { listen: this.ports.local, ...both } },
    };
    const file = path.join(this.root, 'config.json');
    fs.writeFileSync(file, `${JSON.stringify(config, null, 2)}\n`);
    const { SSH_AUTH_SOCK, ...env } = process.env; // the demo's own key opens the door, not the user's agent
    env.PATH = `${this.sshd.bin}:${process.env.PATH}`;
    env.XDG_CACHE_HOME = this.cache;
    this.daemon = new Child(this.delvegate, ['--config', file], { name: 'delvegate', env });
    for (const port of Object.values(this.ports)) await this.daemon.wait(new RegExp(`listening.*\\b${port}\\b`, 'i'));
    const targets = Object.entries(this.ports).map(([target, port]) => `127.0.0.1:${port} for target ${target}`).join(', ');
    say('delvegate up', `${targets} (${this.delvegate} --config ${file})`);
  }

  async debug(target) {
    say('session', `on target ${target}`);
    const client = await Client.open(this.ports[target]);
    const output = { stdout: '', stderr: '' };
    client.onOutput = (category, text) => {
      output[category] = (output[category] ?? '') + text;
      for (const line of text.split('\n')) if (line !== '') say(category === 'console' || category === 'important' ? 'debug console' : `program ${category}`, line);
    };
    const exited = client.event('exited');
    exited.catch(() => {}); // awaited below; an earlier failure is told first
    const file = path.join(this.program, 'main.go');
    say('launch', `mode debug, program ${this.program} (the laptop's path)`);
    const [breakpoint] = await client.start('launch', { name: 'demo', mode: 'debug', program: this.program }, { [file]: [BREAK_LINE] });
    if (!breakpoint.verified) throw new Error(`the breakpoint is not verified: ${JSON.stringify(breakpoint)}`);

    const stopped = await client.event('stopped');
    const { frame, variables } = await client.where(stopped.threadId);
    say('stopped', `${stopped.reason} at ${frame.source.path}:${frame.line} in ${frame.name}`);
    for (const { name, value, type } of variables) say('', `${name} ${type ?? ''} = ${value}`);
    if (frame.source.path !== file || frame.line !== BREAK_LINE) throw new Error(`expected the stop at ${file}:${BREAK_LINE}`);
    if (!variables.some((v) => v.name === 'sum' && v.value === String(EXIT_CODE))) throw new Error('expected the variable sum to be 7');

    await client.request('continue', { threadId: stopped.threadId });
    const { exitCode } = await exited;
    await client.event('terminated');
    say('exit code', String(exitCode));
    if (exitCode !== EXIT_CODE) throw new Error(`expected the exit code ${EXIT_CODE}`);
    if (output.stdout !== 'hello from the Go machine\ntotal: 7\n') throw new Error(`the program's stdout is not complete: ${output.stdout}`);
    if (output.stderr !== 'a line on stderr\n') throw new Error(`the program's stderr is not complete: ${output.stderr}`);
    await client.request('disconnect', { terminateDebuggee: true });
    client.close();
  }

  /** All that runs there: dlv, the program, go, and the supervisor, its warden, its door. */
  processes() {
    const own = [process.pid, this.daemon.pid, this.sshd.child.pid];
    return proc.pids().filter((pid) => {
      if (own.includes(pid) || !proc.alive(pid)) return false;
      const args = proc.cmdline(pid).join(' ');
      if (args === '' || /^sshd(-session|-auth)?: /.test(args)) return false;
      return proc.environ(pid).XDG_CACHE_HOME === this.cache || args.includes(this.root)
        || proc.cwd(pid).startsWith(this.root) || proc.exe(pid).startsWith(this.root);
    });
  }

  /** Those of sessions: a supervisor waits for the next one. */
  ofSessions() {
    const isSupervisor = (exe) => exe.startsWith(path.join(this.supervisors, 'bin/')) || SUPERVISOR.test(exe);
    return this.processes().filter((pid) => !isSupervisor(proc.exe(pid)));
  }

  async checkNothingLeft() {
    await until('the session to be cleared away', () => this.ofSessions().length === 0 && this.runDirectories().length === 0, {
      timeout: LEFT_MS,
      explain: () => `processes:\n${proc.describe(this.ofSessions())}\nin ${this.supervisors}: ${this.runDirectories().join(' ')}`,
    });
    say('nothing left', `no dlv, no program, no build, no run directory in ${this.supervisors}`);
  }

  async stop() {
    this.daemon.kill('SIGTERM');
    const { code, signal } = await this.daemon.end();
    say('delvegate down', code === 0 ? 'exit status 0' : `exit status ${code ?? signal}`);
    if (code !== 0) throw new Error('delvegate did not end well');
    await until('the supervisors to end', () => this.processes().length === 0 && this.instances().length === 0, {
      timeout: LEFT_MS,
      explain: () => `processes:\n${proc.describe(this.processes())}\nin ${this.supervisors}: ${this.instances().join(' ')}`,
    });
    say('nothing left', `no supervisor; its program stays in ${this.supervisors}/bin for the next start`);
  }

  async clear() {
    this.daemon?.kill('SIGKILL');
    if (this.daemon) for (const pid of this.processes()) kill(pid); // of a session that went wrong
    await this.sshd?.stop();
    this.remove();
  }

  /** Whatever way this process ends. */
  remove() {
    fs.rmSync(this.root, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }); // what ends may still write
  }
}

const [delvegate] = process.argv.slice(2);
if (!delvegate) {
  process.stderr.write('usage: demo.mjs PATH-OF-DELVEGATE\n');
  process.exit(2);
}
const demo = new Demo(delvegate);
process.on('exit', () => demo.remove());
let late;
const limit = new Promise((_, reject) => {
  late = setTimeout(() => reject(new Error(`the demo took longer than ${LIMIT_MS / 1000} s`)), LIMIT_MS);
});
try {
  await Promise.race([limit, (async () => {
    demo.writeSources();
    await demo.startSshd();
    await demo.startDelvegate();
    for (const target of Object.keys(demo.ports)) {
      await demo.debug(target);
      await demo.checkNothingLeft();
    }
    await demo.stop();
  })()]);
  say('demo', 'all of it worked');
} catch (error) {
  process.exitCode = 1;
  process.stderr.write(`demo: ${error.message}\n${demo.daemon ? demo.daemon.text() : ''}\n`);
} finally {
  clearTimeout(late);
  await demo.clear();
}
