// What the service says, in the journal and in a file; and what confines it.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { run } from '../../e2e/harness.mjs';
import { UNITS, dropIn, systemctl } from './manager.mjs';
import { SERVICE, atLoop } from './service.mjs';

const HARDENING = path.resolve(path.dirname(new URL(import.meta.url).pathname), '../../../scripts/systemd/hardening.conf');
const hardening = () => fs.readFileSync(HARDENING, 'utf8');
const LEVELS = { 3: 'error', 4: 'warning', 6: 'info', 7: 'debug' };

export function log(w) {
  w.test('the journal: priorities, no times of our own, one entry an event, a session by its id', async () => {
    await systemctl(['start', SERVICE]);
    const pid = String(w.daemon.pid);
    const a = await atLoop(w);
    const b = await atLoop(w);
    await a.finish({ terminateDebuggee: true });
    await b.finish({ terminateDebuggee: true });
    w.writeConfig('{ "targets": ');
    await systemctl(['kill', '-s', 'HUP', SERVICE]); // `reload` would find that out by itself
    await w.reach({ StatusText: /configuration/ });
    const own = (await w.entries()).filter((e) => e._PID === pid);
    assert.ok(own.length > 10, `${own.length} entries`);
    for (const { PRIORITY, MESSAGE, _SYSTEMD_USER_UNIT } of own) {
      assert.ok(LEVELS[PRIORITY], `${PRIORITY}: ${MESSAGE}`);
      assert.equal(typeof MESSAGE, 'string', 'bytes that are no text');
      assert.doesNotMatch(MESSAGE, /^<\d>|^\d{4}-\d\d-\d\dT|^(error|warning|info|debug)\b/, 'what the journal knows is not said again');
      assert.doesNotMatch(MESSAGE, /\n/);
      assert.doesNotMatch(MESSAGE, /^[0-9a-f]{16}: /, 'whose supervisor this is does not stand in the line');
      assert.equal(_SYSTEMD_USER_UNIT, SERVICE);
    }
    const levels = new Set(own.map((e) => LEVELS[e.PRIORITY]));
    for (const level of ['error', 'info', 'debug']) assert.ok(levels.has(level), `nothing at ${level}: ${[...levels]}`);
    const ids = new Set(own.map((e) => /\bsession (\d+)\b/.exec(e.MESSAGE)?.[1]).filter(Boolean));
    assert.equal(ids.size, 2, `sessions in the journal: ${[...ids]}`);
    const broken = own.filter((e) => e.MESSAGE.includes('config.json'));
    assert.ok(broken.length > 0 && broken.every((e) => e.PRIORITY === '3'), JSON.stringify(broken.map((e) => [e.PRIORITY, e.MESSAGE])));
  });

  w.test('a log file instead of the journal: times and levels, no priorities', async () => {
    const file = w.at('tmp/log');
    await w.setUnit({ lines: [`StandardError=append:${file}`] });
    await systemctl(['start', SERVICE]);
    const s = await atLoop(w);
    await s.finish({ terminateDebuggee: true });
    await systemctl(['stop', SERVICE]);
    const lines = fs.readFileSync(file, 'utf8').split('\n').filter(Boolean);
    assert.ok(lines.length > 10);
    for (const text of lines) assert.match(text, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3} (error|warning|info|debug) /);
    assert.match(lines.at(-1), /\S/);
  });

  w.test('the hardening drop-in is valid, without a word', async () => {
    const dir = w.at('tmp/units');
    fs.mkdirSync(`${dir}/${SERVICE}.d`, { recursive: true });
    for (const name of fs.readdirSync(path.join(process.env.BASE, 'usr/lib/systemd/user'))) {
      fs.copyFileSync(path.join(process.env.BASE, 'usr/lib/systemd/user', name), path.join(dir, name));
    }
    fs.copyFileSync(HARDENING, `${dir}/${SERVICE}.d/hardening.conf`);
    const env = { ...process.env, SYSTEMD_UNIT_PATH: `${dir}:`, MANPATH: `${process.env.BASE}/usr/share/man:` };
    const { code, stdout, stderr } = await run('systemd-analyze', ['--user', 'verify', `${dir}/${SERVICE}`], { env });
    assert.deepEqual([code, stdout + stderr], [0, '']);
  });

  w.test('hardening with a target on this machine: delvegate says that it is confined, in the log and to the client', async () => {
    await systemctl(['start', SERVICE]);
    const free = await atLoop(w);
    assert.doesNotMatch(free.shown, /confined/);
    await free.finish({ terminateDebuggee: true });
    assert.doesNotMatch(await w.journal('-o', 'cat'), /confined/);
    await systemctl(['stop', SERVICE]);
    // As installed: the leak checker of the test build may not work under system call filters.
    await w.setUnit({ start: process.env.RELEASE });
    await dropIn(SERVICE, 'hardening', hardening());
    await systemctl(['start', SERVICE]);
    const [entry] = (await w.entries()).filter((e) => /confined/.test(e.MESSAGE));
    assert.ok(entry, 'the journal does not tell');
    assert.equal(entry.PRIORITY, '4');
    assert.match(entry.MESSAGE, /main/);
    assert.match(entry.MESSAGE, /systemctl --user edit delvegate\.service/);
    assert.equal(fs.existsSync(path.join(UNITS, `${SERVICE}.d/hardening.conf`)), true);
    const s = await w.session();
    await s.initialize();
    const answer = await s.ask('launch', { mode: 'debug', program: '/nowhere' });
    assert.equal(answer.success, false);
    assert.match(s.shown, /confined/);
    await s.send('disconnect');
    s.close();
  });
}

/** On the ssh transport nothing of it reaches Delve or the program. */
export function confined(w) {
  w.test('a whole session under the hardening drop-in: confined is delvegate, not the program', async () => {
    await w.setUnit({ start: process.env.RELEASE });
    await dropIn(SERVICE, 'hardening', hardening());
    await systemctl(['start', SERVICE]);
    const status = (pid, field) => new RegExp(`^${field}:\\s*(\\d+)`, 'm').exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1];
    assert.deepEqual([status(w.daemon.pid, 'NoNewPrivs'), status(w.daemon.pid, 'Seccomp')], ['1', '2']);
    const s = await atLoop(w);
    const program = await w.debuggee();
    assert.deepEqual([status(program, 'NoNewPrivs'), status(program, 'Seccomp')], [status(process.pid, 'NoNewPrivs'), status(process.pid, 'Seccomp')]);
    await s.step('next');
    assert.equal((await s.locals()).total.value, '10');
    await s.finish({ terminateDebuggee: true });
    assert.doesNotMatch(await w.journal('-o', 'cat'), /confined/);
  });
}
