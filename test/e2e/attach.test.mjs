// Attaching to a process by its id, and to a Delve that somebody else started.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { LAUNCH_MS, build, line, proc, program, suite, until } from './harness.mjs';
import { byPid, goesOn, looping } from './lib/looper.mjs';

const MAIN = path.join(program('tool'), 'main.go');
const TICK = line(MAIN, 'TICK');

/** A headless Delve as a user starts one. */
async function delve(w, flags = []) {
  const binary = await build('hello', w.at('tmp/hello'));
  const child = w.spawn('dlv', ['exec', binary, '--headless', '--accept-multiclient', '--api-version=2', '--listen=127.0.0.1:0', ...flags], { name: 'dlv' });
  const [, port] = await child.wait(/API server listening at: .*:(\d+)/, { stream: 'stdout' });
  return { child, port: Number(port), binary };
}

/** A way to a port that can be cut. */
async function relay(t, port) {
  const pairs = new Set();
  const server = net.createServer((near) => {
    const far = net.connect(port, '127.0.0.1');
    pairs.add(near).add(far);
    for (const [a, b] of [[near, far], [far, near]]) {
      a.on('error', () => b.destroy());
      a.pipe(b);
    }
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const cut = () => { for (const socket of pairs) socket.destroy(); pairs.clear(); };
  t.after(() => { cut(); server.close(); });
  return { port: server.address().port, cut };
}

/** Something at a port that does to its clients what serve() says. */
async function listener(t, serve) {
  const sockets = [];
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    sockets.push(socket);
    serve(socket);
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  t.after(() => { for (const socket of sockets) socket.destroy(); server.close(); });
  return server.address().port;
}

suite('attach', { beside: true }, (w) => {
  w.test('by process id: breakpoint, variables, and the process lives on without traps', byPid, async () => {
    const child = await looping(w);
    const s = await w.session();
    await s.attach({ mode: 'local', processId: child.pid }, async () => {
      const [bp] = await s.breakpoints(MAIN, [TICK]);
      assert.deepEqual([bp.verified, bp.line], [!w.isEarly, TICK]);
    });
    const stopped = await s.stop({ reason: 'breakpoint' });
    const frame = await s.top(stopped.body.threadId);
    assert.deepEqual([frame.name, frame.line], ['main.tick', TICK]);
    assert.equal(s.events('process').length <= 1, true);
    await s.finish({ terminateDebuggee: false });
    await goesOn(child.pid);
    child.kill('SIGKILL');
    await child.end();
  });

  w.test('by process id: disconnect without arguments leaves the process alive', byPid, async () => {
    const child = await looping(w);
    const s = await w.session();
    await s.attach({ mode: 'local', processId: child.pid }, () => s.breakpoints(MAIN, [TICK]));
    await s.stop({ reason: 'breakpoint' });
    await s.finish();
    await goesOn(child.pid);
    child.kill('SIGKILL');
    await child.end();
  });

  w.test('by process id: the process lives on when it runs at disconnect', byPid, async () => {
    const child = await looping(w);
    const s = await w.session();
    await s.attach({ mode: 'local', processId: child.pid });
    await until('the process to run', () => proc.status(child.pid, 'State').startsWith('S'));
    await s.finish({ terminateDebuggee: false });
    await goesOn(child.pid);
    child.kill('SIGKILL');
    await child.end();
  });

  w.test('by process id: the process lives on when the client vanishes at a stop', byPid, async () => {
    const child = await looping(w);
    const s = await w.session();
    s.gone = true;
    await s.attach({ mode: 'local', processId: child.pid }, () => s.breakpoints(MAIN, [TICK]));
    await s.stop({ reason: 'breakpoint' });
    s.vanish();
    await w.nothingLeft();
    await goesOn(child.pid);
    child.kill('SIGKILL');
    await child.end();
  });

  w.test('by process id: terminateDebuggee true ends the process', byPid, async () => {
    const child = await looping(w);
    const s = await w.session();
    await s.attach({ mode: 'local', processId: child.pid }, () => s.breakpoints(MAIN, [TICK]));
    await s.stop({ reason: 'breakpoint' });
    await s.finish({ terminateDebuggee: true });
    await child.end();
  });

  w.test('a process that does not exist is named', async () => {
    const s = await w.session();
    await s.initialize();
    const error = await s.refused('attach', { mode: 'local', processId: 999999999 }, { timeout: LAUNCH_MS });
    assert.match(error.text, /999999999/);
    await s.send('disconnect');
    s.close();
  });

  w.test('processId as text is taken as a number, nonsense is refused', byPid, async () => {
    const child = await looping(w);
    const s = await w.session();
    await s.attach({ mode: 'local', processId: String(child.pid) });
    await s.finish({ terminateDebuggee: false });
    await goesOn(child.pid);
    child.kill('SIGKILL');
    await child.end();
    const other = await w.session();
    await other.initialize();
    const error = await other.refused('attach', { mode: 'local', processId: 'nonsense' });
    assert.match(error.text, /processId/);
    await other.send('disconnect');
    other.close();
  });

  w.test('mode remote: a Delve that the user started, which lives on after disconnect', async () => {
    const { child, port } = await delve(w);
    const main = path.join(program('hello'), 'main.go');
    const s = await w.session();
    await s.attach({ mode: 'remote', port }, async () => {
      const [bp] = await s.breakpoints(main, [line(main, 'LOOP')]);
      assert.equal(bp.verified, !w.isEarly);
    });
    await s.stop({ reason: 'breakpoint' });
    assert.equal((await s.top()).line, line(main, 'LOOP'));
    await s.finish({ terminateDebuggee: false });
    assert.ok(child.running, 'the Delve of the user was ended');

    const again = await w.session();
    await again.attach({ mode: 'remote', port }, () => again.breakpoints(main, [line(main, 'LOOP')]));
    await again.stop({ reason: 'breakpoint' });
    assert.equal((await again.locals()).i.value, '1');
    await again.finish({ terminateDebuggee: true });
    await child.end();
  });

  w.test('mode remote: the Delve of the user lives on when the client vanishes', async () => {
    const { child, port } = await delve(w);
    const main = path.join(program('hello'), 'main.go');
    const s = await w.session();
    s.gone = true;
    await s.attach({ mode: 'remote', port }, () => s.breakpoints(main, [line(main, 'LOOP')]));
    await s.stop({ reason: 'breakpoint' });
    s.vanish();
    await s.closed;
    const again = await w.session();
    await again.attach({ mode: 'remote', port }, () => again.breakpoints(main, [line(main, 'LOOP')]));
    await again.stop({ reason: 'breakpoint' });
    await again.finish({ terminateDebuggee: true });
    await child.end();
  });

  w.test('mode remote: nobody listens', async () => {
    const s = await w.session();
    await s.initialize();
    const error = await s.refused('attach', { mode: 'remote', port: 1 }, { timeout: LAUNCH_MS });
    assert.match(error.text, /\b1\b/);
    assert.match(error.text, /--headless --accept-multiclient/);
    await s.send('disconnect');
    s.close();
  });

  w.test('mode remote: restarts in quick succession', async () => {
    const { child, port } = await delve(w);
    const main = path.join(program('hello'), 'main.go');
    const s = await w.session();
    await s.attach({ mode: 'remote', port }, () => s.breakpoints(main, [line(main, 'LOOP')]));
    await s.stop({ reason: 'breakpoint' });
    const answers = [];
    for (let i = 0; i < 3; i++) {
      answers.push(s.ask('restart', undefined, { timeout: LAUNCH_MS }));
      await new Promise((resolve) => setTimeout(resolve, 60)); // between two presses of a button
    }
    assert.equal((await Promise.all(answers)).at(-1).success, true); // one that was overtaken was not done
    await until('Delve to answer', async () => (await s.ask('threads')).success);
    await s.finish({ terminateDebuggee: true });
    await child.end();
  });

  w.test('mode remote: the debug connection is cut, and a restart comes before it is back', async (t) => {
    const { child, port } = await delve(w);
    const main = path.join(program('hello'), 'main.go');
    const way = await relay(t, port);
    const s = await w.session();
    await s.attach({ mode: 'remote', port: way.port }, () => s.breakpoints(main, [line(main, 'LOOP')]));
    await s.stop({ reason: 'breakpoint' });
    const waits = w.daemon.text().length;
    way.cut();
    await until('delvegate to wait', () => /remote Delve listening -> returning/.test(w.daemon.text().slice(waits)));
    await s.send('restart', undefined, { timeout: LAUNCH_MS });
    await until('Delve to answer', async () => (await s.ask('threads')).success);
    await s.finish({ terminateDebuggee: true });
    await child.end();
  });

  w.test('mode remote: another client has the program running: said, and a restart meanwhile changes nothing', async () => {
    const binary = await build('tool', w.at('tmp/tool'));
    const child = w.spawn('dlv', ['exec', binary, '--headless', '--accept-multiclient', '--api-version=2', '--listen=127.0.0.1:0', '--', 'loop'], { name: 'dlv' });
    const [, port] = await child.wait(/API server listening at: .*:(\d+)/, { stream: 'stdout' });
    const other = await w.session();
    await other.attach({ mode: 'remote', port: Number(port) });
    const s = await w.session();
    await s.initialize();
    const attached = s.ask('attach', { mode: 'remote', port: Number(port) }, { timeout: LAUNCH_MS });
    await s.output('console', /has not answered attach .*another client may have the program running/s);
    await s.event('progressStart');
    assert.equal(s.events('progressStart').length, 1);
    const restarted = s.ask('restart', undefined, { timeout: LAUNCH_MS });
    await other.send('pause', { threadId: 1 });
    assert.equal((await attached).success, true);
    assert.equal((await restarted).success, true);
    assert.equal(s.events('progressEnd').length, s.events('progressStart').length);
    await other.finish({ terminateDebuggee: false });
    await s.finish({ terminateDebuggee: true });
    await child.end();
  });

  const refusedAttach = async (port) => {
    const s = await w.session();
    await s.initialize();
    const error = await s.refused('attach', { mode: 'remote', port }, { timeout: LAUNCH_MS });
    await s.send('disconnect');
    s.close();
    return error.text;
  };

  w.test('mode remote: a `dlv dap` is named as that', async () => {
    const child = w.spawn('dlv', ['dap', '--listen=127.0.0.1:0'], { name: 'dlv' });
    const [, port] = await child.wait(/DAP server listening at: .*:(\d+)/, { stream: 'stdout' });
    const text = await refusedAttach(Number(port));
    assert.match(text, /dlv dap/);
    assert.match(text, new RegExp(`dlv debug --headless .*--listen=127\\.0\\.0\\.1:${port}`));
    child.kill('SIGKILL');
    await child.end();
  });

  w.test('mode remote: what is not Delve is named as that', async (t) => {
    const web = await listener(t, (socket) => socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')));
    assert.match(await refusedAttach(web), new RegExp(`127\\.0\\.0\\.1:${web} on .* is not Delve`));
    const closing = await listener(t, (socket) => socket.end());
    assert.match(await refusedAttach(closing), new RegExp(`127\\.0\\.0\\.1:${closing} on .* closed the connection without an answer`));
  });

  w.test('mode remote: one that never answers is said to be waited for, and Stop works', async (t) => {
    const port = await listener(t, () => {});
    const s = await w.session();
    await s.initialize();
    const attached = s.ask('attach', { mode: 'remote', port });
    await s.output('console', /has not answered initialize/);
    await s.send('disconnect');
    const response = await attached;
    assert.equal(response.success, false);
    assert.equal(response.body.error.showUser, false); // the user has ended it himself
    s.close();
  });

  w.test('mode remote: another user\'s Delve is named with its uid and what works instead', { skip: process.getuid() !== 0 && 'only root can be two users' }, async () => {
    const binary = await build('hello', w.at('tmp/hello'));
    fs.chmodSync(w.root, 0o755);
    fs.chmodSync(w.at('tmp'), 0o755);
    const child = w.spawn('setpriv', ['--reuid=65534', '--clear-groups', 'dlv', 'exec', binary, '--headless', '--accept-multiclient', '--api-version=2', '--listen=127.0.0.1:0'],
      { name: 'dlv', env: { ...process.env, HOME: '/nonexistent', XDG_CONFIG_HOME: w.at('tmp') } });
    const [, port] = await child.wait(/API server listening at: .*:(\d+)/, { stream: 'stdout' });
    const text = await refusedAttach(Number(port));
    assert.match(text, /runs as uid 65534 and accepts only that user's connections/);
    assert.match(text, /connects as uid 0/);
    child.kill('SIGTERM');
    await child.end();
    fs.chmodSync(w.root, 0o700);
  });
});
