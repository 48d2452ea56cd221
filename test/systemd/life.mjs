// Start, state, reload, stop.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { line, proc, program, until } from '../e2e/harness.mjs';
import { SERVICE, SOCKET } from './service.mjs';
import { systemctl } from './manager.mjs';

const HELLO = program('hello');
const MAIN = path.join(HELLO, 'main.go');
const LOOP = line(MAIN, 'LOOP');

export function life(w) {
  w.test('start returns when the port is bound, and STATUS names the target', async () => {
    await systemctl(['start', SERVICE]);
    const seen = await w.show('ActiveState', 'SubState', 'StatusText', 'Type', 'NRestarts', 'KillMode');
    assert.equal(seen.ActiveState, 'active');
    assert.match(seen.StatusText, /main/);
    const s = await w.session();
    await s.initialize();
    await s.send('disconnect');
    s.close();
    await systemctl(['stop', SERVICE]);
  });
}
