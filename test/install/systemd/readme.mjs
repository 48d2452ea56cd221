// What README tells to type, typed as it stands there.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { Child, run } from '../../e2e/harness.mjs';
import { UNITS, dropIn, show, systemctl } from './manager.mjs';
import { SERVICE, SOCKET, atLoop } from './service.mjs';

const ROOT = path.resolve(path.dirname(new URL(import.meta.url).pathname), '../../..');
const README = fs.readFileSync(path.join(ROOT, 'README.md'), 'utf8').split('## Run it as a service')[1].split('\n## ')[0];
const COMMANDS = [...README.matchAll(/^ {4}((?:systemctl|journalctl) --user .*?)(?: {2,}#.*)?$/gm)].map((m) => m[1]);
const SECOND = Number(/ListenStream=127\.0\.0\.1:(\d+)/.exec(README)[1]);
const DROP_IN = /```ini\n([^]*?)```/.exec(README)[1];

/** Runs a command on a terminal of its own, with an editor that writes text. */
async function edits(w, command, text) {
  const wanted = w.at('tmp/wanted');
  const editor = w.at('tmp/editor');
  fs.writeFileSync(wanted, text);
  fs.writeFileSync(editor, `#!/bin/sh\nfor file; do :; done\ncat '${wanted}' >"$file"\n`, { mode: 0o755 });
  const child = new Child('script', ['-qec', command, '/dev/null'], { name: command, env: { ...process.env, SYSTEMD_EDITOR: editor } });
  assert.deepEqual(await child.end(), { code: 0, signal: null }, child.text());
}

export function readme(w) {
  w.test("README's way without the socket, with an F5 and a stop", async () => {
    const command = /`(systemctl --user enable --now delvegate\.service)`/.exec(README)[1];
    const { code, stdout, stderr } = await run('sh', ['-c', command]);
    assert.equal(code, 0, `${command}: ${stdout}${stderr}`);
    assert.equal((await w.show('UnitFileState')).UnitFileState, 'enabled');
    const s = await atLoop(w);
    await s.finish({ terminateDebuggee: true });
    await systemctl(['disable', '--now', SERVICE]);
    assert.equal((await w.show('ActiveState')).ActiveState, 'inactive');
  });

  w.test("README's commands, in their order, with an F5 where they lead to one", async () => {
    assert.ok(COMMANDS.length >= 5, README);
    for (const words of COMMANDS) {
      // Root's own services write into the system's journal.
      const command = process.getuid() === 0 ? words.replace('journalctl --user -u', 'journalctl --user-unit') : words;
      const { code, stdout, stderr } = await run('sh', ['-c', command]);
      assert.equal(code, 0, `${command}: ${stdout}${stderr}`);
      if (command.includes('enable')) {
        const s = await atLoop(w);
        await s.finish({ terminateDebuggee: true });
        await w.reach({ StatusText: /sessions: 0\b/ });
      }
      if (command.includes('status')) assert.match(stdout, /Status: "sessions: 0; targets: main/);
      if (command.includes('stop')) assert.equal((await w.show('ActiveState')).ActiveState, 'inactive');
      if (command.startsWith('journalctl')) assert.match(stdout, /session 1: .*\n[^]*session 1: /);
    }
    await systemctl(['disable', '--now', SOCKET]);
  });

  w.test("README's second port: edit, daemon-reload, restart, while the service runs and has a session", async () => {
    w.writeConfig({ ...w.config, targets: { ...w.config.targets, second: { ...w.config.targets.main, listen: SECOND } } });
    await dropIn(SOCKET, 'override', '');
    await systemctl(['start', SOCKET]);
    const before = await atLoop(w);
    await edits(w, 'systemctl --user edit delvegate.socket', DROP_IN);
    assert.match(fs.readFileSync(path.join(UNITS, `${SOCKET}.d/override.conf`), 'utf8'), /ListenStream/);
    await systemctl(['daemon-reload']);
    await systemctl(['restart', SOCKET]);
    await before.event('terminated');
    await before.closed;
    assert.match((await show(SOCKET, 'Listen')).Listen, new RegExp(`:${SECOND} `));
    for (const port of [w.port, SECOND]) {
      const s = await atLoop(w, { port });
      await s.finish({ terminateDebuggee: true });
    }
    assert.deepEqual((await w.journal('-o', 'cat')).match(/.*taken.*/g), null);
    await systemctl(['stop', SERVICE]);
    const s = await atLoop(w, { port: SECOND });
    await s.finish({ terminateDebuggee: true });
  });
}
