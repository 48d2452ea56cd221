// `delvegate exec`: a command on the Go machine, in Delve's environment, as if it ran here.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { DELVEGATE, proc, program, suite, until, within } from './harness.mjs';

const MIB = 1024 * 1024;
const EXEC_MS = 60_000;
const TOOL = program('tool');
const SHORT_LEASE = '5s';
const LEASE_END_MS = 60_000;
const QUIET = { log: { level: 'info' } };
const SANITIZER = /ERROR: \w+Sanitizer|SUMMARY: \w+Sanitizer|runtime error:/;

/** Bytes of stdout and stderr as they are; a run that is cut short ends with the test's process. */
class Exec {
  constructor(w, args, options = {}) {
    this.out = [];
    this.err = [];
    this.process = spawn(DELVEGATE, [options.command ?? 'exec', '--config', w.configFile, ...args], { env: w.daemonEnv, cwd: w.root, stdio: [options.stdin ?? 'ignore', 'pipe', 'pipe'] });
    this.process.stdin?.on('error', () => {}); // a command may end before it has read everything
    this.process.stderr.on('data', (bytes) => this.err.push(bytes));
    if (!options.unread) this.read();
    this.exited = new Promise((resolve) => {
      this.process.once('close', (code, signal) => resolve({ code, signal }));
    });
    w.children.push({ name: 'delvegate exec', pid: this.process.pid, stdout: '', kill: (s) => this.process.kill(s), ...this.view() });
  }

  view() {
    const self = this;
    return { get stderr() { return self.stderr; }, get running() { return self.process.exitCode === null && self.process.signalCode === null; } };
  }

  read() {
    this.process.stdout.on('data', (bytes) => this.out.push(bytes));
  }

  get stdout() {
    return Buffer.concat(this.out);
  }

  get stderr() {
    return Buffer.concat(this.err).toString();
  }

  async end(timeout = EXEC_MS) {
    const { code, signal } = await within('the end of delvegate exec', this.exited, timeout, () => this.stderr);
    assert.doesNotMatch(this.stderr, SANITIZER);
    assert.equal(signal, null, this.stderr);
    return { code, stdout: this.stdout, stderr: this.stderr };
  }
}

const exec = (w, ...args) => new Exec(w, args).end();
const command = (w, ...args) => exec(w, 'main', '--', ...args);

const sha = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** The process on the Go machine with exactly these arguments. */
const find = (args) => until(`a process ${args.join(' ')}`, () => proc.pids().find((pid) => proc.cmdline(pid).join('\0') === args.join('\0')));

let unique = process.pid * 1000;
/** Arguments of a sleep that no other test has. */
const sleeper = () => ['sleep', `${100_000_000 + unique++}`];

/** Whether a signal was sent to a process and not yet handled: sent again, it would be the same one. */
const pending = (pid, number) => (parseInt(proc.status(pid, 'ShdPnd').slice(-4), 16) & (1 << (number - 1))) !== 0;

/** What differs from one connection, or one run directory, to the next. */
function comparable(env, w) {
  const same = { ...env };
  delete same._; // bash's own: the path of the program
  for (const name of ['SSH_CONNECTION', 'SSH_CLIENT']) if (same[name]) same[name] = same[name].replace(/^(\S+) \d+ /, '$1 PORT ');
  for (const [name, value] of Object.entries(same)) same[name] = value.replace(new RegExp(`${w.runDirs}/[^/]+`), 'RUN');
  return same;
}

