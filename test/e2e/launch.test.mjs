// Launch in each mode, and what launch.json may ask for.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { BlockedBuild, LAUNCH_MS, build, line, proc, program, suite } from './harness.mjs';

const TOOL = program('tool');
const HELLO = program('hello');
const TESTS = program('tests');

/** Every path below dir, with its time of change: what a session must not touch. */
function tree(dir) {
  return fs.readdirSync(dir).sort().map((name) => `${name} ${fs.statSync(path.join(dir, name)).mtimeMs}`);
}

/** Runs the tool's `report` and returns what the program says about itself. */
async function report(world, args, request = 'launch') {
  const s = await world.session();
  await s.begin(request, { mode: 'debug', program: TOOL, args: ['report'], ...args });
  await s.event('terminated', { timeout: 30_000 });
  const seen = JSON.parse(s.outputs.stdout);
  await s.finish();
  return { seen, s };
}

suite('launch', { clients: ['vscode'],
  targets: { proxied: { go: { env: { HTTPS_PROXY: 'http://127.0.0.1:9', GOPROXY: 'https://proxy.example', GONOSUMDB: '*', GOFLAGS: '-mod=mod' } } } },
}, (w) => {
  w.test('debug: a package directory is built, runs and ends with its exit code', async () => {
    const before = tree(HELLO);
    const s = await w.session();
    await s.launch({ program: HELLO });
    await s.event('terminated', { timeout: 30_000 });
    assert.match(s.outputs.stdout, /^round 0 10\n(?:round \d \d+\n){4}héllo, wörld ✓ 3 triangle with 3 points\n$/);
    assert.equal(s.events('exited').length, 1);
    assert.equal(s.events('exited')[0].body.exitCode, 0);
    await s.finish();
    assert.deepEqual(tree(HELLO), before, 'the tree of the user was written to');
  });

  w.test('debug: a file of the package', async () => {
    const { seen } = await report(w, { program: path.join(TOOL, 'main.go') });
    assert.deepEqual(seen.args, ['report']);
  });

  w.test('debug: a file of a package whose other files it needs', async () => {
    const dir = fs.mkdtempSync(w.at('tmp/two files-'));
    fs.writeFileSync(path.join(dir, 'go.mod'), 'module example.com/two\n\ngo 1.18\n');
    fs.writeFileSync(path.join(dir, 'main.go'), 'package main\n\nfunc main() { helper() }\n');
    fs.writeFileSync(path.join(dir, 'helper.go'), 'package main\n\nfunc helper() {}\n');
    const s = await w.session();
    await s.initialize();
    const error = await s.refused('launch', { mode: 'debug', program: path.join(dir, 'main.go') }, { timeout: LAUNCH_MS });
    assert.match(error.text, /undefined: helper/);
    assert.ok(error.text.includes(`set program to the directory: ${dir}.`), error.text);
    await s.send('disconnect');
    s.close();
    fs.rmSync(dir, { recursive: true });
  });

  w.test('dlvCwd: where dlv and its build run, and what relative paths are relative to', async () => {
    const dir = fs.mkdtempSync(w.at('tmp/module-'));
    const nested = path.join(dir, 'cmd/tool');
    fs.cpSync(TOOL, nested, { recursive: true });
    fs.renameSync(path.join(nested, 'go.mod'), path.join(dir, 'go.mod'));
    for (const program of ['./cmd/tool', nested, 'example.com/tool/cmd/tool']) {
      const { seen } = await report(w, { program, dlvCwd: dir });
      assert.equal(seen.cwd, dir, program);
    }
    const { seen } = await report(w, { program: './cmd/tool', dlvCwd: dir, cwd: 'cmd' });
    assert.equal(seen.cwd, path.join(dir, 'cmd'));
    const s = await w.session();
    await s.initialize();
    const error = await s.refused('launch', { mode: 'debug', program: nested, dlvCwd: `${dir}.none` }, { timeout: LAUNCH_MS });
    assert.ok(error.text.includes(`dlvCwd: ${dir}.none does not exist on`), error.text);
    await s.send('disconnect');
    s.close();
    fs.rmSync(dir, { recursive: true });
  });

  w.test('args, env and cwd arrive as they were given', async () => {
    const args = ['report', 'two words', '', '-flag=x', '--', '$HOME', "it's", '"quoted"', 'ünï', 'new\nline', '*', '\\'];
    const cwd = fs.mkdtempSync(path.join(w.root, 'cwd with space-'));
    const { seen } = await report(w, { args, cwd, env: { ONE: '1', SPACES: ' a b ', SIGNS: '$`"\'\\', LINES: 'a\nb', EMPTY: '', GOFLAGS: '-mod=mod' } });
    assert.deepEqual(seen.args, args);
    assert.equal(seen.cwd, cwd);
    const env = Object.fromEntries(seen.env.map((e) => [e.slice(0, e.indexOf('=')), e.slice(e.indexOf('=') + 1)]));
    assert.equal(env.ONE, '1');
    assert.equal(env.SPACES, ' a b ');
    assert.equal(env.SIGNS, '$`"\'\\');
    assert.equal(env.LINES, 'a\nb');
    assert.equal(env.EMPTY, '');
    assert.equal(env.GOFLAGS, '-mod=mod');
    fs.rmSync(cwd, { recursive: true });
  });

  w.test("a proxy and a login's sockets of the editor's machine stay there, unless it is the Go machine", async () => {
    const mine = { HTTP_PROXY: 'http://127.0.0.1:3128', SSH_AUTH_SOCK: '/run/user/1/editors', DBUS_SESSION_BUS_ADDRESS: 'unix:path=/editors' };
    const { seen, s } = await report(w, { env: { ...mine, https_proxy: 'http://10.0.0.1:3128' } });
    const kept = Object.entries(mine).filter(([name, value]) => seen.env.includes(`${name}=${value}`)).map(([name]) => name);
    assert.deepEqual(kept, w.transport === 'local' ? Object.keys(mine) : []);
    assert.ok(seen.env.includes('https_proxy=http://10.0.0.1:3128'));
    assert.equal(/env: HTTP_PROXY dropped: .*loopback/.test(s.shown), w.transport === 'ssh');
    assert.equal(/env: SSH_AUTH_SOCK, DBUS_SESSION_BUS_ADDRESS dropped/.test(s.shown), w.transport === 'ssh');
  });

  w.test('a proxy on the Go machine\'s loopback where none listens is what a failed download is explained by', async () => {
    const dir = fs.mkdtempSync(w.at('tmp/proxied-'));
    fs.writeFileSync(path.join(dir, 'go.mod'), 'module example.com/proxied\n\ngo 1.18\n\nrequire example.com/nosuch v1.0.0\n');
    fs.writeFileSync(path.join(dir, 'main.go'), 'package main\n\nimport _ "example.com/nosuch"\n\nfunc main() {}\n');
    const s = await w.session({ port: w.config.targets.proxied.listen });
    await s.initialize();
    const error = await s.refused('launch', { mode: 'debug', program: dir }, { timeout: LAUNCH_MS });
    assert.match(error.text, /proxyconnect tcp: dial tcp 127\.0\.0\.1:9/);
    assert.match(error.text, /proxy .* on the Go machine's own loopback/);
    assert.match(error.text, /Correct HTTP_PROXY and HTTPS_PROXY/);
    assert.doesNotMatch(error.text + s.shown, /attempts|trying again|retry/);
    await s.send('disconnect');
    s.close();
    fs.rmSync(dir, { recursive: true });
  });

  w.test('buildFlags as text and as a list reach the compiler', async () => {
    for (const buildFlags of ["-ldflags='-X main.unused=1' -tags=one", '-ldflags="-X main.unused=1 -X main.other=2" -tags "one two"', ['-tags', 'one']]) {
      const { seen } = await report(w, { buildFlags });
      assert.deepEqual(seen.args, ['report']);
    }
  });

  w.test('buildFlags that go does not know are answered with what go says', async () => {
    const s = await w.session();
    await s.initialize();
    const error = await s.refused('launch', { mode: 'debug', program: TOOL, buildFlags: '-nosuchflag' }, { timeout: LAUNCH_MS });
    assert.match(error.text, /nosuchflag/);
    await s.send('disconnect');
    s.close();
  });

  w.test('buildFlags without the quotes that they need are blamed for what go takes their words for', async () => {
    for (const [buildFlags, word] of [['-ldflags=-X main.unused=1', 'main.unused=1'], ['-tags one example.com/nosuch/module', 'example.com/nosuch/module']]) {
      const s = await w.session();
      await s.initialize();
      const error = await s.refused('launch', { mode: 'debug', program: TOOL, buildFlags }, { timeout: LAUNCH_MS });
      assert.ok(error.text.includes(`buildFlags: go takes "${word}" for a package`), error.text);
      assert.doesNotMatch(error.text + s.shown, /Correct or rename|go mod|go get ex.*\n.*done/);
      await s.send('disconnect');
      s.close();
    }
  });

  w.test('test: runs in the package directory, with the arguments of the test binary', async () => {
    const before = tree(TESTS);
    const s = await w.session();
    await s.launch({ mode: 'test', program: TESTS, args: ['-test.v', '-test.run', 'TestD'] }, async () => {
      const [bp] = await s.breakpoints(path.join(TESTS, 'tests.go'), [line(path.join(TESTS, 'tests.go'), 'DOUBLE')]);
      assert.equal(bp.verified, !w.isEarly);
    });
    const stopped = await s.stop({ reason: 'breakpoint' });
    const frame = await s.top(stopped.body.threadId);
    assert.match(frame.name, /^(example\.com\/)?tests\.Double$/); // newer Delves leave the path out
    assert.equal(frame.source.path, path.join(TESTS, 'tests.go'));
    await s.send('continue', { threadId: stopped.body.threadId });
    await s.event('terminated', { timeout: 30_000 });
    assert.match(s.outputs.stdout, /in TestDouble\n/);
    assert.match(s.outputs.stdout, new RegExp(`test directory ${TESTS}\n`));
    assert.doesNotMatch(s.outputs.stdout, /TestFails/);
    assert.equal(s.events('exited')[0].body.exitCode, 0);
    await s.finish();
    assert.deepEqual(tree(TESTS), before, 'the tree of the user was written to');
  });

  w.test('test: a failing test ends with exit code 1', async () => {
    const s = await w.session();
    await s.launch({ mode: 'test', program: TESTS, env: { FAIL: '1' } });
    await s.event('terminated', { timeout: 30_000 });
    assert.match(s.outputs.stdout, /asked to fail/);
    assert.equal(s.events('exited')[0].body.exitCode, 1);
    await s.finish();
  });

  w.test('exec: a binary that was built before', async () => {
    const binary = await build('tool', w.at('tmp/tool binary'));
    const { seen } = await report(w, { mode: 'exec', program: binary, args: ['report', 'x'], cwd: w.at('tmp') });
    assert.deepEqual(seen.args, ['report', 'x']);
    assert.equal(seen.cwd, w.at('tmp'));
    assert.ok(fs.existsSync(binary), 'the binary of the user was removed');
  });

  w.test('exec: a binary that does not exist is named', async () => {
    const s = await w.session();
    await s.initialize();
    const missing = w.at('tmp/missing');
    const error = await s.refused('launch', { mode: 'exec', program: missing }, { timeout: LAUNCH_MS });
    assert.match(error.text, new RegExp(missing));
    await s.send('disconnect');
    s.close();
  });

  w.test('a failed build answers launch with the compiler\'s words, shows them, and leaves the session in order', async () => {
    const s = await w.session();
    await s.initialize();
    const error = await s.refused('launch', { mode: 'debug', program: program('broken') }, { timeout: LAUNCH_MS });
    assert.match(error.text, /undefined: undefinedName/);
    assert.match(error.text, /main\.go:6/);
    // The short message is the compiler's first line, not the name of the package above it.
    assert.match(error.response.message, /^\.\/main\.go:6:14: undefined: undefinedName$/);
    assert.ok(error.response.body.error.format.includes(error.response.message));
    await w.daemon.wait(/ warning session \d+: +\.\/main\.go:6:14: undefined: undefinedName$/m);
    const logged = w.daemon.stderr.split('\n').filter((l) => /undefinedName/.test(l) && !/debug session \d+: (?:dlv|build):/.test(l));
    assert.equal(logged.length, 1, w.daemon.stderr);
    assert.match(logged[0], / warning session \d+: +\.\/main\.go:6:14: undefined: undefinedName$/);
    assert.match(w.daemon.stderr, / warning session \d+: launch failed: # example\.com\/broken$/m);
    assert.doesNotMatch(w.daemon.stderr, /\\012/);
    assert.match(s.outputs.console + s.outputs.stderr + s.outputs.stdout + s.outputs.important, /unused declared but not used|declared and not used: unused/);
    assert.equal(s.events('initialized').length, w.isEarly ? 1 : 0);
    await s.send('disconnect');
    s.close();
  });

  w.test('a package that does not exist is answered with go\'s words', async () => {
    const s = await w.session();
    await s.initialize();
    const error = await s.refused('launch', { mode: 'debug', program: w.at('no/such/package') }, { timeout: LAUNCH_MS });
    assert.match(error.text, /no\/such\/package/);
    await s.send('disconnect');
    s.close();
  });

  w.test('a package without main is answered with a reason', async () => {
    const s = await w.session();
    await s.initialize();
    const error = await s.refused('launch', { mode: 'debug', program: TESTS }, { timeout: LAUNCH_MS });
    assert.match(error.text, /not an executable|main/);
    await s.send('disconnect');
    s.close();
  });

  w.test('stopOnEntry stops before main', async () => {
    const s = await w.session();
    await s.launch({ program: HELLO, stopOnEntry: true });
    await s.stop({ reason: 'entry' });
    assert.equal(s.outputs.stdout, '');
    await s.finish({ terminateDebuggee: true });
  });

  w.test('the binary lies in the run directory, and the program has its signals as they are by default', async () => {
    const s = await w.session();
    await s.launch({ program: TOOL, args: ['interrupt'] });
    await s.output('stdout', /waiting (\d+)/);
    const pid = Number(/waiting (\d+)/.exec(s.outputs.stdout)[1]);
    assert.ok(proc.exe(pid).startsWith(`${w.runDirs}/`), proc.exe(pid));
    assert.equal(parseInt(proc.status(pid, 'SigIgn'), 16) & 2, 0, 'SIGINT is ignored');
    const stdin = fs.readlinkSync(`/proc/${pid}/fd/0`);
    assert.equal(stdin, '/dev/null');
    const descriptors = fs.readdirSync(`/proc/${pid}/fd`).map((fd) => `${fd} ${fs.readlinkSync(`/proc/${pid}/fd/${fd}`)}`);
    assert.deepEqual(descriptors.filter((d) => /delvegate\/.*(log|ctl|control)|socket:/.test(d) && !/^[12] /.test(d)), [], descriptors.join('\n'));
    const mode = fs.statSync(path.join(w.runDirs, w.runDirectories()[0])).mode & 0o777;
    assert.equal(mode, 0o700, 'mode of the run directory');
    await s.finish({ terminateDebuggee: true });
  });

  w.test('what is not honoured is named in the Debug Console; what concerns the client only is not', async () => {
    const { s } = await report(w, {
      nosuchAttribute: 1, debugServer: 4711, preLaunchTask: 'x', presentation: { hidden: false }, __sessionId: 'abc',
      console: 'integratedTerminal', asRoot: true, backend: 'default',
    });
    assert.match(s.shown, /nosuchAttribute/);
    assert.match(s.shown, /console/);
    assert.match(s.shown, /asRoot/);
    assert.doesNotMatch(s.shown, /debugServer|preLaunchTask|presentation|__sessionId/);
  });

  w.test('noDebug, which a headless Delve does not know, is named', async () => {
    const { s } = await report(w, { noDebug: true });
    assert.match(s.shown, /noDebug/);
  });

  w.test('mode auto is refused or taken for debug, a mode that does not exist is refused by name', async () => {
    const s = await w.session();
    await s.initialize();
    const error = await s.refused('launch', { mode: 'nosuchmode', program: TOOL });
    assert.match(error.text, /nosuchmode/);
    await s.send('disconnect');
    s.close();
  });

  w.test('attributes of a wrong type are refused by name', async () => {
    for (const [name, wrong] of Object.entries({ program: 5, args: 7, env: 'X=1', cwd: [], buildFlags: 3, dlvFlags: 'x' })) {
      const s = await w.session();
      await s.initialize();
      const error = await s.refused('launch', { mode: 'debug', program: TOOL, [name]: wrong }, { timeout: LAUNCH_MS });
      assert.match(error.text, new RegExp(name), `${name}: ${error.text}`);
      await s.send('disconnect');
      s.close();
    }
  });

  w.test('a long build is told, and shown as progress; Stop ends it without a dialog', async () => {
    for (const shows of [true, false]) {
      const block = new BlockedBuild(fs.mkdtempSync(w.at('tmp/block-')));
      const s = await w.session();
      await s.initialize({ supportsProgressReporting: shows });
      const launched = s.ask('launch', { mode: 'debug', program: TOOL, buildFlags: block.buildFlags }, { timeout: LAUNCH_MS });
      await s.output('console', /^building \S+tool on .* \.\.\.$/m, { timeout: LAUNCH_MS });
      if (shows) await s.event('progressStart');
      await s.send('disconnect', { restart: false, terminateDebuggee: true });
      const response = await launched;
      assert.equal(response.success, false);
      assert.equal(response.body.error.showUser, false);
      assert.equal(s.events('progressStart').length, shows ? 1 : 0);
      assert.equal(s.events('progressEnd').length, shows ? 1 : 0);
      s.close();
      block.close();
    }
  });

  w.test('terminated comes within seconds while a process that the program has left goes on printing', async () => {
    const s = await w.session();
    await s.launch({ program: TOOL, args: ['chatter'] });
    await s.output('stdout', /child \d+\n/);
    await s.event('terminated', { timeout: 20_000 });
    await s.finish();
  });

  // What `sudo dlv` in delve.path comes to: Delve is another user, which can use the run directory.
  w.test('a Delve that runs as another user is named with its uid and what works instead', { skip: process.getuid() !== 0 && 'only root can be two users' }, async (t) => {
    const dlv = (self) => {
      fs.writeFileSync(self.at('dlv'), `#!/bin/sh
case $1 in version) exec dlv "$@" ;; esac
XDG_CONFIG_HOME=${self.at('tmp')} # else it is made in that user's home, wherever that is
export XDG_CONFIG_HOME
exec setpriv --reuid=65534 --clear-groups --inh-caps=+dac_override --ambient-caps=+dac_override dlv "$@"
`, { mode: 0o755 });
      self.options.target = { delve: { path: self.at('dlv') } };
    };
    const own = await w.fresh(t, { prepare: dlv });
    const binary = await build('tool', own.at('tmp/tool'));
    fs.chmodSync(own.root, 0o755);
    const s = await own.session();
    await s.initialize();
    const error = await s.refused('launch', { mode: 'exec', program: binary, args: ['quiet'] }, { timeout: LAUNCH_MS });
    assert.match(error.text, /Delve on .* runs as uid 65534 and accepts only that user's connections/);
    assert.match(error.text, /delve\.path/);
    await s.send('disconnect');
    s.close();
  });

  w.test('program is asked for when it is missing', async () => {
    const s = await w.session();
    await s.initialize();
    const error = await s.refused('launch', { mode: 'debug' });
    assert.match(error.text, /program/);
    await s.send('disconnect');
    s.close();
  });
});
