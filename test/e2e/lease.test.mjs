// The lease: what the Go machine does when nothing is heard of delvegate any more.
import assert from 'node:assert/strict';
import { proc, states, suite, until, within } from './harness.mjs';

const SHORT_LEASE = '5s'; // the shortest that the configuration allows
const THREE_LEASES_MS = 15_000;
const LEASE_END_MS = 60_000;

// Each test waits for a lease of its own world, so they wait together.
suite('lease', { daemon: false, concurrency: 4 }, (w) => {
  for (const [state, reach] of Object.entries(states)) {
    // On its own machine that needs no lease (crash.test.mjs).
    w.test(`delvegate is killed while ${state}: the lease ends it all`, { skip: w.transport === 'local' && 'no lease is waited for' }, async (t) => {
      const own = await w.fresh(t, { target: { lease: SHORT_LEASE } });
      const s = await own.session();
      await reach(own, s);
      own.daemon.kill('SIGKILL');
      await own.daemon.end();
      await within('the end of the connection', s.closed);
      await own.nothingLeft({ timeout: LEASE_END_MS });
    });

    w.test(`delvegate is stuck while ${state}: the lease ends it all, and the client is told when it goes on`, async (t) => {
      const own = await w.fresh(t, { target: { lease: SHORT_LEASE } });
      const s = await own.session();
      await reach(own, s);
      own.daemon.kill('SIGSTOP');
      // The shell that reads from delvegate ends with the connection.
      await until('all but that shell to be gone', () => own.runDirectories().length === 0 && own.processes().every((pid) => proc.cmdline(pid)[0] === 'sh'), {
        timeout: LEASE_END_MS, explain: () => own.logs(),
      }).finally(() => own.daemon.kill('SIGCONT'));
      await s.event('terminated');
      await s.send('disconnect');
      s.assertProtocol();
    });
  }

  w.test('a lease that is shorter than the silence of a quiet session does not end it', async (t) => {
    const own = await w.fresh(t, { target: { lease: SHORT_LEASE } });
    const s = await own.session();
    await states.stopped(own, s);
    const dlv = await own.dlv();
    const end = Date.now() + THREE_LEASES_MS; // time is what is tested here
    await until('three leases to pass', () => !proc.alive(dlv) || Date.now() > end);
    assert.ok(proc.alive(dlv), own.daemon.text());
    await s.finish({ terminateDebuggee: true });
    await own.nothingLeft();
  });
});
