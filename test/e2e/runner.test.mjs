// test/run.sh in surroundings that are not ours, with programs that do not end: in a tree of its own, which has nothing
// but the suite `install`.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Child, REMOVE, proc, run as runToEnd, until } from './harness.mjs';

const HERE = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const LIMIT_MS = 60_000;
const OF_THE_C_LIBRARY = 0b11n << 31n; // signals 32 and 33, which no program can set back

/** A tree with these test programs: { name: text of a shell script }. */
function tree(t, programs) {
  const root = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'dv-')));
  t.after(() => fs.rmSync(root, REMOVE));
  const dir = path.join(root, 'a tree: of tests');
  fs.mkdirSync(path.join(dir, 'test/install'), { recursive: true });
  fs.mkdirSync(path.join(root, 'tmp'));
  for (const name of ['run.sh', 'count.sh']) fs.copyFileSync(path.join(HERE, name), path.join(dir, 'test', name));
  for (const [name, text] of Object.entries(programs)) fs.writeFileSync(path.join(dir, 'test/install', name), `#!/bin/bash\n${text}\n`, { mode: 0o755 });
  return { root, dir, tmp: path.join(root, 'tmp') };
}

function start({ dir, tmp }, { env = {}, before = '', suites = 'install' } = {}) {
  return new Child('bash', ['-c', `${before}\nexec test/run.sh ${suites}`], { name: 'run.sh', cwd: dir, env: { ...process.env, KEEP: '', CHECK_UNTIL: '', TMPDIR: tmp, ...env } });
}

/** Runs it to its end, and returns what it printed. Nothing may be left of it. */
async function run(w, options = {}) {
  const child = start(w, options);
  await options.meanwhile?.(child);
  const { code } = await child.end(LIMIT_MS);
  assert.equal(code === 0, options.good ?? false, child.text());
  assert.deepEqual(fs.readdirSync(w.tmp), [], child.text());
  return child.stdout;
}

test('what the caller has set, ignored or closed does not reach the tests', async (t) => {
  const w = tree(t, { seen: `
    echo "ignored $(sed -n 's/^SigIgn:\\t//p' /proc/self/status)"
    echo "umask $(umask)"
    echo "stdin $(readlink /proc/self/fd/0)"
    env | sed 's/^/env /'
    git config --get-all safe.directory | sed 's/^/safe /'
    echo '1 passed, 0 failed'` });
  for (const stdin of ['<&-', '</dev/zero', '']) {
    const said = await run(w, {
      good: true,
      before: `trap '' HUP INT PIPE CHLD TERM USR1; umask 077; exec ${stdin}`,
      env: { LC_ALL: 'C', CDPATH: '/:/tmp', GOFLAGS: '-mod=vendor', GOOS: 'plan9', GOPATH: 'relative', NODE_TEST_CONTEXT: 'child-v8', HOME: '/nowhere',
        MAKEFLAGS: 'n -j8 --jobserver-auth=3,4 -- V=1', MAKELEVEL: '1', GIT_DIR: '/nowhere', GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'user.name', GIT_CONFIG_VALUE_0: 'somebody' },
    });
    const ignored = BigInt(`0x${/^ignored (\S+)$/m.exec(said)[1]}`);
    assert.equal(ignored & ~OF_THE_C_LIBRARY, 0n);
    assert.match(said, /^umask 0022$/m);
    assert.match(said, /^stdin \/dev\/null$/m);
    assert.match(said, new RegExp(`^safe ${w.dir}$`, 'm'));
    assert.match(said, /^env LC_ALL=C\.UTF-8$/m);
    assert.match(said, /^env MAKEFLAGS= -- V=1$/m);
    assert.match(said, new RegExp(`^env HOME=${w.dir}/build/home$`, 'm'));
    assert.match(said, new RegExp(`^env ASAN_OPTIONS=.*log_path='${w.dir}/build/check/sanitizer'$`, 'm'));
    assert.doesNotMatch(said, /^env (CDPATH|GOFLAGS|GOOS|GOPATH|NODE_TEST_CONTEXT|MAKELEVEL|GIT_DIR)=/m);
  }
});

