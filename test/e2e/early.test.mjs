// Clients that need not wait for Delve: `initialized` comes at once, breakpoints are answered before there is a Delve and
// become events, and launch is answered when each client wants it.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { BlockedBuild, LAUNCH_MS, line, proc, program, suite, until } from './harness.mjs';
import { byPid, looping } from './lib/looper.mjs';

const HELLO = program('hello');
const MAIN = path.join(HELLO, 'main.go');
const at = (mark) => line(MAIN, mark);
const ORDER = ['event', 'response'];

/** What came from message `from` on, as words. */
const heard = (s, from = 0) => s.messages.slice(from).filter((m) => ORDER.includes(m.type) && m.event !== 'output').map((m) => m.event ?? m.command);

/** launch with a build that waits, up to that. */
async function blocked(w, client, more = {}) {
  const block = new BlockedBuild(fs.mkdtempSync(w.at('tmp/block-')));
  const s = await w.session();
  s.client = { clientID: client };
  await s.initialize();
  const launched = s.ask('launch', { mode: 'debug', program: HELLO, buildFlags: block.buildFlags, ...more }, { timeout: LAUNCH_MS });
  launched.catch(() => {});
  await s.event('initialized');
  return { block, s, launched };
}

const changed = (s, id) => s.event('breakpoint', { where: (b) => b.breakpoint.id === id, timeout: LAUNCH_MS });

