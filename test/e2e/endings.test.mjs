// How sessions end, and that nothing of them is left on the Go machine, whoever ends them and in whatever state.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { program, states, suite, within } from './harness.mjs';

const TOOL = program('tool');

const disconnects = { 'terminateDebuggee true': { terminateDebuggee: true }, 'terminateDebuggee false': { terminateDebuggee: false }, 'no arguments': undefined, restart: { restart: true } };

suite('endings', {}, (w) => {
  const clean = () => fs.rmSync(w.at('tmp/block.fifo'), { force: true });

  for (const [state, reach] of Object.entries(states)) {
    for (const [how, args] of Object.entries(disconnects)) {
      if (state === 'building' && how === 'restart') continue;
      w.test(`disconnect (${how}) while ${state}`, async () => {
        clean();
        const s = await w.session();
        await reach(w, s);
        await s.finish(args);
        if (s.launching) assert.equal((await s.launching).success, false);
        await w.nothingLeft();
        assert.equal(s.events('terminated').length, 1);
      });
    }

    w.test(`socket closed while ${state}`, async () => {
      clean();
      const s = await w.session();
      s.gone = true;
      await reach(w, s);
      s.close();
      await w.nothingLeft();
    });

    w.test(`client vanishes while ${state}`, async () => {
      clean();
      const s = await w.session();
      s.gone = true;
      await reach(w, s);
      s.vanish();
      await w.nothingLeft();
    });

    w.test(`delvegate gets SIGTERM while ${state}`, async (t) => {
      const own = await w.fresh(t);
      const s = await own.session();
      await reach(own, s);
      own.daemon.kill('SIGTERM');
      assert.deepEqual(await own.daemon.end(30_000), { code: 0, signal: null }, own.daemon.text());
      await within('the end of the connection', s.closed);
      assert.equal(s.events('terminated').length, 1, s.text());
      if (s.launching) assert.equal((await s.launching).success, false);
      await own.nothingLeft();
      s.assertProtocol();
      own.assertNoSanitizerReport();
    });
  }

  w.test('a second disconnect and a request after the end are answered', async () => {
    const s = await w.session();
    await s.launch({ program: TOOL, args: ['quiet'] });
    await s.event('terminated', { timeout: 30_000 });
    await s.ask('threads');
    await s.ask('evaluate', { expression: '1', context: 'repl' });
    await s.finish();
  });

  w.test('a Delve that hangs: what waits for it and disconnect are both answered, and nothing is left', async () => {
    const s = await w.session();
    await states.stopped(w, s);
    process.kill(await w.dlv(), 'SIGSTOP');
    const waiting = s.ask('threads');
    await s.finish({ terminateDebuggee: true });
    assert.equal((await waiting).success, false);
    await w.nothingLeft();
  });

  w.test('disconnect before launch', async () => {
    const s = await w.session();
    await s.initialize();
    await s.send('disconnect');
    s.close();
    await s.closed;
  });
});
