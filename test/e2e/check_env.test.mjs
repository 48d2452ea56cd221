// `delvegate check-env`, and the same findings at a launch.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { DELVEGATE, program, run, suite } from './harness.mjs';

const HELLO = program('hello');
const ONE_LINE = /^main: (ok|error|warning): \S.*$/;

/** Runs it, and checks what every answer must be: lines with the target's name, the fatal ones first, nothing left. */
async function check(w, { args = ['main'], cwd, target } = {}) {
  const file = w.at('tmp/check.json');
  fs.writeFileSync(file, JSON.stringify({ ...w.config, targets: { main: { ...w.config.targets.main, ...target } } }));
  const result = await w.cli(['check-env', '--config', file, ...args], { cwd: cwd ?? w.root });
  const lines = result.stdout.split('\n').slice(0, -1);
  for (const line of lines) assert.match(line, ONE_LINE, result.stdout + result.stderr);
  assert.ok(lines.length > 0, result.stderr);
  const kinds = lines.map((line) => ONE_LINE.exec(line)[1]);
  assert.deepEqual(kinds, [...kinds].sort(), result.stdout);
  assert.equal(result.code, kinds.includes('error') ? 1 : 0, result.stdout);
  assert.equal(kinds.includes('ok') && kinds.length > 1, false, result.stdout);
  assert.deepEqual(w.runDirectories(), []);
  return { ...result, lines };
}

const goEnvFile = (w) => w.at('home/.config/go/env');

/** What `go env -w` would have written, for the time of one test. */
function written(w, t, text) {
  const file = w.transport === 'local' ? w.at('config/go/env') : goEnvFile(w);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text);
  t.after(() => fs.rmSync(file));
  return file;
}

/** A module that asks for this Go. */
function moduleOf(w, name, text) {
  const dir = w.at(`tmp/${name}`);
  fs.mkdirSync(path.join(dir, 'deep/er'), { recursive: true });
  fs.writeFileSync(path.join(dir, 'go.mod'), `module example.com/${name}\n\n${text}\n`);
  fs.writeFileSync(path.join(dir, 'main.go'), 'package main\n\nfunc main() {}\n');
  return dir;
}

const goVersion = async () => /go1\.(\d+)/.exec((await run('go', ['version'])).stdout);

