// Directories and files of launch.json that are not on the Go machine: which attribute, where, by which rule, what to do.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { LAUNCH_MS, RequestFailed, line, program, run, suite, until } from './harness.mjs';

const TOOL = program('tool');
const HELLO = program('hello');

suite('path-errors', {
  target: { paths: [{ client: '/of/the/client', remote: '/of/the/go machine' }] },
}, (w) => {
  /** The error that a launch is refused with; never the shell's words, never a guess at Delve's own path. */
  async function refused(args) {
    const s = await w.session();
    const error = await s.launch(args).then(() => null, (e) => e);
    assert.ok(error instanceof RequestFailed, String(error));
    assert.doesNotMatch(error.text + s.shown, /remote\.sh|can't cd|delve\.path/);
    await s.finish();
    return error.text;
  }
  const where = w.transport === 'local' ? 'this machine' : '[^ ]+ \\([^)]*\\)';
  const gone = (attribute, name) => new RegExp(`${attribute}: ${name} does not exist on ${where}\\.`);

  w.test('program: a directory that no rule maps', async () => {
    const text = await refused({ program: '/of/nobody/app' });
    assert.match(text, gone('program', '/of/nobody/app'));
    assert.match(text, /No rule in paths or substitutePath maps it \(\/of\/the\/client -> \/of\/the\/go machine\)/);
    assert.match(text, /"client": "\/of\/nobody\/app", "remote": \.\.\. \} in paths of target main/);
  });

  w.test('program: a directory that a rule maps to where nothing is', async () => {
    const text = await refused({ program: '/of/the/client/app' });
    assert.match(text, gone('program', '/of/the/go machine/app'));
    assert.match(text, /"\/of\/the\/client\/app" by the rule \/of\/the\/client -> \/of\/the\/go machine/);
  });

  w.test('program: substitutePath of launch.json is named too', async () => {
    const text = await refused({ program: '/Users/me/ws', substitutePath: [{ from: '/Users/me', to: '/home/nobody/me' }] });
    assert.match(text, gone('program', '/home/nobody/me/ws'));
    assert.match(text, /by the rule \/Users\/me -> \/home\/nobody\/me/);
  });

  w.test('program: a file of a package, a binary, a file where a directory is needed', async () => {
    assert.match(await refused({ program: path.join(TOOL, 'nosuch.go') }), gone('program', path.join(TOOL, 'nosuch.go')));
    assert.match(await refused({ mode: 'exec', program: w.at('tmp/nosuch') }), gone('program', w.at('tmp/nosuch')));
    assert.match(await refused({ mode: 'exec', program: w.at('none/nosuch') }), gone('program', w.at('none')));
    assert.match(await refused({ program: path.join(TOOL, 'go.mod') }), /program: \S+go\.mod is not a directory on /);
  });

  w.test('cwd: where the program runs, and where it is looked for', async () => {
    assert.match(await refused({ program: TOOL, cwd: '/of/nobody/data' }), gone('cwd', '/of/nobody/data'));
    assert.match(await refused({ program: './tool', cwd: '/of/nobody' }), /program: \/of\/nobody\/tool does not exist/);
    assert.match(await refused({ program: 'example.com/tool', cwd: '/of/nobody' }), gone('cwd', '/of/nobody'));
    assert.match(await refused({ program: TOOL, dlvFlags: ['--wd=/of/nobody'] }), gone("--wd of Delve's flags", '/of/nobody'));
    assert.match(await refused({ program: TOOL, cwd: path.join(TOOL, 'main.go') }), /cwd: \S+main\.go is not a directory on /);
  });

  w.test('a working directory that a step before the launch has removed', async () => {
    const cwd = fs.mkdtempSync(w.at('tmp/cwd-'));
    const text = await refused({ program: TOOL, cwd, delvegate: { prelaunch: [{ command: ['rmdir', cwd] }] } });
    assert.match(text, gone('cwd', cwd));
  });

  w.test('a package that is gone before a step of its own launch', async () => {
    const text = await refused({ program: '/of/nobody', delvegate: { prelaunch: [{ command: ['true'] }] } });
    assert.match(text, /prelaunch: true failed/);
    assert.match(text, gone('program', '/of/nobody'));
  });

  w.test('a package that has vanished at Restart: the session waits for the next one', async () => {
    const dir = w.at('tmp/vanishes');
    fs.cpSync(HELLO, dir, { recursive: true });
    const s = await w.session();
    await s.launch({ program: dir, stopOnEntry: true });
    await s.stop();
    fs.renameSync(dir, `${dir}.away`);
    await s.ask('restart', {}, { timeout: LAUNCH_MS });
    let said;
    await until('the reason', () => {
      said = s.shown + [...s.answered.values()].map((m) => JSON.stringify(m)).join();
      return said.includes('does not exist on');
    });
    assert.match(said, gone('program', dir));
    assert.doesNotMatch(said, /remote\.sh|can't cd|delve\.path/);
    fs.renameSync(`${dir}.away`, dir);
    await s.finish();
    fs.rmSync(dir, { recursive: true });
  });

  /** The module of the sample program, and its name in the program when it is built with -trimpath. */
  const TRIMMED = 'example.com/hello';

  w.test('-trimpath: rules with a relative name count for breakpoints and frames, never for program and cwd', async () => {
    for (const mode of ['debug', 'exec']) {
      const binary = w.at('tmp/trimmed');
      if (mode === 'exec') {
        const built = await run('go', ['build', '-trimpath', '-gcflags', 'all=-N -l', '-o', binary, '.'], { cwd: HELLO, timeout: LAUNCH_MS });
        assert.equal(built.code, 0, built.stderr);
      }
      for (const [from, to] of [[HELLO, TRIMMED], [path.dirname(HELLO), 'example.com']]) {
        const s = await w.session();
        const file = path.join(HELLO, 'main.go');
        const args = mode === 'debug' ? { program: HELLO, buildFlags: '-trimpath' } : { mode, program: binary, cwd: HELLO };
        await s.launch({ ...args, substitutePath: [{ from, to }] }, async () => {
          const [bp] = await s.breakpoints(file, [line(file, 'PRINT')]);
          assert.equal(bp.verified, !w.isEarly, JSON.stringify(bp));
          if (!w.isEarly) assert.equal(bp.source.path, file);
        });
        const stopped = await s.stop({ reason: 'breakpoint' });
        assert.equal((await s.top(stopped.body.threadId)).source.path, file);
        assert.doesNotMatch(s.shown, /substitutePath/);
        await s.finish({ terminateDebuggee: true });
      }
    }
  });

  w.test('-trimpath without a rule: the rule that is missing is named', async () => {
    const s = await w.session();
    const file = path.join(HELLO, 'main.go');
    await s.launch({ program: HELLO, buildFlags: '-trimpath' }, async () => {
      const [other] = await s.breakpoints(path.join(HELLO, 'nosuch.go'), [1]);
      assert.equal(other.verified, false);
      const [bp] = await s.breakpoints(file, [line(file, 'PRINT')]);
      assert.equal(bp.verified, false);
    });
    await s.output('important', /built with -trimpath or on another machine, and calls it "example\.com\/hello\/main\.go"/);
    assert.ok(s.outputs.important.includes(`{ "from": "${HELLO}", "to": "example.com/hello" } to substitutePath`), s.outputs.important);
    assert.equal(s.outputs.important.match(/-trimpath/g).length, 1);
    await s.event('terminated', { timeout: 30_000 });
    await s.finish();
  });

  w.test('a file that is no part of the program is nobody\'s fault', async () => {
    const s = await w.session();
    await s.launch({ program: HELLO }, async () => {
      const [bp] = await s.breakpoints(path.join(TOOL, 'main.go'), [5]);
      assert.equal(bp.verified, false);
      await s.breakpoints(path.join(HELLO, 'main.go'), [line(path.join(HELLO, 'main.go'), 'PRINT')]);
    });
    await s.stop({ reason: 'breakpoint' });
    assert.doesNotMatch(s.shown, /trimpath|substitutePath/);
    await s.finish({ terminateDebuggee: true });
  });

  w.test("the stack of a panic has the client's paths, and hit conditions are announced", async () => {
    const dir = fs.mkdtempSync(w.at('tmp/panics-'));
    fs.writeFileSync(path.join(dir, 'go.mod'), 'module example.com/panics\n\ngo 1.18\n');
    fs.writeFileSync(path.join(dir, 'main.go'), 'package main\n\nfunc main() {\n\tpanic("at /tmp/x.go:1")\n}\n');
    const s = await w.session();
    await s.launch({ program: '/Users/me/panics', substitutePath: [{ from: '/Users/me/panics', to: dir }] });
    const stopped = await s.stop({ reason: 'exception' });
    const { body } = await s.send('exceptionInfo', { threadId: stopped.body.threadId });
    assert.match(body.details.stackTrace, /at \/Users\/me\/panics\/main\.go:4$/m);
    assert.doesNotMatch(body.details.stackTrace, new RegExp(dir));
    assert.match(body.description, /at \/tmp\/x\.go:1/);
    const announced = s.messages.find((m) => m.command === 'initialize').body;
    assert.equal(announced.supportsHitConditionalBreakpoints, true);
    await s.finish({ terminateDebuggee: true });
    fs.rmSync(dir, { recursive: true });
  });

  w.test('a directory that the login user may not enter', { skip: process.getuid() === 0 ? 'root may enter all' : false }, async () => {
    const dir = fs.mkdtempSync(w.at('tmp/closed-'));
    fs.chmodSync(dir, 0);
    assert.match(await refused({ program: path.join(dir, 'app') }), /program: \S+ cannot be entered on .*permission denied/);
    fs.chmodSync(dir, 0o700);
  });
});