suite('early', { clients: [] }, (w) => {
  w.test('VS Code: breakpoints become events, then launch and configurationDone are answered, then it stops', async () => {
    const { block, s, launched } = await blocked(w, 'vscode');
    const set = await s.breakpoints(MAIN, [at('LOOP'), 9999]);
    assert.deepEqual(set.map((b) => [b.verified, b.line]), [[false, at('LOOP')], [false, 9999]]);
    assert.equal(new Set(set.map((b) => b.id)).size, 2);
    for (const b of set) assert.match(b.message, /Delve is being started/);
    const { body } = await s.send('setFunctionBreakpoints', { breakpoints: [{ name: 'main.describe' }] });
    const [named] = body.breakpoints;
    await s.send('setExceptionBreakpoints', { filters: [] });
    const configured = s.ask('configurationDone', undefined, { timeout: LAUNCH_MS });
    // Edited meanwhile: what stays keeps its id.
    const again = await s.breakpoints(MAIN, [at('LOOP'), 9999, at('RETURN') + 1]);
    assert.deepEqual(again.slice(0, 2).map((b) => b.id), set.map((b) => b.id));
    assert.deepEqual(await s.breakpoints(path.join(HELLO, 'other.go'), [1]).then((l) => l.length), 1);
    assert.deepEqual(await s.breakpoints(path.join(HELLO, 'other.go'), []), []);
    assert.deepEqual((await s.send('threads')).body.threads, []);
    for (const [command, args] of [['pause', { threadId: 1 }], ['evaluate', { expression: '1', context: 'repl' }], ['stackTrace', { threadId: 1 }]]) {
      const refused = await s.refused(command, args);
      assert.equal(refused.response.body.error.showUser, false);
    }
    assert.ok(!s.answered.has([...s.sent].find(([, c]) => c === 'launch')[0]));
    const from = s.messages.length;
    block.release();
    assert.equal((await launched).success, true);
    assert.equal((await configured).success, true);
    const stopped = await s.stop({ reason: 'breakpoint' });
    assert.deepEqual(stopped.body.hitBreakpointIds, [set[0].id]);
    const first = await changed(s, set[0].id);
    assert.deepEqual([first.body.reason, first.body.breakpoint.verified, first.body.breakpoint.line], ['changed', true, at('LOOP')]);
    const nowhere = await changed(s, set[1].id);
    assert.equal(nowhere.body.breakpoint.verified, false);
    assert.match(nowhere.body.breakpoint.message, /could not find/);
    assert.equal((await changed(s, named.id)).body.breakpoint.verified, true);
    const words = heard(s, from).filter((word) => ['breakpoint', 'launch', 'configurationDone', 'stopped'].includes(word));
    assert.deepEqual(words.slice(-3), ['launch', 'configurationDone', 'stopped']);
    assert.equal(s.events('initialized').length, 1);
    // From here on as ever.
    const live = await s.breakpoints(MAIN, [at('RETURN')]);
    assert.deepEqual(live.map((b) => [b.verified, b.line]), [[true, at('RETURN')]]);
    await s.step('continue');
    await s.finish({ terminateDebuggee: true });
    block.close();
  });

  w.test('VS Code: it stops at entry once launch is answered', async () => {
    const s = await w.session();
    s.client = { clientID: 'vscode' };
    await s.launch({ program: HELLO, stopOnEntry: true });
    await s.stop();
    const words = heard(s);
    assert.ok(words.indexOf('launch') < words.indexOf('stopped'), words.join());
    await s.finish({ terminateDebuggee: true });
  });

  w.test('VS Code: a failed build is shown, with configurationDone answered before', async () => {
    const s = await w.session();
    s.client = { clientID: 'vscode' };
    await s.initialize();
    const launched = s.ask('launch', { mode: 'debug', program: program('broken') }, { timeout: LAUNCH_MS });
    await s.event('initialized');
    assert.equal((await s.ask('configurationDone', undefined, { timeout: LAUNCH_MS })).success, true);
    const response = await launched;
    assert.equal(response.success, false);
    assert.equal(response.body.error.showUser, true);
    await s.event('terminated');
    await s.send('disconnect', { restart: false });
    s.close();
  });

  for (const [request, args] of [['disconnect', { restart: false, terminateDebuggee: true }], ['terminate', { restart: false }]]) {
    w.test(`VS Code: ${request} during the build shows no dialog, and each request has its answer`, async () => {
      const { block, s, launched } = await blocked(w, 'vscode');
      await s.breakpoints(MAIN, [at('LOOP')]);
      const configured = s.ask('configurationDone', undefined, { timeout: LAUNCH_MS });
      await w.goBuild();
      assert.equal((await s.ask(request, args)).success, true);
      const response = await launched;
      assert.equal(response.success, false);
      assert.equal(response.body.error.showUser, false);
      assert.equal((await configured).success, true);
      await s.event('terminated');
      if (request === 'terminate') await s.send('disconnect');
      s.close();
      block.close();
    });
  }

  for (const client of ['neovim', 'dape', 'vimspector']) {
    w.test(`${client}: launch and configurationDone are answered at once`, async () => {
      const { block, s, launched } = await blocked(w, client);
      assert.equal((await launched).success, true);
      const [set] = await s.breakpoints(MAIN, [at('LOOP')]);
      assert.equal(set.verified, false);
      await s.send('configurationDone');
      assert.deepEqual((await s.send('threads')).body.threads, []);
      await w.goBuild();
      assert.equal(s.events('breakpoint').length, 0);
      block.release();
      assert.equal((await changed(s, set.id)).body.breakpoint.verified, true);
      await s.stop({ reason: 'breakpoint' });
      assert.equal((await s.locals()).i.value, '0');
      await s.finish({ terminateDebuggee: true });
      block.close();
    });

    w.test(`${client}: a failed build is output, exited and terminated`, async () => {
      const s = await w.session();
      s.client = { clientID: client };
      await s.launch({ program: program('broken') });
      await s.event('terminated', { timeout: LAUNCH_MS });
      assert.match(s.shown, /undefined: undefinedName/);
      assert.deepEqual(s.events('exited').map((m) => m.body.exitCode), [1]);
      assert.equal(s.events('terminated').length, 1);
      await s.send('disconnect');
      s.close();
    });
  }

  w.test('Restart during the first build builds again, and keeps the breakpoints', async () => {
    const { block, s, launched } = await blocked(w, 'neovim');
    await launched;
    const [set] = await s.breakpoints(MAIN, [at('LOOP')]);
    await s.send('configurationDone');
    await w.goBuild();
    const restarted = s.ask('restart', { arguments: { request: 'launch', mode: 'debug', program: HELLO } }, { timeout: LAUNCH_MS });
    assert.equal((await restarted).success, true);
    const stopped = await s.stop({ reason: 'breakpoint' });
    assert.deepEqual(stopped.body.hitBreakpointIds, [set.id]);
    await s.finish({ terminateDebuggee: true });
    block.close();
  });

  w.test('a process that lives is attached to once all is known, and stopped for no longer than that takes', byPid, async () => {
    const child = await looping(w);
    const s = await w.session();
    s.client = { clientID: 'vscode' };
    await s.initialize();
    const attached = s.ask('attach', { mode: 'local', processId: child.pid }, { timeout: LAUNCH_MS });
    await s.event('initialized');
    const main = path.join(program('tool'), 'main.go');
    const [set] = await s.breakpoints(main, [line(main, 'TICK')]);
    assert.equal(set.verified, false);
    await until('the tools to be found', () => /Delve Version/.test(w.daemon.stderr));
    assert.deepEqual(w.processes().filter((pid) => proc.cmdline(pid).includes('attach')), []);
    const configured = s.ask('configurationDone', undefined, { timeout: LAUNCH_MS });
    assert.equal((await attached).success, true);
    assert.equal((await configured).success, true);
    const stopped = await s.stop({ reason: 'breakpoint' });
    assert.deepEqual(stopped.body.hitBreakpointIds, [set.id]);
    await s.finish({ terminateDebuggee: false });
    assert.ok(proc.alive(child.pid));
    child.kill();
    await child.end();
  });

  w.test('a client that waits for the answer to launch before it says configurationDone gets it', async () => {
    const s = await w.session();
    s.client = { clientID: 'vscode' };
    await s.initialize();
    const launched = s.ask('launch', { mode: 'debug', program: HELLO }, { timeout: LAUNCH_MS });
    await s.event('initialized');
    const [set] = await s.breakpoints(MAIN, [at('LOOP')]);
    assert.equal((await launched).success, true);
    assert.equal((await changed(s, set.id)).body.breakpoint.verified, true);
    await s.send('configurationDone');
    assert.deepEqual((await s.stop({ reason: 'breakpoint' })).body.hitBreakpointIds, [set.id]);
    await s.finish({ terminateDebuggee: true });
  });

  w.test('who is not known waits for Delve, and sees its order', async () => {
    const { block, s, launched } = await (async () => {
      const b = new BlockedBuild(fs.mkdtempSync(w.at('tmp/block-')));
      const session = await w.session();
      await session.initialize();
      return { block: b, s: session, launched: session.ask('launch', { mode: 'debug', program: HELLO, buildFlags: b.buildFlags }, { timeout: LAUNCH_MS }) };
    })();
    await w.goBuild();
    assert.deepEqual(s.events('initialized'), []);
    block.release();
    assert.equal((await launched).success, true);
    await until('initialized', () => s.events('initialized').length === 1);
    const [set] = await s.breakpoints(MAIN, [at('LOOP')]);
    assert.deepEqual([set.id, set.verified], [1, true]);
    await s.send('configurationDone');
    await s.stop({ reason: 'breakpoint' });
    assert.equal(s.events('breakpoint').length, 0);
    await s.finish({ terminateDebuggee: true });
    block.close();
  });
});
