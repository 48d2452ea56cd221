// A stranger's first hour: README's quick start in a fresh Debian root, each line typed on a terminal as it stands there,
// with a second fresh root as the Go machine. Prints the lines, what each took, and the first stop.
//   test/node.sh test/install/walk.mjs bookworm|trixie
// Needs root, mmdebstrap and the network; takes some minutes. KEEP=1 keeps the directory with the two roots.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { execFileSync, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Client } from '../e2e/demo/client.mjs';
import { Child } from '../e2e/lib/children.mjs';
import { until } from '../e2e/lib/until.mjs';

const TREE = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const ROOT = path.join(TREE, 'test/root.sh');
const CANNOT = 77; // root.sh's status where this machine cannot do it
const LINE_LIMIT_MS = 900_000; // of one line: packages are fetched
const START_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 240_000; // the Go machine builds its standard library first
const SAID = 4000; // characters of a terminal that an error shows
const USER = 'dev';
const SECRET = 'a long password';
const MACHINES = { bookworm: '127.0.12.22', trixie: '127.0.13.22' }; // where the Go machine's sshd listens
const CTRL_C = '\x03';
const PROMPT = /\[walk (\d+)\]\$ $/;
// What a person answers, and to which question.
const ANSWERS = [
  [/Are you sure you want to continue connecting.*\? $/, 'yes'],
  [/password( for \w+)?: $/i, SECRET],
  [/Enter file in which to save the key.*: $/, ''],
  [/Enter (same )?passphrase.*: $/, ''],
];
const PROGRAM = 'package main\n\nimport "fmt"\n\nfunc main() {\n\tname := "stranger"\n\tfmt.Println("hello,", name)\n}\n';
const BREAK_LINE = 7;

const readme = fs.readFileSync(path.join(TREE, 'README.md'), 'utf8');
const say = (what, text) => process.stdout.write(`${what.padEnd(10)} ${text}\n`);
const seconds = (since) => ((Date.now() - since) / 1000).toFixed(1);

