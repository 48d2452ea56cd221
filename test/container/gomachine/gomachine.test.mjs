// The container with sshd, go and dlv as a Go machine of the ssh transport. Run by test/container/gomachine/run.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { LAUNCH_MS, RequestFailed, freePort, line, proc, run, until, within } from '../../e2e/harness.mjs';
import { INSTALLED, base, podman } from './lib/gomachine.mjs';
import { HELLO, HOST, MAIN, TEST_MS, TOOL, machine, nothingFatal, wholeSession } from './lib/machine.mjs';

const LOST = new RegExp(`connection to .*${HOST}.* is lost`);
const GONE = /supervisor on .* is gone/;
const KEYS = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA nobody';

async function refusal(m) {
  const s = await m.session();
  const error = await s.launch({ program: HELLO }).then(() => assert.fail('it was launched'), (e) => e);
  assert.ok(error instanceof RequestFailed, error.stack);
  await s.ask('disconnect');
  s.close();
  return error;
}

machine('a container', {}, (check) => {
  check('a whole session', wholeSession);

  check('the program\'s exit code', async (m) => {
    const s = await m.session();
    await s.launch({ program: TOOL, args: ['exit', '7'] });
    assert.equal((await s.event('exited', { timeout: LAUNCH_MS })).body.exitCode, 7);
    await s.finish();
    await m.nothingLeft();
  });

  check('a program that runs there is attached to, and left running', async (m) => {
    const built = await m.exec(['sh', '-c', `cd ${TOOL} && go build -o ~/loop .`], { timeout: LAUNCH_MS });
    assert.equal(built.code, 0, built.stderr);
    const started = await m.exec(['sh', '-c', '~/loop loop >/dev/null 2>&1 & echo $!']);
    const pid = Number(started.stdout);
    const s = await m.session();
    await s.attach({ mode: 'local', processId: pid });
    await s.send('pause', { threadId: 1 });
    await s.event('stopped');
    await s.finish({ terminateDebuggee: false });
    const { stdout } = await m.exec(['sed', '-n', 's/^State:\\s*\\(\\S\\).*/\\1/p', `/proc/${pid}/status`]);
    assert.match(stdout, /^[RS]\n$/, 'it neither runs nor sleeps');
    await m.exec(['kill', String(pid)]);
    await m.nothingLeft();
  });

  check('only `go` comes in, and only by key', async (m) => {
    assert.equal((await m.ssh([HOST, 'id -un'])).stdout, 'go\n');
    for (const args of [['-l', 'root', HOST], ['-o', 'PubkeyAuthentication=no', HOST]]) {
      const { code, stderr } = await m.ssh([...args, 'true']);
      assert.equal(code, 255);
      assert.match(stderr, /Permission denied \(publickey\)/);
    }
  });
});

machine('a container without SYS_PTRACE', { options: ['--no-ptrace'] }, (check) => {
  check('check-env finds nothing fatal', nothingFatal);
  check('a whole session: the engine\'s own profile allows ptrace', wholeSession);
});

machine('a container whose seccomp profile refuses ptrace', { strict: true, options: ['--no-ptrace'], program: INSTALLED }, (check) => {
  check('the launch is refused with the flag to add, and nothing is left', async (m) => {
    const error = await refusal(m);
    assert.match(error.text, /ptrace/);
    assert.match(error.text, /seccomp/);
    assert.match(error.text, /--cap-add=SYS_PTRACE/);
    await m.nothingLeft();
  });

  check('check-env tells the same before a launch', async (m) => {
    const { code, stdout, stderr } = await m.checkEnv(HELLO);
    assert.equal(code, 1, stdout + stderr);
    assert.match(stdout, /error: .*--cap-add=SYS_PTRACE/);
    await m.nothingLeft();
  });
});

machine('the same with SYS_PTRACE', { strict: true }, (check) => {
  check('check-env finds nothing fatal', nothingFatal);
  check('a whole session: the flag is what helps', wholeSession);
});

/** The connection is tried again, and what answers then has nothing of before. */
async function comesBackEmpty(m, s) {
  await until('the loss to be shown', () => LOST.test(s.shown), { timeout: LAUNCH_MS, explain: () => m.logs() });
  // A new container has a new host key, which run.sh has written down.
  await m.startContainer();
  await s.event('terminated', { timeout: LAUNCH_MS });
  assert.match(s.shown, GONE, s.text());
}

async function leave(s) {
  await s.ask('disconnect');
  s.close();
  await within('the end of the session', s.closed);
}

