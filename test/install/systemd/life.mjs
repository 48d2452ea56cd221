// The service from start to stop: state as systemctl shows it, reload, a broken configuration.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { Raw, frame, freePort, run, states } from '../../e2e/harness.mjs';
import { show, systemctl } from './manager.mjs';
import { PORT, SERVICE, SOCKET, UNIT_FILES, atLoop, port } from './service.mjs';

const VERSION = Number(/systemd (\d+)/.exec((await run('systemctl', ['--version'])).stdout)[1]);

/** A port that somebody else has. */
async function taken(t) {
  const server = net.createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return server.address().port;
}

export function life(w) {
  w.test('the units are valid, without a word', async () => {
    for (const unit of fs.readdirSync(UNIT_FILES).filter((name) => /^delvegate\./.test(name) && !name.endsWith('.d'))) {
      const env = { ...process.env, MANPATH: `${process.env.BASE}/usr/share/man:` };
      const { code, stdout, stderr } = await run('systemd-analyze', ['--user', 'verify', path.join(UNIT_FILES, unit)], { env });
      assert.deepEqual([code, stdout + stderr], [0, ''], unit);
    }
  });

  w.test('start returns when every port is bound; STATUS names the targets and counts the sessions', { short: true }, async () => {
    const second = await freePort();
    w.writeConfig({ ...w.config, targets: { ...w.config.targets, second: { ...w.config.targets.main, listen: second } } });
    await systemctl(['start', SERVICE]);
    const idle = await w.show('ActiveState', 'SubState', 'Type', 'StatusText');
    assert.deepEqual([idle.ActiveState, idle.SubState, idle.Type], ['active', 'running', 'notify']);
    for (const part of [/main/, /second/, port(PORT), port(second)]) assert.match(idle.StatusText, part);
    for (const at of [PORT, second]) {
      const s = await w.session({ port: at });
      await s.initialize();
      await w.reach({ StatusText: /sessions: 1\b/ });
      await s.send('disconnect');
      s.close();
      await w.reach({ StatusText: idle.StatusText });
    }
    const a = await atLoop(w);
    const b = await w.session({ port: second });
    await b.initialize();
    await w.reach({ StatusText: /sessions: 2\b/ });
    await a.finish({ terminateDebuggee: true });
    await w.reach({ StatusText: /sessions: 1\b/ });
    await b.send('disconnect');
    b.close();
    await w.reach({ StatusText: idle.StatusText });
  });

  w.test('a port that somebody else has: start fails, and names it', async (t) => {
    const second = await taken(t);
    w.writeConfig({ ...w.config, targets: { ...w.config.targets, second: { ...w.config.targets.main, listen: second } } });
    await w.setUnit({ lines: ['Restart=no'] });
    await systemctl(['start', SERVICE], { code: 1 });
    const seen = await w.show('ActiveState', 'Result', 'ExecMainStatus');
    assert.deepEqual(seen, { ActiveState: 'failed', Result: 'exit-code', ExecMainStatus: '1' });
    await w.said(port(second));
  });

  w.test('reload with a good configuration: active again, STATUS and ports are the new ones, a session lives on', async () => {
    await systemctl(['start', SERVICE]);
    const s = await atLoop(w);
    const before = await w.show('MainPID');
    const second = await freePort();
    w.writeConfig({ ...w.config, targets: { ...w.config.targets, second: { ...w.config.targets.main, listen: second } } });
    await systemctl(['reload', SERVICE]);
    await w.reach({ ActiveState: 'active', SubState: 'running', StatusText: /second/ });
    const other = await w.session({ port: second });
    await other.initialize();
    await other.send('disconnect');
    other.close();
    await s.step('next');
    w.writeConfig(w.config);
    await systemctl(['reload', SERVICE]);
    await w.reach({ ActiveState: 'active', SubState: 'running', StatusText: /^(?!.*second)/ });
    assert.deepEqual(await w.show('MainPID'), before);
    await s.finish({ terminateDebuggee: true });
  });

  w.test('reload with a broken configuration fails and changes nothing; SIGHUP alone keeps the old one, and STATUS tells', async (t) => {
    await systemctl(['start', SERVICE]);
    const good = await w.show('MainPID', 'StatusText');
    w.writeConfig('{ "targets": ');
    // The check in front of it fails, in words that name the place; nobody is asked to read the file.
    await systemctl(['reload', SERVICE], { code: 1 });
    assert.deepEqual(await w.show('ActiveState', 'MainPID', 'StatusText'), { ActiveState: 'active', ...good });
    await w.said(/config\.json:1:\d+: /);
    const second = await taken(t);
    w.writeConfig({ ...w.config, targets: { ...w.config.targets, second: { ...w.config.targets.main, listen: second } } });
    await systemctl(['reload', SERVICE], { code: 1 });
    await w.said(new RegExp(`port ${second} of target second is taken`));
    assert.deepEqual(await w.show('ActiveState', 'MainPID', 'StatusText'), { ActiveState: 'active', ...good });
    // Who sends the signal by hand is answered by STATUS.
    w.writeConfig('{ "targets": ');
    await systemctl(['kill', '-s', 'HUP', SERVICE]);
    const broken = await w.reach({ ActiveState: 'active', SubState: 'running', StatusText: /configuration/ });
    assert.match(broken.StatusText, /main/);
    assert.match(await w.journal('-o', 'cat', '-p', 'err'), /config\.json/);
    const s = await atLoop(w);
    await s.finish({ terminateDebuggee: true });
    w.writeConfig(w.config);
    await systemctl(['reload', SERVICE]);
    await w.reach({ ActiveState: 'active', ...good });
  });

  w.test('Type=notify-reload by a drop-in: reload waits for the new configuration', { skip: VERSION < 253 && `systemd is ${VERSION} here, not 253 or later` }, async () => {
    await w.setUnit({ lines: ['Type=notify-reload', 'ExecReload='] });
    await systemctl(['start', SERVICE]);
    const second = await freePort();
    w.writeConfig({ ...w.config, targets: { ...w.config.targets, second: { ...w.config.targets.main, listen: second } } });
    await systemctl(['reload', SERVICE]);
    assert.match((await w.show('StatusText')).StatusText, /second/);
  });

  w.test('stop with live sessions, one stopped, one running: both clients are told, exit 0, nothing is left', { short: true }, async () => {
    await systemctl(['start', SERVICE]);
    const halted = await atLoop(w);
    const running = await w.session();
    await states.running(w, running);
    const asking = await w.session(); // connected, and not a word yet
    await systemctl(['stop', SERVICE]);
    for (const s of [halted, running]) {
      await s.event('terminated');
      assert.match(s.shown, /stopped/);
    }
    for (const s of [halted, running, asking]) await s.closed;
    const seen = await w.show('ActiveState', 'Result', 'ExecMainCode', 'ExecMainStatus');
    assert.deepEqual(seen, { ActiveState: 'inactive', Result: 'success', ExecMainCode: '1', ExecMainStatus: '0' });
    assert.deepEqual([w.everything(), w.instances()], [[], []], 'stop returned before all had ended');
  });

  w.test('stop during a build: the launch is answered', async () => {
    await systemctl(['start', SERVICE]);
    const s = await w.session();
    await states.building(w, s);
    await systemctl(['stop', SERVICE]);
    const answer = await s.launching;
    assert.equal(answer.success, false);
    await s.closed;
    assert.deepEqual(await w.show('Result', 'ExecMainStatus'), { Result: 'success', ExecMainStatus: '0' });
    assert.deepEqual([w.everything(), w.instances()], [[], []], 'stop returned before all had ended');
  });

  w.test('a broken configuration: exit code 2, not started again, the journal names the line', async () => {
    w.writeConfig('{\n  "targets": { "main": { "listen": "nowhere" } }\n}\n');
    await systemctl(['start', SERVICE], { code: 1 });
    const seen = await w.show('ActiveState', 'Result', 'ExecMainStatus', 'NRestarts');
    assert.deepEqual(seen, { ActiveState: 'failed', Result: 'exit-code', ExecMainStatus: '2', NRestarts: '0' });
    await w.said(/config\.json:2/);
  });

  w.test('a broken configuration behind the socket: each of ten F5s is answered with its place, and the next is served once it is corrected', async () => {
    w.writeConfig('{\n  "targets": { "main": { "listen": "nowhere" } }\n}\n');
    await systemctl(['start', SOCKET]);
    for (let i = 0; i < 10; i++) {
      const s = await w.session();
      const { response } = await s.refused('initialize', { adapterID: 'go' });
      assert.match(response.body.error.format, /\/config\.json:2:36: targets\.main\.listen: "nowhere"/);
      assert.equal(response.body.error.showUser, true);
      await s.send('disconnect');
      s.close();
    }
    assert.equal((await show(SOCKET, 'ActiveState')).ActiveState, 'active');
    w.writeConfig(w.config);
    const s = await atLoop(w);
    await s.finish({ terminateDebuggee: true });
    assert.equal((await w.show('NRestarts')).NRestarts, '0');
  });

  w.test('a broken configuration behind the socket, and nobody comes any more: exit code 2, and the socket listens on', async () => {
    w.writeConfig('{ "targets": ');
    await systemctl(['start', SOCKET]);
    const raw = await Raw.open(PORT);
    await raw.write(frame({ seq: 1, type: 'request', command: 'initialize', arguments: { adapterID: 'go' } }));
    assert.match(await raw.rest(), /config\.json:1:\d+: /);
    await w.reach({ Result: 'exit-code', ExecMainStatus: '2', NRestarts: '0' }, { timeout: 20_000 });
    assert.equal((await show(SOCKET, 'ActiveState')).ActiveState, 'active');
    w.writeConfig(w.config);
    const s = await atLoop(w);
    await s.finish({ terminateDebuggee: true });
  });

  w.test('a delvegate beside the active socket unit: its port is taken by delvegate.socket', async () => {
    await systemctl(['start', SOCKET]);
    const env = { ...process.env, XDG_CONFIG_HOME: path.dirname(path.dirname(w.configFile)) };
    const { code, stderr } = await run(process.env.DELVEGATE, [], { env });
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`port ${PORT} of target main is taken by delvegate\\.socket of uid ${process.getuid()} \\(yours\\), .*systemctl --user stop delvegate\\.socket`));
    const check = await run(process.env.DELVEGATE, ['--check-config'], { env });
    assert.equal(check.code, 0, check.stderr);
  });
}