suite('check-env', { clients: [], env: { GOTOOLCHAIN: 'local' } }, (w) => {
  w.test('all is well: one line', async () => {
    const { lines, code } = await check(w, { args: ['--cwd', HELLO, 'main'] });
    assert.equal(code, 0);
    assert.equal(lines.length, 1);
    assert.match(lines[0], /^main: ok: go1\.\S+ .*, Delve 1\.\S+ .*GOCACHE \/.*, GOMODCACHE \/.*, module \/.*go\.mod/);
  });

  w.test('a value that `go env -w` wrote', async (t) => {
    const target = { go: {} };
    for (const [text, severity, words] of [
      ['GOCACHE=cache', 'error', /GOCACHE=cache \(`go env -w` in \/.*\/go\/env\): not an absolute path.*`go env -u GOCACHE`/],
      ['GOMODCACHE=C:\\mod', 'error', /GOMODCACHE=C:\\mod .*a Windows path/],
      ['GOCACHE=/proc/cache', 'error', /GOCACHE=\/proc\/cache \(`go env -w` in .*cannot be created in \/proc/],
      ['GOMODCACHE=/proc/mod', 'error', /GOMODCACHE=\/proc\/mod .*cannot be created in \/proc.*fetch modules/],
      ['GOPATH=C:\\Users\\me\\go', 'error', /GOPATH=C:\\Users\\me\\go \(`go env -w`.*a Windows path; go refuses every command/],
      ['GOPATH=/proc/me/go', 'error', /GOMODCACHE=\/proc\/me\/go\/pkg\/mod \(below GOPATH, which is set by `go env -w` in/],
      ['GOFLAGS=mod=mod', 'error', /GOFLAGS=mod=mod \(`go env -w` in .*mod=mod is not a flag; go cannot build with it.*`go env -u GOFLAGS`/],
      ['GOBIN=bin', 'warning', /GOBIN=bin \(`go env -w`.*`go install` refuses it/],
    ]) {
      const file = written(w, { after() {} }, `${text}\n`);
      try {
        const { stdout } = await check(w, { target });
        assert.match(stdout, new RegExp(`^main: ${severity}: .*${words.source}`, 'm'));
      } finally {
        fs.rmSync(file);
      }
    }
    t.diagnostic('each finding names its file');
  });

  w.test('a GOROOT that `go env -w` wrote keeps go from starting', async (t) => {
    written(w, t, 'GOROOT=/usr/local/opt/go/libexec\n');
    const { stdout } = await check(w, { target: { go: {} } });
    if (process.env.GO_PAIR) assert.match(stdout, /^main: warning: GOROOT=/m); // this go says its own GOROOT
    else assert.match(stdout, /^main: error: GOROOT=\/usr\/local\/opt\/go\/libexec \(`go env -w` in .*no such directory.*`go env -u GOROOT`/m);
  });

  w.test('caches that the configuration names and that cannot be used', async () => {
    fs.writeFileSync(w.at('tmp/file'), '');
    const { stdout } = await check(w, { target: { go: { GOCACHE: w.at('tmp/file'), GOMODCACHE: w.at('tmp/file/mod') } } });
    assert.match(stdout, /^main: error: GOCACHE=\S+ \(go\.GOCACHE of target main in delvegate's configuration\): .*not a directory/m);
    assert.match(stdout, /^main: error: GOMODCACHE=\S+ \(go\.GOMODCACHE of target main .*not a directory/m);
  });

  w.test('a cache on a full disk', async (t) => {
    const dir = w.at('tmp/full');
    fs.mkdirSync(dir, { recursive: true });
    const mounted = await run('mount', ['-t', 'tmpfs', '-o', 'size=16k', 'tmpfs', dir]).catch((error) => ({ code: 1, stderr: String(error) }));
    if (mounted.code !== 0) return t.skip(`a small disk cannot be mounted here: ${mounted.stderr}`);
    try {
      const { stdout } = await check(w, { target: { go: { GOCACHE: path.join(dir, 'cache') } } });
      assert.match(stdout, /^main: error: GOCACHE=\S+ \(go\.GOCACHE .*its disk is full.*free some space/m);
    } finally {
      await run('umount', [dir]);
    }
    assert.deepEqual(fs.readdirSync(dir), []);
  });

  w.test('a cache of another user', async (t) => {
    if (process.getuid() !== 0) return t.skip('only root can be another user');
    if (w.transport === 'ssh') return t.skip('sshd lets in the user that it runs as');
    const file = w.at('tmp/other.json');
    fs.mkdirSync(w.at('tmp/roots'), { mode: 0o755 });
    fs.mkdirSync(w.at('tmp/theirs'), { mode: 0o777 });
    for (const dir of [w.root, w.at('tmp')]) fs.chmodSync(dir, 0o711);
    fs.chmodSync(w.at('tmp/theirs'), 0o777);
    fs.writeFileSync(file, JSON.stringify({ targets: { main: { listen: w.port, go: { GOCACHE: w.at('tmp/roots'), GOMODCACHE: w.at('tmp/roots/mod') } } } }));
    const program = process.env.DELVEGATE ?? 'build/asan/delvegate';
    const copy = w.at('tmp/delvegate');
    for (const [from, to] of [[program, copy], [path.join(path.dirname(program), 'supervisor'), w.at('tmp/supervisor')]]) {
      fs.copyFileSync(from, to);
      fs.chmodSync(to, 0o755);
    }
    const home = w.at('tmp/theirs');
    const { stdout, stderr, code } = await run('setpriv', ['--reuid', '65534', '--regid', '65534', '--clear-groups', copy, 'check-env', '--config', file],
      { cwd: '/', env: { PATH: process.env.PATH, HOME: home, ASAN_OPTIONS: 'detect_leaks=0' } });
    fs.chmodSync(w.root, 0o700);
    assert.equal(code, 1, stdout + stderr);
    assert.match(stdout, /^main: error: GOCACHE=\S+ \(go\.GOCACHE.*cannot be written: Permission denied.*give uid 65534 write access/m);
    assert.match(stdout, /^main: error: GOMODCACHE=\S+ .*cannot be created in \S+roots: Permission denied/m);
    assert.deepEqual(fs.readdirSync(w.at('tmp/roots')), []);
  });

  w.test('a Go too old for the module, found above the directory', async () => {
    const [, minor] = await goVersion();
    const dir = moduleOf(w, 'newer', 'go 1.99 // soon');
    // Without paths a directory has the same name on the Go machine.
    for (const [cwd, args] of [[dir, ['main']], [path.join(dir, 'deep/er'), ['main']], [w.root, ['main', '--cwd', dir]]]) {
      const { stdout } = await check(w, { args, cwd });
      assert.match(stdout, new RegExp(`^main: error: go 1\\.99 \\(${dir}/go\\.mod\\): go1\\.${minor}\\S* is too old for it`, 'm'));
    }
    const work = w.at('tmp/newer/deep/go.work');
    fs.writeFileSync(work, 'go 1.98\n');
    const { stdout } = await check(w, { args: ['--cwd', path.dirname(work), 'main'] });
    assert.match(stdout, new RegExp(`^main: error: go 1\\.98 \\(${work}\\)`, 'm'));
  });

  w.test('a Go too old for another module of the workspace', async () => {
    const dir = w.at('tmp/workspace');
    const mine = moduleOf(w, 'workspace/mine', 'go 1.18');
    const other = moduleOf(w, 'workspace/other', 'go 1.97');
    fs.writeFileSync(path.join(dir, 'go.work'), 'go 1.18\n\nuse (\n\t./mine\n\t./other // theirs\n)\n');
    const { lines } = await check(w, { args: ['--cwd', mine, 'main'] });
    assert.equal(lines.length, 1, lines.join('\n'));
    assert.match(lines[0], new RegExp(`^main: error: go 1\\.97 \\(${other}/go\\.mod\\): go1\\.`));
  });

  w.test('paths of the configuration say where the current directory is on the Go machine', async () => {
    const dir = moduleOf(w, 'mapped', 'go 1.99');
    fs.mkdirSync(w.at('tmp/client'), { recursive: true });
    const { stdout } = await check(w, { cwd: w.at('tmp/client'), target: { paths: [{ client: w.at('tmp/client'), remote: dir }] } });
    assert.match(stdout, new RegExp(`^main: error: go 1\\.99 \\(${dir}/go\\.mod\\)`, 'm'));
  });

  w.test('a directory that the Go machine does not have is the first thing said', async (t) => {
    fs.mkdirSync(w.at('tmp/mine'), { recursive: true });
    fs.writeFileSync(w.at('tmp/plain'), '');
    const mine = w.at('tmp/mine');
    const bad = { GOCACHE: w.at('tmp/plain') };
    for (const [remote, reason] of [[w.at('tmp/nowhere'), 'No such file or directory'], [w.at('tmp/plain'), 'Not a directory']]) {
      const { lines, code } = await check(w, { cwd: mine, target: { paths: [{ client: mine, remote }], go: bad } });
      assert.equal(code, 1);
      assert.ok(lines[0].startsWith(`main: error: ${w.transport === 'local' ? `${remote}: ` : `${mine} cannot be used on `}`), lines.join('\n'));
      assert.ok(lines[0].includes(`${remote}: ${reason}; `), lines[0]);
      assert.match(lines[1], /^main: error: GOCACHE=/);
    }
    const { lines } = await check(w, { args: ['main', '--cwd', '/nope/at/all'] });
    assert.equal(lines.length, 1, lines.join('\n'));
    assert.match(lines[0], /^main: error: \/nope\/at\/all\b.*: No such file or directory; /);
    const gone = w.at('tmp/gone');
    fs.mkdirSync(gone);
    const inGone = await run('sh', ['-c', 'cd "$1" && rmdir "$1" && shift && exec "$@"', 'sh', gone, DELVEGATE, 'check-env', '--config', w.at('tmp/check.json'), 'main'], { env: w.daemonEnv });
    assert.equal(inGone.code, 1, inGone.stderr);
    assert.match(inGone.stdout, /^main: error: the current directory cannot be determined: No such file or directory; .*--cwd\n/);
    t.diagnostic('also where its name is a file, and where the current directory is gone');
  });

  w.test('a directory that no rule maps is the first thing said; on this machine there is none to map', async () => {
    const mine = w.at('tmp/mine');
    fs.mkdirSync(mine, { recursive: true });
    const paths = [{ client: w.at('tmp/other'), remote: w.root }];
    const { lines, code } = await check(w, { cwd: mine, target: { paths } });
    if (w.transport === 'local') {
      assert.match(lines[0], /^main: ok: /);
    } else {
      assert.equal(code, 1);
      assert.equal(lines.length, 1, lines.join('\n'));
      assert.ok(lines[0].startsWith(`main: error: ${mine} is not mapped to `) && lines[0].includes(`${w.at('tmp/other')} -> ${w.root})`), lines[0]);
      const named = await check(w, { cwd: mine, args: ['main', '--cwd', mine], target: { paths } });
      assert.match(named.stdout, /^main: ok: /);
    }
  });

  w.test('a rule for the name that the shell has for the directory holds, behind a symbolic link', async () => {
    const dir = moduleOf(w, 'linked', 'go 1.99');
    const link = w.at('tmp/link');
    fs.symlinkSync(w.root, link);
    fs.writeFileSync(w.at('tmp/link.json'), JSON.stringify({ ...w.config, targets: { main: { ...w.config.targets.main, paths: [{ client: link, remote: dir }] } } }));
    const { stdout } = await run('sh', ['-c', 'cd "$1" && shift && exec "$@"', 'sh', link, DELVEGATE, 'check-env', '--config', w.at('tmp/link.json'), 'main'], { env: w.daemonEnv });
    assert.match(stdout, new RegExp(`^main: error: go 1\\.99 \\(${dir}/go\\.mod\\)`, 'm'));
  });

  w.test('tools that are missing are named together', async () => {
    const { lines } = await check(w, { target: { go: { path: '/nope/go' }, delve: { path: '/nope/dlv' } } });
    assert.match(lines[0], /^main: error: go\.path is \/nope\/go, which is not a program/);
    assert.match(lines[1], /^main: error: delve\.path is \/nope\/dlv, which is not a program/);
  });

  w.test('what cannot be reached is an error of its own, a wrong command line another', async () => {
    const file = w.at('tmp/more.json');
    const one = { ...w.config.targets.main };
    fs.writeFileSync(file, JSON.stringify({ targets: { main: { ...one, ssh: 'me@127.0.0.1:1' }, other: { ...one, listen: '[::1]:65001' } } }));
    const lost = await w.cli(['check-env', '--config', file, 'main']);
    assert.equal(lost.code, 1, lost.stderr);
    assert.match(lost.stdout, /^main: error: .*127\.0\.0\.1.*\n$/);
    for (const [args, words] of [
      [['check-env', '--config', file], /which target.*: main, other/],
      [['check-env', '--config', file, 'nobody'], /there is no target 'nobody'; the configuration has: main, other/],
      [['check-env', '--config', file, 'main', 'other'], /unexpected argument 'other'/],
      [['check-env', '--config', file, '--cwd', 'here', 'other'], /--cwd 'here' is not an absolute path/],
      [['check-env', '--nonsense'], /nonsense/],
      [['check-env', '--config', '/nope'], /\/nope: cannot read the configuration/],
    ]) {
      const { code, stdout, stderr } = await w.cli(args);
      assert.deepEqual([code, stdout], [2, ''], stderr);
      assert.match(stderr, words);
    }
  });
});

const FROM_HOST = { GOROOT: '/usr/local/opt/go/libexec', GOBIN: '/Users/me/bin', GOPATH: '/Users/me/go', GOCACHE: 'cache', GOMODCACHE: '/proc/mod' };
suite('check-env, an environment that came from the host', { clients: [], env: FROM_HOST }, (w) => {
  w.test('each variable is a warning, here and at a launch', async () => {
    const { lines, code } = await check(w);
    assert.equal(code, 0);
    const words = Object.entries(FROM_HOST).map(([name, value]) => new RegExp(`^main: warning: ${name}=${value} \\(environment on .*\\): .*To fix it, `));
    for (const pattern of words) assert.ok(lines.some((line) => pattern.test(line)), `${pattern}\n${lines.join('\n')}`);
    assert.equal(lines.length, words.length, lines.join('\n'));
    for (const name of ['GOROOT', 'GOBIN', 'GOCACHE', 'GOMODCACHE']) assert.match(lines.find((line) => line.includes(`${name}=`)), /debug sessions ignore it/);
    const s = await w.session();
    await s.launch({ program: HELLO });
    await s.finish({ terminateDebuggee: true });
    for (const line of lines) assert.ok(s.shown.includes(line.replace(/^main: /, '')), `${line}\n${s.shown}`);
  });
});

suite('check-env, an environment in which nothing can be built', { clients: [], env: { GOPATH: 'C:\\Users\\me\\go' } }, (w) => {
  w.test('a launch fails in the same words', async () => {
    const { lines } = await check(w);
    const [fatal] = lines;
    assert.match(fatal, /^main: error: GOPATH=C:\\Users\\me\\go \(environment on .*go refuses every command/);
    const s = await w.session();
    await s.initialize();
    const error = await s.refused('launch', { name: 'test', type: 'go', request: 'launch', program: HELLO }, { timeout: 60_000 });
    assert.ok(error.message.includes(fatal.replace(/^main: error: /, '')), error.message);
    await s.event('terminated');
    s.close();
  });
});

/** go refuses to start with it, unless something sets its own: the other pairs' programs do. */
const brokenGoroot = (w) => {
  const dir = w.transport === 'local' ? w.at('config/go') : w.at('home/.config/go');
  fs.mkdirSync(dir, { recursive: true });
  fs.writeFileSync(path.join(dir, 'env'), 'GOROOT=/usr/local/opt/go/libexec\n');
};
suite('check-env, a go that does not start', { clients: [], prepare: brokenGoroot, env: {} }, (w) => {
  w.test('a launch fails in the same words, before anything is built', { skip: process.env.GO_PAIR && 'this go has a GOROOT of its own' }, async () => {
    const { lines } = await check(w);
    assert.match(lines[0], /^main: error: GOROOT=\/usr\/local\/opt\/go\/libexec \(`go env -w` in /);
    const s = await w.session();
    await s.initialize();
    const error = await s.refused('launch', { name: 'test', type: 'go', request: 'launch', program: HELLO }, { timeout: 60_000 });
    assert.match(error.text, /go version failed/);
    assert.ok(error.text.includes(lines[0].replace(/^main: error: /, '')), error.text);
    await s.event('terminated');
    s.close();
  });
});
