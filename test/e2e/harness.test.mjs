// The harness itself: tests that end badly, or are cut short, end in time and leave nothing.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Child, DELVEGATE, REMOVE, TEST_MS, haveSshd, proc, until } from './harness.mjs';

const HERE = path.dirname(fileURLToPath(import.meta.url));
const UNFINISHED = path.join(HERE, 'lib/unfinished.mjs');

/** Runs one of the unfinished tests with a TMPDIR of its own, and looks for what is left when it has ended. */
async function run(which, transport, meanwhile = async () => {}) {
  const dir = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'dv-')));
  try {
    const { NODE_TEST_CONTEXT, ...env } = process.env; // a run of its own, not a part of this one
    const child = new Child(process.execPath, ['--test', '--test-reporter=spec', UNFINISHED],
      { name: which, env: { ...env, TMPDIR: dir, UNFINISHED: which, TRANSPORT: transport } });
    await meanwhile(child);
    const { code } = await child.end(60_000);
    assert.notEqual(code, 0, child.text());
    const left = () => proc.pids().filter((pid) => proc.alive(pid) && (proc.cwd(pid).startsWith(dir) || proc.cmdline(pid).join('\0').includes(dir)));
    // What runs the tests may end before them.
    await until('nothing to be left', () => left().length === 0 && fs.readdirSync(dir).length === 0, {
      explain: () => `${proc.describe(left())}\n${fs.readdirSync(dir)}\n${child.text()}`,
    });
    return child.stdout + child.stderr;
  } finally {
    fs.rmSync(dir, REMOVE);
  }
}

for (const transport of ['local', 'ssh']) {
  describe(`the harness (${transport})`, { skip: transport === 'ssh' && !haveSshd && 'no sshd on this machine' }, () => {
    test('a test that fails with things open is counted, and its file ends', { timeout: TEST_MS }, async () => {
      const said = await run('open', transport);
      assert.match(said, /as it should/);
      assert.match(said, /^. fail 1$/m);
      assert.match(said, /something that they opened keeps their process/);
    });

    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) {
      test(`tests that ${signal} cuts short leave nothing`, { timeout: TEST_MS }, async () => {
        await run('endless', transport, async (child) => {
          await child.wait(/here: /, { stream: 'stdout', timeout: 60_000 });
          // As timeout(1) does: to all of them.
          for (const pid of proc.pids().filter((p) => proc.descends(p, child.pid) && proc.cmdline(p)[0] === process.execPath)) process.kill(pid, signal);
        });
      });
    }
  });
}

for (const [name, script, up] of [['demo', 'demo/demo.mjs', /^delvegate up/m], ['benchmark', '../bench/bench.mjs', /processors/]]) {
  test(`the ${name} leaves nothing when it is cut short`, { timeout: TEST_MS, skip: !haveSshd && 'no sshd on this machine' }, async (t) => {
    const dir = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'dv-')));
    t.after(() => fs.rmSync(dir, REMOVE));
    const child = new Child(process.execPath, [path.join(HERE, script), DELVEGATE], { name, env: { ...process.env, TMPDIR: dir } });
    await child.wait(up, { stream: 'stdout' });
    child.kill('SIGINT');
    await child.end();
    await until('nothing to be left', () => proc.pids().every((pid) => !proc.alive(pid) || !proc.cmdline(pid).join('\0').includes(dir)));
    assert.deepEqual(fs.readdirSync(dir).filter((file) => /^delvegate-/.test(file)), [], child.text());
  });
}