machine('a container that is killed', {}, (check) => {
  check('at a stop: the client is told, and can begin again when a container is there', async (m) => {
    const s = await m.session();
    await s.launch({ program: HELLO }, () => s.breakpoints(MAIN, [line(MAIN, 'LOOP')]));
    await s.stop({ reason: 'breakpoint' });
    await m.killContainer();
    await comesBackEmpty(m, s);
    await leave(s);
    await wholeSession(m);
  });

  check('while the program runs, with a request open: answered', async (m) => {
    const s = await m.session();
    await s.launch({ program: TOOL, args: ['loop'] });
    await s.output('stdout', /looping/);
    const stopped = await m.exec(['sh', '-c', 'kill -STOP $(pgrep -x dlv)']);
    assert.equal(stopped.code, 0, stopped.stderr);
    const pause = s.ask('pause', { threadId: 1 }, { timeout: TEST_MS });
    await m.killContainer();
    await comesBackEmpty(m, s);
    assert.equal((await pause).success, false);
    await leave(s);
    await wholeSession(m);
  });

  check('during the launch: answered with the host', async (m) => {
    const s = await m.session();
    await s.initialize();
    const launch = s.ask('launch', { mode: 'debug', program: TOOL, args: ['loop'] }, { timeout: TEST_MS });
    await m.process('go build');
    await m.killContainer();
    await until('the loss to be shown', () => LOST.test(s.shown), { timeout: LAUNCH_MS, explain: () => m.logs() });
    await m.startContainer();
    const answer = await launch;
    assert.equal(answer.success, false);
    assert.match(JSON.stringify(answer) + s.shown, new RegExp(HOST));
    await leave(s);
  });
});

machine('a container that `podman exec` reaches', { byCommand: true }, (check) => {
  check('check-env finds nothing fatal', nothingFatal);
  check('a whole session', wholeSession);
  check('several at once', (m) => Promise.all([1, 2, 3].map(async (code) => {
    const s = await m.session();
    await s.launch({ program: TOOL, args: ['exit', String(code)] });
    assert.equal((await s.event('exited', { timeout: LAUNCH_MS })).body.exitCode, code);
    await s.finish();
  })));
  check('nobody has logged in', async (m) => {
    assert.doesNotMatch(m.container.text(), /Accepted publickey/);
  });

  check('a command with its input and exit code', async (m) => {
    const { code, stdout, stderr } = await m.delvegateExec(['sh', '-c', 'id -un; cat; exit 3'], 'a word\n');
    assert.deepEqual([code, stdout], [3, 'go\na word\n'], stderr);
  });

  check('the command is killed at a stop: the session goes on', async (m) => {
    const s = await m.session();
    await s.launch({ program: HELLO }, () => s.breakpoints(MAIN, [line(MAIN, 'LOOP')]));
    const { body } = await s.stop({ reason: 'breakpoint' });
    const children = proc.pids().filter((pid) => proc.parent(pid) === m.daemon.pid);
    assert.equal(children.length, 1);
    process.kill(children[0], 'SIGKILL');
    await until('the loss to be reported', () => /connection to .* is lost/.test(s.shown));
    assert.equal((await s.locals(body.threadId)).total.value, '0');
    assert.match(s.shown, /connection to .* is restored/);
    await s.finish({ terminateDebuggee: true });
    await m.nothingLeft();
  });
});

machine('a container made from Debian 13', { suite: 'trixie' }, (check) => {
  check('a whole session', wholeSession);
});

describe('the entry script', () => {
  test('without a key it says how to give one, and ends', { timeout: TEST_MS }, async () => {
    const { code, stderr } = await podman(['run', '--rm', 'localhost/gomachine']);
    assert.equal(code, 2, stderr);
    assert.match(stderr, /\/authorized_keys.*AUTHORIZED_KEYS/s);
    const directory = await podman(['run', '--rm', '--volume', '/authorized_keys', 'localhost/gomachine']);
    assert.equal(directory.code, 2, directory.stderr);
  });

  test('started again, the container has the host key that it had', { timeout: TEST_MS }, async (t) => {
    const name = `gomachine-again-${process.pid}`;
    const port = await freePort();
    t.after(() => podman(['rm', '--force', '--time', '0', name]));
    const key = async () => {
      const { code, stdout, stderr } = await podman(['exec', name, 'cat', '/etc/ssh/ssh_host_ed25519_key.pub']);
      assert.equal(code, 0, stderr);
      return stdout;
    };
    const started = await podman(['run', '--detach', '--name', name, '--env', `AUTHORIZED_KEYS=${KEYS}`,
      '--env', `SSH_PORT=${port}`, '--env', 'SSH_LISTEN=127.0.0.1', 'localhost/gomachine']);
    assert.equal(started.code, 0, started.stderr);
    await listening(port);
    const first = await key();
    assert.equal((await podman(['restart', '--time', '5', name])).code, 0);
    await listening(port);
    assert.equal(await key(), first);
  });
});

