// What delvegate forces, whatever launch.json says: read from the real processes.
import assert from 'node:assert/strict';
import path from 'node:path';
import { BlockedBuild, LAUNCH_MS, build, goCaches, line, proc, program, suite } from './harness.mjs';

const TOOL = program('tool');
const MAIN = path.join(TOOL, 'main.go');
const HOSTILE = {
  apiVersion: 1,
  dlvFlags: ['--only-same-user=false', '--listen=0.0.0.0:1', '--api-version=1', '--headless=false', '--accept-multiclient=false', '-l', '0.0.0.0:2'],
  env: { GOCACHE: '/tmp/hostile-cache', GOMODCACHE: '/tmp/hostile-mod', KEPT: 'kept' },
};

/** dlv's own arguments: what stands before `--`. */
function own(args) {
  const end = args.indexOf('--');
  return end < 0 ? args : args.slice(0, end);
}

/** The value that a flag has in the end. */
function flag(args, name) {
  const values = own(args).filter((a) => a === name || a.startsWith(`${name}=`)).map((a) => (a === name ? 'true' : a.slice(name.length + 1)));
  return values.at(-1);
}

async function assertPinned(pid) {
  const args = proc.cmdline(pid);
  assert.equal(flag(args, '--headless'), 'true');
  assert.equal(flag(args, '--api-version'), '2');
  assert.equal(flag(args, '--only-same-user'), 'true');
  assert.equal(flag(args, '--accept-multiclient'), 'true');
  assert.equal(flag(args, '--listen'), '127.0.0.1:0');
  assert.ok(!own(args).some((a) => a === '-l' || a.startsWith('-l=')), args.join(' '));
  await assertCaches(pid);
}

async function assertCaches(pid) {
  const caches = await goCaches();
  const env = proc.environ(pid);
  assert.equal(env.GOCACHE, caches.GOCACHE);
  assert.equal(env.GOMODCACHE, caches.GOMODCACHE);
}