suite('exec', {
  clients: [],
  config: QUIET,
  target: { lease: SHORT_LEASE, go: { env: { FROM_CONFIG: 'two words', GOPRIVATE: 'example.com' } }, paths: [{ client: '/of/the/client', remote: TOOL }] },
  env: { GOROOT: '/nowhere', GOBIN: '/nowhere/bin', KEPT: 'a\tb' },
}, (w) => {
  w.test('the environment is the one that Delve gets', async () => {
    const s = await w.session();
    await s.launch({ program: TOOL, args: ['loop'] });
    await s.output('stdout', /looping/);
    const delves = proc.environ(await w.dlv());
    const { code, stdout, stderr } = await exec(w, '--cwd', TOOL, 'main', '--', 'env', '-0');
    assert.equal(code, 0, stderr);
    const ours = {};
    for (const entry of stdout.toString().split('\0')) if (entry) ours[entry.slice(0, entry.indexOf('='))] = entry.slice(entry.indexOf('=') + 1);
    assert.deepEqual(comparable(ours, w), comparable(delves, w));
    assert.equal(ours.FROM_CONFIG, 'two words');
    assert.equal(ours.GOROOT, undefined);
    await s.finish({ terminateDebuggee: true });
  });

  w.test('exit codes and signals are passed on, and nothing is added to what the command writes', async () => {
    for (const status of [0, 1, 7, 126, 255]) assert.deepEqual(await command(w, 'sh', '-c', `exit ${status}`), { code: status, stdout: Buffer.alloc(0), stderr: '' });
    assert.equal((await command(w, 'sh', '-c', 'kill -9 $$')).code, 128 + 9);
    assert.equal((await command(w, 'sh', '-c', 'kill -TERM $$')).code, 128 + 15);
  });

  w.test('stdout and stderr stay apart, byte for byte, 20 MiB', async () => {
    const files = [w.at('tmp/one'), w.at('tmp/two')];
    const bytes = [randomBytes(20 * MIB), randomBytes(3 * MIB)];
    files.forEach((file, i) => fs.writeFileSync(file, bytes[i]));
    const x = new Exec(w, ['main', '--', 'sh', '-c', 'cat "$1" & cat "$2" >&2; wait', 'sh', ...files]);
    const { code, stdout } = await x.end();
    assert.equal(code, 0);
    assert.equal(stdout.length, bytes[0].length);
    assert.equal(sha(stdout), sha(bytes[0]));
    assert.equal(sha(Buffer.concat(x.err)), sha(bytes[1]));
  });

  w.test('a reader that does not read stops the command, not delvegate\'s memory', async () => {
    const size = 256 * MIB;
    const x = new Exec(w, ['main', '--', 'head', '-c', `${size}`, '/dev/zero'], { unread: true });
    const head = await find(['head', '-c', `${size}`, '/dev/zero']);
    const written = () => Number(/^wchar: (\d+)/m.exec(fs.readFileSync(`/proc/${head}/io`, 'utf8'))[1]);
    let last = -1;
    let still = 0;
    await until('the command to be stopped', () => {
      const now = written();
      still = now === last && now > 0 ? still + 1 : 0;
      last = now;
      return still > 25;
    });
    assert.ok(last < size / 4, `${last} bytes went out although nobody reads`);
    x.read();
    const { code, stdout } = await x.end();
    assert.equal(code, 0);
    assert.equal(stdout.length, size);
  });

  w.test('arguments arrive as they are', async () => {
    let all = '';
    for (let c = 1; c < 128; c++) all += String.fromCharCode(c);
    const args = ['', ' ', 'two words', "it's", '"', '$HOME', '`id`', '$(id)', '\\', '\\n', '\\0101', '*', '?', '~', '-n', '--', '-c', '%s', ';', '&', 'new\nline', '\n', 'ends\n\n',
      '\t', '\u00fc\u20ac\u{1f600}', all, 'x'.repeat(100_000), ''];
    const { code, stdout, stderr } = await command(w, 'printf', '%s\\0', ...args);
    assert.equal(code, 0, stderr);
    assert.deepEqual(stdout.toString().split('\0').slice(0, -1), args);
  });

  const piped = (...args) => new Exec(w, ['main', '--', ...args], { stdin: 'pipe' });
  const given = async (input, ...args) => {
    const x = piped(...args);
    x.process.stdin.end(input);
    return x.end();
  };

  w.test('stdin: /dev/null is /dev/null there', async () => {
    assert.deepEqual(await command(w, 'cat'), { code: 0, stdout: Buffer.alloc(0), stderr: '' });
    assert.equal((await command(w, 'readlink', '/proc/self/fd/0')).stdout.toString(), '/dev/null\n');
  });

  w.test('stdin: nothing, a line, a line without an end', async () => {
    assert.deepEqual(await given('', 'cat'), { code: 0, stdout: Buffer.alloc(0), stderr: '' });
    assert.equal((await given('a word\nanother\n', 'sh', '-c', 'read x; echo "<$x>"')).stdout.toString(), '<a word>\n');
    assert.equal((await given('no newline', 'cat')).stdout.toString(), 'no newline');
    assert.equal((await given('1\n2\n3\n', 'wc', '-l')).stdout.toString().trim(), '3');
  });

  w.test('stdin: 20 MiB, from a file and by a pipe, whole and in order', async () => {
    const bytes = randomBytes(20 * MIB);
    const file = w.at('tmp/input');
    fs.writeFileSync(file, bytes);
    const fd = fs.openSync(file, 'r');
    const x = new Exec(w, ['main', '--', 'cat'], { stdin: fd });
    fs.closeSync(fd);
    for (const { code, stdout, stderr } of [await x.end(), await given(bytes, 'cat')]) {
      assert.equal(code, 0, stderr);
      assert.equal(stdout.length, bytes.length);
      assert.equal(sha(stdout), sha(bytes));
    }
  });

  w.test('stdin: it is a conversation', async () => {
    const x = piped('sh', '-c', 'while read -r x; do echo "got $x"; done; echo over');
    for (const word of ['one', 'two', 'three']) {
      x.process.stdin.write(`${word}\n`);
      await until(`an answer to ${word}`, () => x.stdout.toString().endsWith(`got ${word}\n`));
    }
    x.process.stdin.end();
    assert.deepEqual(await x.end(), { code: 0, stdout: Buffer.from('got one\ngot two\ngot three\nover\n'), stderr: '' });
  });

  w.test('stdin: a reader that has had enough, or closes it, or never reads', async () => {
    const much = Buffer.alloc(20 * MIB, 'x');
    assert.deepEqual(await given(much, 'head', '-c', '5'), { code: 0, stdout: Buffer.from('xxxxx'), stderr: '' });
    assert.deepEqual(await given(much, 'sh', '-c', 'exec <&-; sleep 1; echo went on'), { code: 0, stdout: Buffer.from('went on\n'), stderr: '' });
    assert.deepEqual(await given(much, 'sh', '-c', 'exit 3'), { code: 3, stdout: Buffer.alloc(0), stderr: '' });
    // Its end never comes.
    const x = piped('true');
    assert.equal((await x.end()).code, 0);
    x.process.stdin.destroy();
  });

  w.test('stdin: a reader that stops holds back the reading here', async () => {
    const size = 64 * MIB;
    const file = w.at('tmp/much');
    fs.writeFileSync(file, '');
    fs.truncateSync(file, size);
    const fd = fs.openSync(file, 'r');
    spawnSync('mkfifo', [w.at('tmp/go')]);
    const x = new Exec(w, ['main', '--', 'sh', '-c', 'read -r x <"$1"; wc -c', 'sh', w.at('tmp/go')], { stdin: fd });
    fs.closeSync(fd);
    const taken = () => Number(/^pos:\s*(\d+)/m.exec(fs.readFileSync(`/proc/${x.process.pid}/fdinfo/0`, 'utf8'))[1]);
    let last = -1;
    let still = 0;
    await until('the reading to stop', () => {
      const now = taken();
      still = now === last && now > 0 ? still + 1 : 0;
      last = now;
      return still > 25;
    });
    assert.ok(last < size / 8, `${last} bytes were taken although nobody reads`);
    fs.writeFileSync(w.at('tmp/go'), '\n');
    assert.deepEqual(await x.end(), { code: 0, stdout: Buffer.from(`${size}\n`), stderr: '' });
  });

  w.test('stdin: what cannot be read is reported, and is the end of it', async () => {
    const fd = fs.openSync(w.at('tmp'), 'r');
    const x = new Exec(w, ['main', '--', 'cat'], { stdin: fd });
    fs.closeSync(fd);
    const { code, stderr } = await x.end();
    assert.equal(code, 0);
    assert.match(stderr, /^delvegate: cannot read standard input: [^\n]*directory[^\n]*\n$/);
  });

  w.test('no descriptor but the three, no signal ignored', async () => {
    const { stdout } = await command(w, 'sh', '-c', 'ls /proc/$$/fd; grep -e SigIgn -e SigBlk /proc/self/status');
    const lines = stdout.toString().trim().split('\n');
    assert.deepEqual(lines.filter((l) => /^\d+$/.test(l)), ['0', '1', '2'], stdout.toString());
    // Of a child of sh: dash itself blocks all signals while it waits. The ignored real-time signals of whoever runs the
    // tests are not delvegate's.
    const mask = (field) => BigInt(`0x${new RegExp(`${field}:\\s*([0-9a-f]+)$`, 'm').exec(stdout.toString())[1]}`);
    assert.equal(mask('SigIgn') & 0x7fffffffn, 0n, stdout.toString());
    assert.equal(mask('SigBlk'), 0n, stdout.toString());
  });

  w.test('a command that is not there, or is none: 127 and 126, with its name', async () => {
    const missing = await command(w, 'no-such-command');
    assert.equal(missing.code, 127);
    assert.match(missing.stderr, /no-such-command/);
    assert.equal(missing.stdout.length, 0);
    const directory = await command(w, TOOL);
    assert.equal(directory.code, 126);
    assert.ok(directory.stderr.includes(TOOL), directory.stderr);
  });

  w.test('it runs at home, or where --cwd says, on either side\'s terms', async () => {
    const home = w.at('home');
    assert.equal((await command(w, 'pwd')).stdout.toString(), `${home}\n`);
    assert.equal((await exec(w, '--cwd', w.at('tmp'), 'main', '--', 'pwd')).stdout.toString(), `${w.at('tmp')}\n`);
    assert.equal((await exec(w, 'main', '--cwd', '/of/the/client', '--', 'pwd')).stdout.toString(), `${TOOL}\n`);
    const missing = await exec(w, '--cwd', w.at('nowhere'), 'main', '--', 'pwd');
    assert.equal(missing.code, 126);
    assert.ok(missing.stderr.includes(`--cwd: ${w.at('nowhere')} does not exist on `), missing.stderr);
    assert.match(missing.stderr, /No rule in paths .* maps it \(\/of\/the\/client -> /);
    assert.doesNotMatch(missing.stderr, /remote\.sh|can't cd/);
    const relative = await exec(w, '--cwd', 'tmp', 'main', '--', 'pwd');
    assert.equal(relative.code, 2);
    assert.match(relative.stderr, /--cwd 'tmp'/);
  });

  w.test('a wrong command line: 2, and what would be right', async () => {
    for (const [args, words] of [
      [['other', '--', 'true'], /'other'.*main/],
      [['--', 'true'], /needs a target.*main/],
      [[], /needs a target.*main/],
      [['main'], /needs a command/],
      [['main', '--'], /needs a command/],
      [['--nosuch', 'main', '--', 'true'], /usage: delvegate exec/],
    ]) {
      const { code, stdout, stderr } = await exec(w, ...args);
      assert.equal(code, 2, args.join(' '));
      assert.match(stderr, words);
      assert.equal(stdout.length, 0);
    }
    const { code, stdout } = await exec(w, '--help');
    assert.equal(code, 0);
    assert.match(stdout.toString(), /^usage: delvegate exec/);
  });

  for (const [signal, number] of [['SIGTERM', 15], ['SIGINT', 2], ['SIGHUP', 1]]) {
    w.test(`${signal} ends the command, with its children`, async () => {
      const [sleep, grandchild] = [sleeper(), sleeper()];
      const x = new Exec(w, ['main', '--', 'sh', '-c', `${grandchild.join(' ')} & exec ${sleep.join(' ')}`]);
      const pids = [await find(sleep), await find(grandchild)];
      x.process.kill(signal);
      assert.equal((await x.end()).code, 128 + number);
      await until('both to be gone', () => !pids.some(proc.alive));
    });
  }

  for (const [signal, number] of [['SIGINT', 2], ['SIGTERM', 15], ['SIGHUP', 1], ['SIGQUIT', 3]]) {
    w.test(`${signal} is the command's, which may catch it; one more ends it`, async () => {
      const catches = ['sh', '-c', `trap 'echo caught; exit 7' ${signal.slice(3)}; echo ready; while :; do sleep 0.1; done`];
      const x = new Exec(w, ['main', '--', ...catches]);
      await until('the command to be ready', () => x.stdout.toString() === 'ready\n');
      x.process.kill(signal);
      const { code, stdout } = await x.end();
      assert.deepEqual([code, stdout.toString()], [7, 'ready\ncaught\n']);

      const heeds = new Exec(w, ['main', '--', 'sh', '-c', `trap 'echo caught' ${signal.slice(3)}; echo ready; while :; do sleep 0.1; done`]);
      await until('the command to be ready', () => heeds.stdout.toString() === 'ready\n');
      heeds.process.kill(signal);
      await until('it to catch the first', () => heeds.stdout.toString() === 'ready\ncaught\n');
      heeds.process.kill(signal);
      assert.equal((await heeds.end()).code, 128 + number);
    });
  }

  w.test('a signal for its whole process group, while stdin is open', async () => {
    const x = piped('sh', '-c', `trap 'wait; exit 9' TERM; sh -c 'trap "echo child; exit" TERM; echo ready; while :; do sleep 0.1; done' & wait`);
    await until('both to be ready', () => x.stdout.toString() === 'ready\n');
    x.process.kill('SIGTERM');
    const { code, stdout } = await x.end();
    assert.deepEqual([code, stdout.toString()], [9, 'ready\nchild\n']);
  });

  w.test('a signal before the command runs', async () => {
    const x = new Exec(w, ['main', '--', ...sleeper()]);
    await until('delvegate to run', () => proc.cmdline(x.process.pid)[1] === 'exec');
    await until('it to heed signals', () => (parseInt(proc.status(x.process.pid, 'SigCgt').slice(-4), 16) & 0x4000) !== 0);
    x.process.kill('SIGTERM');
    assert.equal((await x.end()).code, 128 + 15);
  });

  w.test('what the command left in the background is ended, and does not hold it up', async () => {
    const sleep = sleeper();
    const { code, stdout } = await command(w, 'sh', '-c', `${sleep.join(' ')} & echo begun`);
    assert.equal(code, 0);
    assert.equal(stdout.toString(), 'begun\n');
    assert.ok(!proc.pids().some((pid) => proc.cmdline(pid).join(' ') === sleep.join(' ')));
  });

  w.test('a reader that goes away ends the command', async () => {
    const x = new Exec(w, ['main', '--', 'yes', 'endless'], { unread: true });
    await new Promise((resolve) => {
      x.process.stdout.once('data', resolve);
    });
    x.process.stdout.destroy();
    assert.equal((await x.end()).code, 128 + 13);
  });

  const LATE = { ended: 'SIGCONT', failed: 'SIGKILL', stuck: '' };
  w.test('a supervisor that reports late, while nobody reads the output: it ends as if nothing had come', async () => {
    const runs = await Promise.all(Object.entries(LATE).map(async ([how, signal]) => {
      const word = `late-${how}-${process.pid}`; // no other test's
      const x = new Exec(w, ['main', '--', 'yes', word], { unread: true });
      const yes = await find(['yes', word]);
      const written = () => fs.readFileSync(`/proc/${yes}/io`, 'utf8').match(/^wchar: (\d+)/m)[1];
      let last;
      await until('the command to be stopped by its reader', async () => {
        const before = last;
        last = written();
        await new Promise((resolve) => setTimeout(resolve, 200)); // what is watched is that nothing changes
        return last === before;
      });
      const supervisor = proc.parent(yes); // its own parent, the warden, goes on
      assert.ok(w.supervisors().includes(supervisor));
      process.kill(supervisor, 'SIGSTOP');
      x.process.kill('SIGTERM'); // for the command, which does not hear of it
      await until('the first signal to be handled', () => !pending(x.process.pid, 15));
      x.process.kill('SIGTERM');
      await until('exec to give up', () => /did not report the end/.test(x.stderr), { timeout: EXEC_MS });
      if (signal) {
        process.kill(supervisor, signal);
        await until('the command to be ended', () => !proc.alive(yes)); // by the supervisor, or by its warden
      }
      x.read();
      const ended = await x.end(); // though the command goes on writing
      if (!signal) process.kill(supervisor, 'SIGCONT');
      return ended;
    }));
    for (const { code, stderr } of runs) {
      assert.equal(code, 128 + 15, stderr);
      assert.match(stderr, /did not report the end[^\n]*\n$/); // the last words
    }
  });

  w.test('several at once, beside each other', async () => {
    const all = await Promise.all(['a', 'b', 'c', 'd'].map((word) => command(w, 'sh', '-c', `for i in 1 2 3 4 5 6 7 8; do echo ${word}; done`)));
    all.forEach(({ code, stdout }, i) => {
      assert.equal(code, 0);
      assert.equal(stdout.toString(), `${'abcd'[i]}\n`.repeat(8));
    });
  });
});

suite('exec when something breaks', { clients: [], config: QUIET, target: { lease: SHORT_LEASE } }, (w) => {
  w.test('delvegate is killed: the lease ends the command', async () => {
    const sleep = sleeper();
    const x = new Exec(w, ['main', '--', ...sleep]);
    const pid = await find(sleep);
    x.process.kill('SIGKILL');
    await x.exited;
    await until('the command to be ended', () => !proc.alive(pid), { timeout: LEASE_END_MS });
    await w.nothingLeft({ timeout: LEASE_END_MS });
  });

  w.test('Delve is not needed for it; a go that is not there is named', async (t) => {
    const bin = w.at('tmp/bin');
    fs.mkdirSync(bin);
    const noDelve = await w.fresh(t, { daemon: false, config: QUIET, target: { delve: { path: path.join(bin, 'dlv') } } });
    assert.equal((await command(noDelve, 'go', 'version')).code, 0);
    const noGo = await w.fresh(t, { daemon: false, config: QUIET, target: { go: { path: path.join(bin, 'go') } } });
    const { code, stderr } = await command(noGo, 'true');
    assert.equal(code, 255);
    assert.match(stderr, /^delvegate: .*go\.path/);
  });
});

suite('exec over a connection', { clients: [], transports: ['ssh'], config: QUIET, target: { lease: SHORT_LEASE } }, (w) => {
  w.test('a lost connection is made again, and the command goes on', async () => {
    const x = new Exec(w, ['main', '--', 'sh', '-c', 'echo ready; read -r x; echo "got $x"; exit 4'], { stdin: 'pipe' });
    await until('the command to be ready', () => x.stdout.toString() === 'ready\n');
    await w.sshd.cut();
    await until('the loss to be noticed', () => /is lost/.test(x.stderr));
    x.process.stdin.write('a word\n');
    const { code, stdout, stderr } = await x.end();
    assert.deepEqual([code, stdout.toString()], [4, 'ready\ngot a word\n']);
    assert.match(stderr, /^delvegate: the connection to gomachine [^\n]* is lost[^\n]*\ndelvegate: the connection to gomachine [^\n]* is restored\n$/);
  });

  w.test('a connection that is lost for good: 255, and lines that say so', async (t) => {
    const own = await w.fresh(t, { daemon: false, config: QUIET, target: { lease: SHORT_LEASE } });
    const sleep = sleeper();
    const x = new Exec(own, ['main', '--', ...sleep]);
    await find(sleep);
    await own.sshd.stop();
    const { code, stderr } = await x.end();
    assert.equal(code, 255);
    assert.match(stderr, /^delvegate: the connection to gomachine [^\n]* is lost/);
    assert.match(stderr, /gomachine [^\n]*within the lease of 5 s[^\n]*\n/);
    await own.nothingLeft({ timeout: LEASE_END_MS });
  });

  w.test('a machine that cannot be reached: 255', async (t) => {
    const own = await w.fresh(t, { daemon: false, config: QUIET });
    await own.sshd.stop();
    const { code, stdout, stderr } = await command(own, 'true');
    assert.equal(code, 255);
    assert.equal(stdout.length, 0);
    assert.match(stderr, /^delvegate: .*gomachine/);
  });

  w.test('while a machine does not answer, exec and check-env say what they wait for; SIGINT ends them', async (t) => {
    const own = await w.fresh(t, { daemon: false, config: QUIET });
    own.sshd.child.kill('SIGSTOP'); // it listens, and accepts nothing
    const runs = [[new Exec(own, ['main', '--', 'true']), { code: 128 + 2, signal: null }],
      [new Exec(own, ['main'], { command: 'check-env' }), { code: null, signal: 'SIGINT' }]];
    for (const [x, end] of runs) {
      await until('a note', () => x.stderr.endsWith('\n'));
      assert.match(x.stderr, /^delvegate: [^\n]*gomachine[^\n]*\n$/);
      x.process.kill('SIGINT');
      assert.deepEqual(await within('its end', x.exited, EXEC_MS), end);
      assert.equal(x.stdout.length, 0);
    }
  });

  w.test('check-env says that its connection is lost and back, and ends as if it had not been', async (t) => {
    const [go, fifo, reached] = ['slow/go', 'slow/fifo', 'slow/reached'].map((name) => w.at(`tmp/${name}`));
    const real = spawnSync('sh', ['-c', 'command -v go']).stdout.toString().trim();
    fs.mkdirSync(path.dirname(go));
    spawnSync('mkfifo', [fifo]);
    fs.writeFileSync(go, `#!/bin/sh\nmkdir ${reached} 2>/dev/null && read -r word <${fifo}\nexec ${real} "$@"\n`, { mode: 0o755 });
    const own = await w.fresh(t, { daemon: false, config: QUIET, target: { go: { path: go } } });
    const x = new Exec(own, ['main', '--cwd', TOOL], { command: 'check-env' });
    await until('go to wait', () => fs.existsSync(reached));
    await own.sshd.cut();
    await until('the loss to be noticed', () => x.stderr.endsWith('\n'));
    fs.writeFileSync(fifo, 'go on\n');
    const { code, stdout, stderr } = await x.end();
    assert.match(stdout.toString(), /^main: ok: [^\n]*\n$/, stderr);
    assert.equal(code, 0);
    assert.match(stderr, /^delvegate: the connection to gomachine [^\n]* is lost[^\n]*\ndelvegate: the connection to gomachine [^\n]* is restored\n$/);
  });
});