describe('other versions than the distribution\'s', () => {
  const VERSION = '1.22.5';
  // Stands in for the Go of the archive, which no test can fetch: it says what it is asked to install, and from where.
  const GO = `#!/bin/sh
case $1 in
version) echo "go version go${VERSION} linux/amd64" ;;
install)
    mkdir -p "$GOPATH/bin"
    printf '#!/bin/sh\\necho "%s from %s with %s"\\n' "$2" "$GOPROXY" "$GOTOOLCHAIN" >"$GOPATH/bin/dlv"
    chmod +x "$GOPATH/bin/dlv"
    ;;
esac
`;
  let dir;
  let server;
  const asked = [];

  before(async () => {
    dir = fs.mkdtempSync(path.join(os.tmpdir(), 'delvegate-archive-'));
    fs.mkdirSync(path.join(dir, 'go/bin'), { recursive: true });
    for (const name of ['go', 'gofmt']) fs.writeFileSync(path.join(dir, 'go/bin', name), GO, { mode: 0o755 });
    assert.equal((await run('tar', ['-C', dir, '-czf', path.join(dir, 'go.tar.gz'), 'go'])).code, 0);
    server = http.createServer((request, response) => {
      asked.push(request.url);
      if (request.url.startsWith(`/go${VERSION}.linux-`)) return fs.createReadStream(path.join(dir, 'go.tar.gz')).pipe(response);
      response.statusCode = 404;
      return response.end();
    });
    await new Promise((done) => server.listen(0, '127.0.0.1', done));
  });
  after(async () => {
    await podman(['rmi', '--force', 'localhost/gomachine-versions', 'localhost/gomachine-taken']);
    server.close();
    fs.rmSync(dir, { recursive: true });
  });

  /** An image with a user who has the number that `go` is to have, as Ubuntu's. */
  async function taken() {
    const file = path.join(dir, 'Dockerfile');
    fs.writeFileSync(file, `FROM ${await base('bookworm')}\nRUN useradd --create-home --uid 1000 ubuntu\n`);
    const { code, stdout, stderr } = await podman(['build', '--tag', 'gomachine-taken', '--file', file, dir]);
    assert.equal(code, 0, stdout + stderr);
    return 'localhost/gomachine-taken';
  }
  async function build(...versions) {
    const args = versions.flatMap((v) => ['--build-arg', v]);
    return podman(['build', '--layers=false', '--tag', 'gomachine-versions', '--build-arg', `BASE=${await taken()}`,
      '--build-arg', `GO_DOWNLOAD=http://127.0.0.1:${server.address().port}`, '--build-arg', 'GOPROXY=http://127.0.0.1/proxy',
      ...args, 'scripts/gomachine'], { timeout: TEST_MS });
  }
  const inImage = (...args) => podman(['run', '--rm', '--user', 'go', '--entrypoint', args[0], 'localhost/gomachine-versions', ...args.slice(1)]);

  test('Go from its archive, Delve built with it', { timeout: TEST_MS }, async () => {
    const built = await build(`GO_VERSION=${VERSION}`, 'DELVE_VERSION=1.22.1');
    assert.equal(built.code, 0, built.stdout + built.stderr);
    assert.equal((await inImage('go', 'version')).stdout, `go version go${VERSION} linux/amd64\n`);
    assert.equal((await inImage('dlv')).stdout,
      'github.com/go-delve/delve/cmd/dlv@v1.22.1 from http://127.0.0.1/proxy with local\n');
    assert.match((await inImage('id')).stdout, /^uid=1000\(go\) /);
    assert.equal((await inImage('test', '-x', '/root')).code, 0, 'what is mounted below it is not reached');
  });

  test('a version that is not there is named', { timeout: TEST_MS }, async () => {
    const { code, stdout, stderr } = await build('GO_VERSION=9.9');
    assert.notEqual(code, 0);
    assert.match(stdout + stderr, /there is no Go 9\.9 at http:\/\/127\.0\.0\.1/);
    assert.match(asked.at(-1), /^\/go9\.9\.linux-\w+\.tar\.gz$/);
  });
});

/** Waits until an SSH server greets there. */
async function listening(port) {
  await until(`an SSH server on ${port}`, () => new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('data', (data) => {
      socket.destroy();
      resolve(data.toString().startsWith('SSH-2.0-'));
    });
    socket.once('error', () => resolve(false));
    socket.once('end', () => resolve(false));
  }));
}
