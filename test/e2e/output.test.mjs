// The program's output and its end: complete, in order, in the right category, and never more than fits in memory.
import assert from 'node:assert/strict';
import { TEST_MS, line, proc, program, suite, until, within } from './harness.mjs';

const TOOL = program('tool');
const MB = 1 << 20;
const FLOOD = process.env.CHECK_ALL === '1' ? 200 * 1000 * 1000 : 50 * 1000 * 1000;
// What delvegate may hold more than at rest, with room for the sanitizers' own book-keeping.
const GROWTH_MAX = 100 * MB;
// The sanitizer keeps freed memory for a while: as little as it can here, so that what grows is delvegate's.
const SMALL_QUARANTINE = { ASAN_OPTIONS: 'detect_leaks=1:quarantine_size_mb=4' };

const numbered = (prefix, n) => Array.from({ length: n }, (_, i) => `${prefix} ${i}\n`).join('');

suite('output', { daemonEnv: SMALL_QUARANTINE }, (w) => {
  w.test('stdout and stderr: category, order and completeness', async () => {
    const s = await w.session();
    await s.launch({ program: TOOL, args: ['both', '2000'] });
    await s.event('terminated', { timeout: 30_000 });
    assert.equal(s.outputs.stdout, numbered('out', 2000));
    assert.equal(s.outputs.stderr, numbered('err', 2000));
    await s.finish();
  });

  w.test('UTF-8 is never cut, whatever the writes are', async () => {
    const s = await w.session();
    await s.launch({ program: TOOL, args: ['utf8', '300'] });
    await s.event('terminated', { timeout: 30_000 });
    assert.equal(s.outputs.stdout, 'né€𝄞漢字\n'.repeat(300));
    for (const m of s.events('output')) assert.doesNotMatch(m.body.output, /\ufffd/);
    await s.finish();
  });

  for (const [code, args] of [[0, ['quiet']], [7, ['exit', '7']], [255, ['exit', '255']]]) {
    w.test(`exit code ${code}: after all output come exited, then terminated, once each`, async () => {
      const s = await w.session();
      await s.launch({ program: TOOL, args });
      await s.event('terminated', { timeout: 30_000 });
      const order = s.messages.filter((m) => m.type === 'event' && (['exited', 'terminated'].includes(m.event)
        || (m.event === 'output' && ['stdout', 'stderr'].includes(m.body.category)))).map((m) => m.event);
      assert.deepEqual(order.slice(-2), ['exited', 'terminated']);
      assert.equal(s.events('exited').length, 1);
      assert.equal(s.events('exited')[0].body.exitCode, code);
      if (code === 7) {
        assert.equal(s.outputs.stdout, 'before exit\n');
        assert.equal(s.outputs.stderr, 'last words without a newline');
      }
      await s.finish();
      assert.equal(s.events('terminated').length, 1);
    });
  }

  w.test('a killed program ends the session', async () => {
    const s = await w.session();
    await s.launch({ program: TOOL, args: ['loop'] });
    const [, pid] = await s.output('stdout', /looping (\d+)/);
    process.kill(Number(pid), 'SIGKILL');
    await s.event('terminated', { timeout: 30_000 });
    await s.finish();
  });

  w.test('a grandchild that holds the streams does not hold the end', async () => {
    const s = await w.session();
    await s.launch({ program: TOOL, args: ['grandchild', '60'] });
    await s.event('terminated', { timeout: 15_000 });
    assert.equal(s.events('exited')[0].body.exitCode, 0);
    assert.match(s.outputs.stdout, /child \d+\n/);
    await s.finish();
  });

  w.test(`${FLOOD / 1e6} MB of output: nothing lost, memory bounded`, async (t) => {
    const own = await w.fresh(t, { daemonEnv: SMALL_QUARANTINE });
    const s = await own.session();
    let bytes = 0;
    let next = 0;
    let rest = '';
    let wrong = '';
    s.onOutput = (category, text) => {
      if (category !== 'stdout') {
        s.outputs[category] = (s.outputs[category] ?? '') + text;
        return;
      }
      bytes += Buffer.byteLength(text);
      const lines = (rest + text).split('\n');
      rest = lines.pop();
      for (const l of lines) {
        if (Number(l) !== next && !wrong) wrong = `line ${next} is ${l.slice(-40)}`;
        next += 1;
      }
    };
    const atRest = proc.residentBytes(own.daemon.pid);
    let most = 0;
    const watch = setInterval(() => { most = Math.max(most, proc.residentBytes(own.daemon.pid)); }, 50);
    t.after(() => clearInterval(watch));
    await s.launch({ program: TOOL, args: ['flood', String(FLOOD)] });
    await s.event('terminated', { timeout: TEST_MS });
    clearInterval(watch);
    assert.equal(wrong, '');
    assert.equal(bytes, FLOOD);
    assert.equal(rest, '');
    assert.equal(s.outputs.stderr, 'flooded\n');
    assert.ok(most - atRest < GROWTH_MAX, `delvegate grew from ${atRest / MB} to ${most / MB} MB`);
    await s.finish();
    s.assertProtocol();
    await own.nothingLeft();
  });

  w.test('a client that does not read stops only its own session, and the rest is there when it reads again', async () => {
    const slow = await w.session();
    let bytes = 0;
    slow.onOutput = (category, text) => { if (category === 'stdout') bytes += Buffer.byteLength(text); };
    const atRest = proc.residentBytes(w.daemon.pid);
    await slow.launch({ program: TOOL, args: ['flood', '20000000'] });
    slow.socket.pause();

    const other = await w.session();
    await other.launch({ program: TOOL, args: ['both', '100'] });
    await other.event('terminated', { timeout: 30_000 });
    assert.equal(other.outputs.stdout, numbered('out', 100));
    await other.finish();
    const grown = proc.residentBytes(w.daemon.pid) - atRest;
    assert.ok(grown < GROWTH_MAX, `delvegate grew by ${grown / MB} MB`);

    slow.socket.resume();
    await slow.event('terminated', { timeout: 60_000 });
    assert.equal(bytes, 20000000);
    await slow.finish();
  });

  w.test('output reaches the client while the program runs, not only at its end', async () => {
    const s = await w.session();
    const main = `${TOOL}/main.go`;
    await s.launch({ program: TOOL, args: ['flood', '100000'] }, () => s.breakpoints(main, [line(main, 'FLOODED')]));
    await s.stop({ reason: 'breakpoint' });
    await until('all of the output before the stop', () => s.outputs.stdout.length === 100000);
    assert.equal(s.outputs.stderr, '');
    await s.finish({ terminateDebuggee: true });
  });

  w.test('a program that is ended at a stop says no more', async () => {
    const s = await w.session();
    const main = `${TOOL}/main.go`;
    await s.launch({ program: TOOL, args: ['both', '10'] }, () => s.breakpoints(main, [line(main, 'SWITCH')]));
    await s.stop({ reason: 'breakpoint' });
    await within('the end', s.finish({ terminateDebuggee: true }));
    assert.equal(s.outputs.stdout, '');
  });
});
