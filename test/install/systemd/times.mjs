// How long it takes, beside the same without a manager. Printed, and bounded only against what no user would wait for.
import assert from 'node:assert/strict';
import { Child } from '../../e2e/harness.mjs';
import { systemctl } from './manager.mjs';
import { SERVICE, SOCKET, atLoop } from './service.mjs';

const ROUNDS = 3;
const FAR_TOO_LONG_MS = 10_000;

const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];

async function timed(body) {
  const begin = process.hrtime.bigint();
  await body();
  return Number(process.hrtime.bigint() - begin) / 1e6;
}

export function times(w) {
  w.test('start to READY, and F5 to the first stop, with the manager and without', async (t) => {
    const release = process.env.RELEASE;
    await w.setUnit({ start: release });
    const seen = {};
    const note = async (what, body) => (seen[what] ??= []).push(await timed(body));
    let child, session;
    const byHand = () => {
      child = new Child(release, ['--config', w.configFile], { name: 'delvegate', cwd: process.env.HOME, env: w.daemonEnv });
      w.spared.add(child.pid);
      return child.wait(/listening/);
    };
    const f5 = async () => { session = await atLoop(w); };
    const finish = () => session.finish({ terminateDebuggee: true });
    const end = async () => {
      child.kill();
      await child.end();
    };
    // All in turn, so that what else the machine does is shared by all.
    for (let i = 0; i < ROUNDS; i++) {
      await systemctl(['reset-failed']);
      await note('systemctl --user start to READY', () => systemctl(['start', SERVICE]));
      await systemctl(['stop', SERVICE]);
      await note('  without systemd: exec to "listening"', byHand);
      await note('F5 to a daemon that runs already, connect to the first stop', f5);
      await finish();
      await end();
      await systemctl(['start', SOCKET]);
      await note('F5 that starts the daemon by its socket, connect to the first stop', f5);
      await finish();
      await systemctl(['stop', SOCKET, SERVICE]);
      await note('  without systemd: exec, connect to the first stop', async () => {
        await byHand();
        await f5();
      });
      await finish();
      await end();
    }
    for (const [what, list] of Object.entries(seen)) {
      const ms = median(list);
      t.diagnostic(`${what}: ${ms.toFixed(1)} ms (median of ${ROUNDS}, release build)`);
      assert.ok(ms < FAR_TOO_LONG_MS, `${what}: ${list} ms`);
    }
  });
}