suite('pins', {}, (w) => {
  let block;
  const blocked = () => {
    block ??= new BlockedBuild(w.at('tmp'));
    return block;
  };

  w.test('hold on dlv and on the go build it starts against a hostile launch.json, and the user is told', async () => {
    const s = await w.session();
    const begun = s.launch({ program: TOOL, args: ['loop', '--listen=0.0.0.0:3'], ...HOSTILE, buildFlags: blocked().buildFlags });
    const go = await w.goBuild({ timeout: LAUNCH_MS });
    await assertCaches(go);
    const dlv = await w.dlv();
    await assertPinned(dlv);
    assert.ok(proc.environ(go).GOTMPDIR.startsWith(`${w.runDirs}/`), 'GOTMPDIR');
    blocked().release();
    await begun;
    await s.output('stdout', /looping/);
    await assertPinned(await w.dlv());
    const pid = await w.debuggee();
    assert.deepEqual(proc.cmdline(pid).slice(1), ['loop', '--listen=0.0.0.0:3'], 'the arguments of the program are its own');
    assert.equal(proc.environ(pid).KEPT, 'kept');
    for (const word of ['apiVersion', '--only-same-user', '--listen', '--api-version', '--headless', 'GOCACHE', 'GOMODCACHE']) {
      assert.ok(s.shown.includes(word), `no note names ${word}:\n${s.shown}`);
    }
    await s.finish({ terminateDebuggee: true });
    blocked().close();
  });

  w.test('hold in mode test', async () => {
    const file = path.join(program('tests'), 'tests.go');
    const s = await w.session();
    await s.launch({ mode: 'test', program: program('tests'), ...HOSTILE }, () => s.breakpoints(file, [line(file, 'DOUBLE')]));
    await s.stop({ reason: 'breakpoint' });
    await assertPinned(await w.dlv());
    await s.finish({ terminateDebuggee: true });
  });

  w.test('hold in mode exec and in attach', async () => {
    const binary = await build('tool', w.at('tmp/tool'));
    const s = await w.session();
    await s.launch({ mode: 'exec', program: binary, args: ['loop'], ...HOSTILE }, () => s.breakpoints(MAIN, [line(MAIN, 'SWITCH')]));
    await s.stop({ reason: 'breakpoint' });
    await assertPinned(await w.dlv());
    await s.finish({ terminateDebuggee: true });
    await w.nothingLeft();

    const child = w.spawn(binary, ['loop'], { name: 'looper' });
    await child.wait(/looping/, { stream: 'stdout' });
    const attached = await w.session();
    await attached.attach({ mode: 'local', processId: child.pid, dlvFlags: HOSTILE.dlvFlags });
    await assertPinned(await w.dlv());
    await attached.finish({ terminateDebuggee: true });
    await child.end();
  });

  w.test('a trailing flag without its value does not swallow a pin', async () => {
    const s = await w.session();
    await s.initialize();
    const error = await s.refused('launch', { mode: 'debug', program: TOOL, args: ['quiet'], dlvFlags: ['--backend'] }, { timeout: LAUNCH_MS });
    assert.match(error.text, /--backend/);
    assert.match(error.text, /dlvFlags/);
    await s.send('disconnect');
    s.close();
  });

  w.test('-- in dlvFlags is refused', async () => {
    const s = await w.session();
    await s.initialize();
    const error = await s.refused('launch', { mode: 'debug', program: TOOL, dlvFlags: ['--', '--listen=:1'] }, { timeout: LAUNCH_MS });
    assert.match(error.text, /dlvFlags/);
    await s.send('disconnect');
    s.close();
  });

  w.test('flags that the supervisor owns are dropped with a note, others pass as --name=value', async () => {
    const s = await w.session();
    await s.launch({
      program: TOOL,
      args: ['loop'],
      dlvFlags: ['--backend', 'native', '--check-go-version=true', '-r', `stdout:${w.at('tmp/stolen')}`, `--log-dest=${w.at('tmp/stolen')}`,
        '--tty', '/dev/null', '--output=/tmp/stolen', '--continue', '--init', '/tmp/stolen'],
    });
    await s.output('stdout', /looping/);
    const args = own(proc.cmdline(await w.dlv()));
    assert.ok(args.includes('--backend=native'), args.join(' '));
    assert.ok(args.includes('--check-go-version=true'), args.join(' '));
    assert.ok(!args.join(' ').includes('stolen'), args.join(' '));
    assert.ok(!args.some((a) => /^--(continue|tty|init)\b/.test(a)), args.join(' '));
    for (const word of ['-r', '--log-dest', '--tty', '--output', '--continue', '--init']) assert.ok(s.shown.includes(word), `no note names ${word}:\n${s.shown}`);
    await s.finish({ terminateDebuggee: true });
  });

  w.test('a flag that dlv does not know is answered in dlv\'s words', async () => {
    const s = await w.session();
    await s.initialize();
    const error = await s.refused('launch', { mode: 'debug', program: TOOL, dlvFlags: ['--nosuchflag=1'] }, { timeout: LAUNCH_MS });
    assert.match(error.text, /nosuchflag/);
    await s.send('disconnect');
    s.close();
  });

  w.test('what an editor\'s machine mixes into env is dropped with one note, the rest passes', async () => {
    const dropped = ['GOPATH', 'GOROOT', 'GOBIN', 'GOENV', 'GOTOOLDIR', 'GOCACHE', 'GOMODCACHE', 'PATH', 'HOME', 'TMPDIR', 'SHELL'];
    const env = Object.fromEntries(dropped.map((name) => [name, '/nowhere/of/the/client']));
    const s = await w.session();
    await s.launch({ program: TOOL, args: ['report'], env: { ...env, GOFLAGS: '-mod=mod', HTTP_PROXY: 'http://proxy.example', 'BAD NAME(x)': 'y' } });
    await s.event('terminated', { timeout: 30_000 });
    const seen = JSON.parse(s.outputs.stdout);
    assert.ok(!seen.env.some((e) => e.includes('/nowhere/of/the/client')), seen.env.join('\n'));
    assert.ok(seen.env.includes('GOFLAGS=-mod=mod'));
    assert.ok(seen.env.includes('HTTP_PROXY=http://proxy.example'));
    const notes = s.events('output').filter((m) => m.body.output.includes('GOTOOLDIR'));
    assert.equal(notes.length, 1, s.shown);
    for (const name of dropped) assert.ok(notes[0].body.output.includes(name), `${name} in ${notes[0].body.output}`);
    assert.ok(s.shown.includes('BAD NAME'), s.shown);
    assert.doesNotMatch(w.daemon.stderr, /nowhere\/of\/the\/client|proxy\.example/, 'a value of the environment is in the log');
    await s.finish();
  });

  w.test('the log layers that articles name are taken as debugger, with a note', async () => {
    const s = await w.session();
    await s.launch({ program: TOOL, args: ['loop'], logOutput: 'modules,gc', showLog: true });
    await s.output('stdout', /looping/);
    const args = own(proc.cmdline(await w.dlv()));
    assert.ok(!/modules|\bgc\b/.test(args.find((a) => a.startsWith('--log-output')) ?? ''), args.join(' '));
    assert.match(s.shown, /modules/);
    await s.finish({ terminateDebuggee: true });
  });
});

suite('pins without configuration', { target: { go: { GOCACHE: undefined, GOMODCACHE: undefined } } }, (w) => {
  w.test('the caches are what go says in a clean environment, as absolute paths', async () => {
    // mode exec: a build with an empty cache would take long.
    const binary = await build('tool', w.at('tmp/tool'));
    const s = await w.session();
    await s.launch({ mode: 'exec', program: binary, args: ['loop'], env: { GOCACHE: 'relative' } });
    await s.output('stdout', /looping/);
    const env = proc.environ(await w.dlv());
    assert.equal(env.GOCACHE, path.join(w.at('cache'), 'go-build'));
    assert.equal(env.GOMODCACHE, path.join(w.at('home'), 'go/pkg/mod'));
    await s.finish({ terminateDebuggee: true });
  });
});

suite('pins by configuration', {
  target: { go: { env: { FROM_CONFIG: 'yes', GOPRIVATE: 'example.com' } }, delve: { flags: ['--check-go-version=false'], logOutput: 'debugger,rpc' } },
}, (w) => {
  w.test('go.env, delve.flags and delve.logOutput reach dlv; launch.json goes on top', async () => {
    const s = await w.session();
    await s.launch({ program: TOOL, args: ['loop'], env: { GOPRIVATE: 'other.example' } });
    await s.output('stdout', /looping/);
    const dlv = await w.dlv();
    const args = own(proc.cmdline(dlv));
    assert.ok(args.includes('--check-go-version=false'), args.join(' '));
    assert.equal(flag(args, '--log-output'), 'debugger,rpc');
    const env = proc.environ(dlv);
    assert.equal(env.FROM_CONFIG, 'yes');
    assert.equal(env.GOPRIVATE, 'other.example');
    await s.finish({ terminateDebuggee: true });
  });
});
