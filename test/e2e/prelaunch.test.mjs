// Steps before a launch: on the Go machine, in order, with the pins, their output shown; a failure ends the launch.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { RequestFailed, program, suite } from './harness.mjs';

const TOOL = program('tool');

suite('prelaunch', {
  targets: {
    steps: { prelaunch: ['download', { step: 'verify' }, { command: ['sh', '-c', 'echo the target has $GOCACHE; pwd'] }] },
  },
}, (w) => {
  const of = (prelaunch, more = {}) => ({ program: TOOL, args: ['quiet'], delvegate: { prelaunch }, ...more });

  w.test("a target's list runs with the pins, in the build's directory, before the build", async () => {
    const s = await w.session({ port: w.config.targets.steps.listen });
    await s.launch({ program: TOOL, args: ['quiet'] });
    await s.event('terminated', { timeout: 30_000 });
    const { GOCACHE } = w.config.targets.steps.go;
    const at = ['go mod download', 'go mod verify', `the target has ${GOCACHE}`].map((text) => s.shown.indexOf(text));
    assert.ok(at.every((n) => n >= 0), s.shown);
    assert.deepEqual(at, [...at].sort((a, b) => a - b));
    assert.match(s.shown, new RegExp(`^${TOOL}$`, 'm'));
    await s.finish();
  });

  w.test("launch.json's list replaces the target's, also by nothing", async () => {
    const s = await w.session({ port: w.config.targets.steps.listen });
    await s.launch(of([]));
    await s.event('terminated', { timeout: 30_000 });
    assert.doesNotMatch(s.shown, /go mod|the target has/);
    await s.finish();
  });

  w.test("a command of the user's gets launch.json's env, as one shell line too", async () => {
    const s = await w.session();
    await s.launch(of([{ command: 'echo "one $DG_WORD" && echo two >&2' }], { env: { DG_WORD: 'a  b' } }));
    await s.event('terminated', { timeout: 30_000 });
    assert.match(s.shown, /^one a  b$/m);
    assert.match(s.shown, /^two$/m);
    await s.finish();
  });

  w.test('a failure ends the launch with the step, its status and its words', async () => {
    const s = await w.session();
    const error = await s.launch(of(['cleanTestCache', { command: ['sh', '-c', 'echo it is broken; exit 3'] }])).then(() => null, (e) => e);
    assert.ok(error instanceof RequestFailed, String(error));
    assert.match(error.text, /prelaunch/);
    assert.match(error.text, /3/);
    assert.match(error.text, /it is broken/);
    await s.finish();
  });

  w.test('unless it is optional: then it is told', async () => {
    const s = await w.session();
    await s.launch(of([{ command: ['false'], optional: true }, { command: ['echo', 'went on'] }]));
    await s.event('terminated', { timeout: 30_000 });
    assert.match(s.shown, /false failed/);
    assert.match(s.shown, /^went on$/m);
    await s.finish();
  });

  w.test('a command that is not there', async () => {
    const s = await w.session();
    const error = await s.launch(of([{ command: ['no-such-command'] }])).then(() => null, (e) => e);
    assert.match(error.text, /no-such-command/);
    await s.finish();
  });

  w.test('a wrong list is refused before anything runs', async () => {
    for (const [list, words] of [[['tidi'], /tidi.*tidy/s], [[{ step: 'tidy', command: 'x' }], /prelaunch/], ['tidy', /prelaunch/]]) {
      const s = await w.session();
      await s.initialize();
      const error = await s.refused('launch', { name: 'x', type: 'go', request: 'launch', mode: 'debug', ...of(list) });
      assert.match(error.text, words);
      await s.finish();
    }
  });

  w.test('a disconnect while a step runs ends the step', async () => {
    const s = await w.session();
    await s.initialize();
    const launch = s.ask('launch', { name: 'x', type: 'go', request: 'launch', mode: 'debug', ...of([{ command: ['sleep', '600'] }]) });
    await w.process('the step', (args) => args[0] === 'sleep' && args[1] === '600');
    await s.finish();
    assert.equal((await launch).success, false);
    await w.nothingLeft();
  });

  w.test('tidy and vendor work on the module, as asked', async () => {
    const dir = w.at('src/steps');
    fs.mkdirSync(dir, { recursive: true });
    fs.writeFileSync(path.join(dir, 'go.mod'), 'module example.com/steps\n\ngo 1.19\n');
    fs.writeFileSync(path.join(dir, 'main.go'), 'package main\n\nfunc main() {}\n');
    const s = await w.session();
    await s.launch({ program: dir, delvegate: { prelaunch: ['tidy', 'vendor'] } });
    await s.event('terminated', { timeout: 30_000 });
    await s.finish();
  });
});