/** The commands of the quick start's numbered lines, which are typed; the rest in backquotes is names and conditions. */
function commands() {
  const section = readme.slice(readme.indexOf('## Quick start'), readme.indexOf('\n## ', readme.indexOf('## Quick start') + 1));
  const lines = section.split('\n').filter((line) => /^\d+\. /.test(line));
  return lines.flatMap((line) => [...line.matchAll(/`([^`]+)`/g)]
    .map(([, command]) => ({ number: parseInt(line, 10), command }))
    .filter(({ command }) => /^((sudo|git|ssh|ssh-keygen|ssh-copy-id|mkdir|code|scripts\/\S+) .*|delvegate.*)$/.test(command)));
}

/** One of the quick start's files, without the line that names it. */
function file(name) {
  const [, text] = new RegExp(`^// \\S*/${name.replace('.', '\\.')}\\n([^]*?)^\`\`\`$`, 'm').exec(readme);
  return text;
}

/** A terminal in a root, with a person before it. */
class Terminal {
  constructor(dir, user) {
    const shell = `exec ${ROOT} user '${dir}' ${user} bash --noprofile -i`;
    this.child = new Child('script', ['-qfec', shell, '/dev/null'], { name: 'terminal', env: { ...process.env, SHELL: '/bin/sh', TERM: 'dumb' } });
  }

  /** What has been shown since the line was typed, or the question before was answered. */
  get shown() {
    return this.child.stdout.replace(/\r/g, '');
  }

  prompt(timeout) {
    return until('the shell\'s prompt', () => {
      for (const [question, answer] of ANSWERS) {
        if (!question.test(this.shown)) continue;
        this.all += this.shown;
        this.send(answer);
      }
      if (!this.child.running) throw new Error(`the terminal ended\n${this.shown.slice(-SAID)}`);
      return PROMPT.exec(this.shown);
    }, { timeout, explain: () => this.shown.slice(-SAID) });
  }

  send(text) {
    this.child.stdout = '';
    this.child.process.stdin.write(`${text}\n`);
  }

  /** Types a line and waits for the next prompt; fails as the line does. */
  async type(line) {
    this.all = '';
    this.send(line);
    const [, status] = await this.prompt(LINE_LIMIT_MS);
    this.all += this.shown;
    if (status !== '0') throw new Error(`'${line}' ended with ${status}\n${this.all.slice(-SAID)}`);
    return this.all;
  }

  /** Ends what runs in it, and the shell. */
  async close() {
    if (!this.child.running) return;
    if (!PROMPT.test(this.shown)) this.child.process.stdin.write(CTRL_C);
    await this.prompt(START_LIMIT_MS);
    this.send('exit');
    await this.child.end();
  }
}

class Walk {
  constructor(suite) {
    this.suite = suite;
    this.address = MACHINES[suite];
    this.dir = fs.mkdtempSync(path.join(os.tmpdir(), 'delvegate-walk-'));
    this.here = path.join(this.dir, 'here');
    this.there = path.join(this.dir, 'there');
    this.lines = 0;
  }

  root(...args) {
    execFileSync(ROOT, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  }

  /** Two machines of a Debian that was just installed: a user who may sudo, and there an sshd that takes passwords. */
  makeMachines() {
    this.root('make', this.here, this.suite, 'sudo');
    this.root('make', this.there, this.suite, 'sudo', 'openssh-server');
    for (const dir of [this.here, this.there]) {
      this.root('run', dir, 'sh', '-c', `useradd -m -s /bin/bash -G sudo ${USER} && echo '${USER}:${SECRET}' | chpasswd`);
    }
    fs.appendFileSync(path.join(this.here, 'etc/hosts'), `${this.address} gomachine\n`);
    const home = path.join(this.here, 'home', USER);
    fs.writeFileSync(path.join(home, '.bashrc'), 'PS1="[walk \\$?]$ "\nunset DEBIAN_FRONTEND NODE_EXTRA_CA_CERTS\n');
    execFileSync('git', ['-c', 'safe.directory=*', 'clone', '-q', '--bare', '--no-hardlinks', TREE, path.join(this.here, 'srv/delvegate.git')]);
    const { uid, gid } = fs.statSync(home);
    this.own = { uid, gid };
    execFileSync('chown', ['-R', `${uid}:${gid}`, path.join(this.here, 'srv/delvegate.git')]);
  }

  async startSshd() {
    this.sshd = new Child(ROOT, ['run', this.there, 'sh', '-c',
      `mkdir -p /run/sshd && exec /usr/sbin/sshd -D -e -o ListenAddress=${this.address}`], { name: 'sshd' });
    await this.sshd.wait(/listening on/, { timeout: START_LIMIT_MS });
  }

  /** What an editor saves. */
  write(name, text) {
    const at = path.join(this.here, 'home', USER, name);
    fs.writeFileSync(at, text);
    fs.chownSync(at, this.own.uid, this.own.gid);
    say('write', `~/${name}`);
  }

  writeFiles() {
    this.write('.config/delvegate/config.json', file('config.json'));
    this.write('src/hello/.vscode/launch.json', file('launch.json'));
    this.write('src/hello/.vscode/tasks.json', file('tasks.json'));
    this.write('src/hello/go.mod', 'module example.com/hello\n\ngo 1.19\n');
    this.write('src/hello/main.go', PROGRAM);
  }

  async type({ number, command }) {
    const line = command.replace(/^(git clone) URL/, '$1 file:///srv/delvegate.git');
    const began = Date.now();
    this.lines += 1;
    if (command.startsWith('code ')) {
      say(`line ${number}`, `${line}   (not typed: a root has no screen)`);
    } else if (command === 'delvegate') {
      this.terminal.send(line);
      await until('delvegate to listen', () => /listening/.test(this.terminal.shown), { timeout: START_LIMIT_MS, explain: () => this.terminal.shown });
      say(`line ${number}`, `${line}   ${seconds(began)} s`);
    } else if (command.startsWith('delvegate check-env')) {
      this.lines -= 1; // only if it does not stop
      this.asked = command;
    } else {
      const shown = await this.terminal.type(line);
      say(`line ${number}`, `${line}   ${seconds(began)} s`);
      if (process.env.VERBOSE) process.stdout.write(shown);
    }
    if (command.startsWith('mkdir')) this.writeFiles();
  }

  /** What VS Code does at F5: the task, then what the Go extension makes of launch.json. */
  async f5() {
    const home = `/home/${USER}`;
    const folder = `${home}/src/hello`;
    const expand = (value) => JSON.parse(JSON.stringify(value).replaceAll('${workspaceFolder}', folder));
    const task = expand(JSON.parse(file('tasks.json')).tasks[0]);
    const { preLaunchTask, ...configuration } = expand(JSON.parse(file('launch.json')).configurations[0]);
    if (preLaunchTask !== task.label) throw new Error(`there is no task '${preLaunchTask}'`);
    const began = Date.now();
    const copied = spawnSync(ROOT, ['user', this.here, USER, task.command, ...task.args], { encoding: 'utf8' });
    if (copied.status !== 0) throw new Error(`the task failed\n${copied.stdout}${copied.stderr}`);
    process.seteuid(this.own.uid); // delvegate serves its own user alone
    const client = await Client.open(configuration.debugServer).finally(() => process.seteuid(0));
    client.onOutput = (category, text) => say(category, text.trimEnd());
    const stopped = client.event('stopped');
    stopped.catch(() => {}); // awaited below: what the start says comes first
    await Promise.race([
      client.start('launch', {
        ...configuration, __configurationTarget: 6, packagePathToGoModPathMap: {}, debugAdapter: 'dlv-dap', showRegisters: false,
        showGlobalVariables: false, substitutePath: [], showLog: false, logOutput: 'debugger', dlvFlags: [],
        hideSystemGoroutines: false, dlvToolPath: '/usr/bin/dlv', env: { GOPATH: `${home}/go` }, __sessionId: '0',
      }, { [`${folder}/main.go`]: [BREAK_LINE] }).then(() => stopped),
      new Promise((_, reject) => { setTimeout(reject, STOP_LIMIT_MS, new Error(`F5 has not stopped\n${this.terminal.shown}`)).unref(); }),
    ]);
    const { frame, variables } = await client.where((await stopped).threadId);
    say('F5', `stopped at ${frame.source.path}:${frame.line}, ${variables.map((v) => `${v.name} = ${v.value}`)}   ${seconds(began)} s`);
    if (frame.source.path !== `${folder}/main.go` || frame.line !== BREAK_LINE) throw new Error('which is not the breakpoint');
    await client.request('disconnect', { terminateDebuggee: true });
    client.close();
  }

  /** What the last line offers when it does not stop. */
  async checkEnv() {
    const other = new Terminal(this.here, USER);
    try {
      await other.prompt(START_LIMIT_MS);
      await other.type('cd ~/src/hello');
      const shown = await other.type(this.asked);
      say('check-env', shown.split('\n').slice(1, -1).join(`\n${' '.repeat(11)}`));
    } finally {
      await other.close();
    }
  }

  async run() {
    this.makeMachines();
    await this.startSshd();
    this.terminal = new Terminal(this.here, USER);
    await this.terminal.prompt(START_LIMIT_MS);
    const began = Date.now();
    for (const command of commands()) await this.type(command);
    await this.f5();
    say('walk', `${this.suite}: ${this.lines} lines typed, 5 files written, F5; ${((Date.now() - began) / 60_000).toFixed(1)} minutes`);
    await this.checkEnv();
  }

  async clear() {
    await this.terminal?.close();
    this.sshd?.kill('SIGKILL'); // unshare ignores others, and ends what is below it then
    await this.sshd?.exited;
    if (process.env.KEEP) return;
    this.root('remove', this.here);
    this.root('remove', this.there);
    fs.rmSync(this.dir, { recursive: true });
  }
}

const suite = process.argv[2];
if (!(suite in MACHINES)) {
  process.stderr.write(`usage: walk.mjs ${Object.keys(MACHINES).join('|')}\n`);
  process.exit(2);
}
if (process.getuid() !== 0 || spawnSync(ROOT, ['usable'], { stdio: 'inherit' }).status !== 0) {
  process.stderr.write('walk: skipped, it needs root and mount namespaces\n');
  process.exit(CANNOT);
}
const walk = new Walk(suite);
try {
  await walk.run();
} catch (error) {
  say('FAIL', error.message);
  process.exitCode = 1;
} finally {
  await walk.clear();
}
process.exit();