test('without HOME, and with a TMPDIR that is too long for sockets', async (t) => {
  const w = tree(t, { seen: 'echo "home $HOME"; echo "tmp $TMPDIR"; echo "1 passed, 0 failed"' });
  const long = path.join(w.tmp, 'l'.repeat(100));
  fs.mkdirSync(long);
  const child = start(w, { before: 'unset HOME', env: { TMPDIR: long } });
  assert.deepEqual(await child.end(LIMIT_MS), { code: 0, signal: null }, child.text());
  assert.match(child.stdout, /^home .*\/build\/home$/m);
  const [, tmp] = /^tmp (.*)$/m.exec(child.stdout);
  assert.ok(tmp.length < 40, tmp);
  assert.ok(!fs.existsSync(tmp));
});

test('the last lines name what failed', async (t) => {
  const w = tree(t, { bad: 'echo "ok   one"; echo "FAIL two is three"; echo "1 passed, 1 failed"; exit 1', good: 'echo "1 passed, 0 failed, 1 skipped"' });
  assert.match(await run(w), /\nfailed: install\/bad\n    FAIL two is three\n2 passed, 1 failed, 1 skipped\n$/);
});

test('the counts of a run inside a test are not those of the run', async () => {
  const report = ['  ✔ one (1ms)', '✖ two', '    ℹ pass 0', '    ℹ fail 7', 'ℹ pass 1', 'ℹ fail 1', 'ℹ cancelled 0', 'ℹ skipped 2', 'ℹ todo 0',
    '✖ failing tests:', '  ℹ pass 0', '  ℹ fail 7', ''].join('\n');
  const { stdout } = await runToEnd('bash', ['-c', '. "$0"; count_node', path.join(HERE, 'count.sh')], { input: report });
  assert.equal(stdout, '1 1 2\n');
});

test('a program that has no time left is not begun, one that takes too long is ended: both fail', async (t) => {
  const w = tree(t, { one: 'echo here; sleep 3600; echo "1 passed, 0 failed"' });
  const past = await run(w, { env: { CHECK_UNTIL: '1' } });
  assert.doesNotMatch(past, /here/);
  assert.match(past, /not begun.*CHECK_UNTIL.*\n[^]*failed: install\/one\n0 passed, 1 failed, 0 skipped\n$/);
  const soon = await run(w, { env: { CHECK_UNTIL: String(Math.floor(Date.now() / 1000) + 2) } });
  assert.match(soon, /here\n[^]*CHECK_UNTIL[^]*failed: install\/one\n/);
});

test('what a program leaves running and holding its output is not waited for', async (t) => {
  const w = tree(t, { one: 'sleep 3600 & echo $! >"$TMPDIR/../left"; echo "1 passed, 0 failed"' });
  const child = start(w);
  assert.equal((await child.end(LIMIT_MS)).code, 1, child.text());
  process.kill(Number(fs.readFileSync(path.join(w.tmp, 'left'), 'utf8')));
  assert.match(child.stdout, /something that it started still holds its output/);
});

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) {
  test(`cut short by ${signal} it ends what it started, and says what there was`, async (t) => {
    const w = tree(t, { a: 'echo "1 passed, 0 failed"', b: 'touch "$TMPDIR/file"; echo "pid $$"; sleep 3600' });
    const said = await run(w, {
      meanwhile: async (child) => {
        const [, pid] = await child.wait(/^pid (\d+)$/m, { stream: 'stdout' });
        child.kill(signal);
        await until('the program to be ended', () => !proc.alive(Number(pid)));
      },
    });
    assert.match(said, new RegExp(`test/run\\.sh: cut short by ${signal}\n1 passed, 0 failed, 0 skipped\n$`));
  });
}

test('nobody reads what it prints any more', async (t) => {
  const w = tree(t, { a: 'echo "1 passed, 0 failed"', b: 'echo "1 passed, 0 failed"' });
  const child = start(w);
  child.process.stdout.destroy();
  const { code } = await child.end(LIMIT_MS);
  assert.notEqual(code, 0);
  assert.deepEqual(fs.readdirSync(w.tmp), []);
});

test('a suite that does not exist is told before anything is run', async (t) => {
  const w = tree(t, { a: 'echo "1 passed, 0 failed"' });
  assert.equal(await run(w, { suites: 'install none' }), '');
});
