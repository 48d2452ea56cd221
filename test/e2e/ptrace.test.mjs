// Machines on which Delve may not trace: behind a seccomp filter, without SYS_PTRACE, under yama. What fails is answered
// with the flag to add, at a launch and by `check-env`.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { DELVEGATE, LAUNCH_MS, PROGRAMS, build, program, run, suite } from './harness.mjs';

const HELLO = program('hello');
const DENY = path.resolve(PROGRAMS, '../helpers/deny.c');
const YAMA = '/proc/sys/kernel/yama/ptrace_scope';
const LESS = ['setpriv', '--bounding-set', '-sys_ptrace', '--no-new-privs'];
const isRoot = process.getuid() === 0;
const byRoot = !isRoot && 'only root can drop a capability from the bounding set';

/** delvegate behind `before`, a command that runs another one. LeakSanitizer traces too. */
function confined(before) {
  return {
    transports: ['local'],
    skip: before[0] === 'setpriv' && byRoot,
    daemonEnv: { ASAN_OPTIONS: 'detect_leaks=0:abort_on_error=0' },
    prepare: async (w) => {
      const deny = w.at('tmp/deny');
      const { code, stderr } = await run(process.env.CC ?? 'gcc', ['-std=c11', '-D_GNU_SOURCE', '-o', deny, DENY]);
      assert.equal(code, 0, stderr);
      const words = before.map((word) => (word === 'deny' ? deny : word));
      w.options.program = w.at('tmp/confined');
      fs.writeFileSync(w.options.program, `#!/bin/sh\nexec ${words.join(' ')} ${DELVEGATE} "$@"\n`, { mode: 0o755 });
    },
  };
}

const checkEnv = (w) => run(w.options.program, ['check-env', '--config', w.configFile], { env: w.daemonEnv, cwd: w.root });

async function refused(w, request, args) {
  const s = await w.session();
  await s.initialize();
  const error = await s.refused(request, { name: 'test', type: 'go', request, ...args }, { timeout: LAUNCH_MS });
  await s.event('terminated');
  s.close();
  return error.text;
}

/** The program runs to its end under Delve. */
async function debugged(w) {
  const s = await w.session();
  await s.launch({ program: HELLO });
  await s.event('terminated', { timeout: LAUNCH_MS });
  s.close();
}

async function waiting(w) {
  const child = w.spawn(await build('tool', w.at('tmp/looper')), ['loop'], { name: 'looper' });
  await child.wait(/looping/, { stream: 'stdout' });
  return child;
}

// A filter with and without the capability: in Docker and podman the one asks for the other.
for (const [name, before, words, flag] of [
  ['a filter that answers EPERM', ['deny', 'EPERM'], /operation not permitted/, /"--security-opt=seccomp=unconfined" in runArgs of devcontainer\.json/],
  ['a filter that answers ENOSYS', ['deny', 'ENOSYS'], /function not implemented/, /"--security-opt=seccomp=unconfined" in runArgs of devcontainer\.json/],
  ['a filter, and no SYS_PTRACE', [...LESS, 'deny', 'EPERM'], /operation not permitted/, /add "--cap-add=SYS_PTRACE"/],
]) {
  suite(`ptrace: ${name}`, confined(before), (w) => {
    w.test('a launch', async () => {
      for (const mode of ['debug', 'exec']) {
        const text = await refused(w, 'launch', { mode, program: mode === 'exec' ? await build('hello', w.at('tmp/hello')) : HELLO });
        assert.match(text, words);
        assert.match(text, /Delve may not trace the program: /);
        assert.match(text, flag);
      }
    });

    w.test('an attach', async () => {
      const child = await waiting(w);
      const text = await refused(w, 'attach', { mode: 'local', processId: child.pid });
      assert.match(text, /Delve may not attach to the process: /);
      assert.match(text, flag);
      assert.equal(child.running, true);
      child.kill('SIGKILL');
      await child.end();
    });

    w.test('check-env', async () => {
      const { code, stdout, stderr } = await checkEnv(w);
      assert.equal(code, 1, stderr);
      assert.match(stdout, /^main: error: Delve may not trace on this machine: could not launch process: .*so nothing can be debugged: .*\n$/);
      assert.match(stdout, flag);
    });
  });
}

suite('ptrace: without SYS_PTRACE', confined(LESS), (w) => {
  w.test('what Delve starts itself is debugged, and check-env says that all is well', async () => {
    await debugged(w);
    const { code, stdout } = await checkEnv(w);
    if (!fs.existsSync(YAMA) || Number(fs.readFileSync(YAMA, 'utf8')) === 0) assert.match(stdout, /^main: ok: /);
    assert.equal(code, 0, stdout);
  });

  w.test('a process with more rights is not attached to', async () => {
    const child = await waiting(w);
    const text = await refused(w, 'attach', { mode: 'local', processId: child.pid });
    assert.match(text, /operation not permitted|kernel security setting/);
    assert.match(text, /Delve may not attach to the process: .*"--cap-add=SYS_PTRACE" in runArgs of devcontainer\.json/);
    child.kill('SIGKILL');
    await child.end();
  });
});

suite('ptrace: root without SYS_PTRACE', confined(LESS), (w) => {
  w.test('another user\'s process is not attached to', async () => {
    const looper = await build('tool', w.at('tmp/looper'));
    for (const dir of [w.root, w.at('tmp')]) fs.chmodSync(dir, 0o711);
    const child = w.spawn('setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', looper, 'loop'], { name: 'looper', cwd: '/' });
    await child.wait(/looping/, { stream: 'stdout' });
    const text = await refused(w, 'attach', { mode: 'local', processId: child.pid });
    assert.match(text, /current user does not own the process|operation not permitted|kernel security setting/);
    assert.match(text, /Delve may not attach to the process: .*"--cap-add=SYS_PTRACE" in runArgs of devcontainer\.json/);
    child.kill('SIGKILL');
    await child.end();
  });
});

/** Sets the machine's own switch for the time of a test; false: this machine has none, or will not let us. */
function yama(t, value) {
  try {
    const before = fs.readFileSync(YAMA, 'utf8');
    if (Number(before) > 1) return false;
    fs.writeFileSync(YAMA, value);
    t.after(() => fs.writeFileSync(YAMA, before));
    return true;
  } catch {
    return false;
  }
}

suite('ptrace: yama', confined(LESS), (w) => {
  w.test('ptrace_scope 1 forbids attaching alone', async (t) => {
    if (!yama(t, '1')) return t.skip(`${YAMA} is not there or cannot be set`);
    await debugged(w);
    const child = await waiting(w);
    assert.match(await refused(w, 'attach', { mode: 'local', processId: child.pid }), /forbids attaching \(kernel\.yama\.ptrace_scope is 1\)/);
    child.kill('SIGKILL');
    await child.end();
    const { code, stdout } = await checkEnv(w);
    assert.equal(code, 0, stdout);
    assert.match(stdout, /^main: warning: Delve may not attach to a running process on this machine: .*ptrace_scope is 1/);
  });
});
