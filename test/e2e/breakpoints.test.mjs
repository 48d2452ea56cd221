// Breakpoints of each kind, stepping, stacks, variables and evaluation, as Delve 1.20 gives them.
import assert from 'node:assert/strict';
import path from 'node:path';
import { line, program, suite, until } from './harness.mjs';

const HELLO = program('hello');
const MAIN = path.join(HELLO, 'main.go');
const TOOL = program('tool');
const TOOL_MAIN = path.join(TOOL, 'main.go');
const at = (mark) => line(MAIN, mark);

suite('breakpoints', { clients: ['vscode'] }, (w) => {
  w.test('ids and lines are Delve\'s, hits name them', { notEarly: 'ids and lines in the answer are Delve\'s' }, async () => {
    const s = await w.session();
    await s.launch({ program: HELLO }, async () => {
      const set = await s.breakpoints(MAIN, [at('LOOP'), at('RETURN'), 9999]);
      assert.deepEqual(set.map((b) => [b.id, b.verified, b.line]).slice(0, 2), [[1, true, at('LOOP')], [2, true, at('RETURN')]]);
      assert.equal(set[2].verified, false);
      assert.match(set[2].message, /could not find/);
      assert.equal(set[0].source.path, MAIN);
    });
    const first = await s.stop({ reason: 'breakpoint' });
    assert.deepEqual(first.body.hitBreakpointIds, [1]);
    assert.equal((await s.top()).line, at('LOOP'));
    const second = await s.step('continue');
    assert.deepEqual(second.body.hitBreakpointIds, [2]);
    const frame = await s.top();
    assert.deepEqual([frame.name, frame.line, frame.source.path, frame.id], ['main.add', at('RETURN'), MAIN, 1000]);
    // Setting the list again keeps the id of what stays, and takes away what is not named.
    const again = await s.breakpoints(MAIN, [at('RETURN')]);
    assert.deepEqual(again.map((b) => [b.id, b.verified]), [[2, true]]);
    const third = await s.step('continue');
    assert.deepEqual(third.body.hitBreakpointIds, [2]);
    assert.deepEqual(await s.breakpoints(MAIN, []), []);
    await s.send('continue', { threadId: 1 });
    await s.event('terminated');
    assert.equal(s.events('stopped').length, 3);
    await s.finish();
  });

  w.test('conditions stop where they hold', async () => {
    const s = await w.session();
    await s.launch({ program: HELLO }, () => s.breakpoints(MAIN, [{ line: at('PRINT'), condition: 'i == 3' }]));
    await s.stop({ reason: 'breakpoint' });
    assert.equal((await s.locals()).i.value, '3');
    await s.send('continue', { threadId: 1 });
    await s.event('terminated');
    assert.equal(s.events('stopped').length, 1);
    await s.finish();
  });

  w.test('hit conditions count', async () => {
    const s = await w.session();
    await s.launch({ program: HELLO }, () => s.breakpoints(MAIN, [{ line: at('PRINT'), hitCondition: '== 4' }]));
    await s.stop({ reason: 'breakpoint' });
    assert.equal((await s.locals()).i.value, '3');
    await s.send('continue', { threadId: 1 });
    await s.event('terminated');
    await s.finish();
  });

  w.test('log points write and do not stop; their source is the client\'s', async () => {
    const s = await w.session();
    await s.launch({ program: HELLO }, () => s.breakpoints(MAIN, [{ line: at('PRINT'), logMessage: 'i is {i}' }]));
    await s.event('terminated', { timeout: 30_000 });
    assert.equal(s.events('stopped').length, 0);
    const logged = s.events('output').filter((m) => /i is \d/.test(m.body.output));
    assert.deepEqual(logged.map((m) => /i is (\d)/.exec(m.body.output)[1]), ['0', '1', '2', '3', '4']);
    for (const m of logged) assert.deepEqual([m.body.source.path, m.body.line], [MAIN, at('PRINT')]);
    await s.finish();
  });

  w.test('function breakpoints', { notEarly: 'verified in the answer' }, async () => {
    const s = await w.session();
    await s.launch({ program: HELLO }, async () => {
      const { body } = await s.send('setFunctionBreakpoints', { breakpoints: [{ name: 'main.describe' }, { name: 'main.nosuch' }] });
      assert.deepEqual(body.breakpoints.map((b) => b.verified), [true, false]);
      assert.equal(body.breakpoints[0].source.path, MAIN);
    });
    const event = await s.event('stopped', { timeout: 30_000 });
    assert.equal(event.body.reason, 'function breakpoint');
    assert.equal((await s.top()).name, 'main.describe');
    await s.send('continue', { threadId: 1 });
    await s.event('terminated');
    await s.finish();
  });

  w.test('next, stepIn and stepOut', async () => {
    const s = await w.session();
    await s.launch({ program: HELLO }, () => s.breakpoints(MAIN, [at('LOOP')]));
    await s.stop({ reason: 'breakpoint' });
    assert.equal((await s.step('stepIn')).body.reason, 'step');
    let frame = await s.top();
    assert.deepEqual([frame.name, frame.line], ['main.add', at('ADD')]);
    await s.step('next');
    assert.equal((await s.top()).line, at('SUM'));
    await s.step('next');
    assert.equal((await s.locals()).sum.value, '10');
    await s.step('stepOut');
    frame = await s.top();
    assert.deepEqual([frame.name, frame.line], ['main.main', at('LOOP')]);
    await s.step('next');
    assert.equal((await s.top()).line, at('PRINT'));
    await s.breakpoints(MAIN, []);
    await s.send('continue', { threadId: 1 });
    await s.event('terminated');
    await s.finish();
  });

  w.test('threads, stackTrace, scopes and variables', async () => {
    const s = await w.session();
    await s.launch({ program: HELLO }, () => s.breakpoints(MAIN, [at('LAST')]));
    await s.stop({ reason: 'breakpoint' });
    const { body: { threads } } = await s.send('threads');
    assert.match(threads.find((t) => t.id === 1).name, /main\.main/);
    const { body: { stackFrames } } = await s.send('stackTrace', { threadId: 1, startFrame: 0, levels: 20 });
    assert.deepEqual(stackFrames.map((f) => f.name), ['main.main', 'runtime.main', 'runtime.goexit']);
    assert.match(stackFrames[1].source.path, /\/runtime\/proc\.go$/);
    const locals = await s.locals();
    assert.equal(locals.total.value, '100');
    assert.equal(locals.p.value, 'main.point {X: 1, Y: 2}');
    assert.match(locals.greeting.value, /héllo, wörld ✓/);
    assert.equal(locals.numbers.indexedVariables, 3);
    const { body: { variables } } = await s.send('variables', { variablesReference: locals.numbers.variablesReference });
    assert.deepEqual(variables.map((v) => v.value), ['10', '20', '30']);
    const point = await s.send('variables', { variablesReference: locals.p.variablesReference });
    assert.deepEqual(point.body.variables.map((v) => [v.name, v.value]), [['X', '1'], ['Y', '2']]);
    const error = await s.refused('variables', { variablesReference: 987654 });
    assert.match(error.text, /987654|unknown reference/);
    await s.finish({ terminateDebuggee: true });
  });

  w.test('evaluate in each context, call, and setVariable', async () => {
    const s = await w.session();
    await s.launch({ program: HELLO }, () => s.breakpoints(MAIN, [at('LAST')]));
    await s.stop({ reason: 'breakpoint' });
    const frameId = (await s.top()).id;
    const evaluate = async (expression, context) => (await s.send('evaluate', { expression, frameId, context })).body.result;
    assert.equal(await evaluate('total', 'hover'), '100');
    assert.equal(await evaluate('total * 2', 'watch'), '200');
    assert.equal(await evaluate('s.Name', 'repl'), '"triangle"');
    assert.equal(await evaluate('s.Points[1].X', 'watch'), '4');
    assert.match(await evaluate('call add(2, 3)', 'repl'), /5/);
    const error = await s.refused('evaluate', { expression: 'nosuchname', frameId: (await s.top()).id, context: 'watch' });
    assert.match(error.text, /nosuchname/);
    const locals = await s.locals();
    const set = await s.send('setVariable', { variablesReference: locals.total.container, name: 'total', value: '7' });
    assert.equal(set.body.value, '7');
    assert.equal((await s.locals()).total.value, '7');
    await s.finish({ terminateDebuggee: true });
  });

  w.test('pause stops a running program, a breakpoint can be set while it runs', async () => {
    const s = await w.session();
    await s.launch({ program: TOOL, args: ['loop'] });
    await s.output('stdout', /looping/);
    const error = await s.refused('evaluate', { expression: '1', context: 'repl' });
    assert.match(error.text, /running/);
    const from = s.messages.length;
    await s.send('pause', { threadId: 1 });
    await s.stop({ from, reason: 'pause' });
    const resumed = s.messages.length;
    await s.send('continue', { threadId: 1 });
    const [bp] = await s.breakpoints(TOOL_MAIN, [line(TOOL_MAIN, 'TICK')]);
    assert.equal(bp.verified, true);
    const stopped = await s.event('stopped', { from: resumed, where: (b) => b.reason === 'breakpoint' });
    assert.deepEqual(stopped.body.hitBreakpointIds, [bp.id]);
    await s.finish({ terminateDebuggee: true });
  });

  w.test('a panic stops the program with its text, and ends it with exit code 2', async () => {
    const s = await w.session();
    await s.launch({ program: TOOL, args: ['panic'] });
    const stopped = await s.event('stopped', { timeout: 30_000 });
    assert.equal(stopped.body.reason, 'exception');
    assert.match(stopped.body.text, /assignment to entry in nil map/);
    const { body } = await s.send('exceptionInfo', { threadId: stopped.body.threadId });
    assert.match(body.description, /nil map/);
    await s.send('continue', { threadId: stopped.body.threadId });
    await s.event('terminated');
    assert.match(s.outputs.stderr, /panic: assignment to entry in nil map/);
    assert.match(s.outputs.stderr, /tool\/main\.go:\d+/);
    assert.equal(s.events('exited')[0].body.exitCode, 2);
    await s.finish();
  });

  w.test('instruction breakpoints, disassembly and steps by instruction pass through', async () => {
    const s = await w.session();
    await s.launch({ program: HELLO }, () => s.breakpoints(MAIN, [at('LOOP')]));
    await s.stop({ reason: 'breakpoint' });
    const { instructionPointerReference: memoryReference } = await s.top();
    const { body } = await s.send('disassemble', { memoryReference, instructionOffset: 0, instructionCount: 5 });
    assert.equal(body.instructions.length, 5);
    assert.equal(body.instructions[0].address, memoryReference);
    const withPath = body.instructions.find((i) => i.location);
    assert.equal(withPath.location.path, MAIN);
    const set = await s.send('setInstructionBreakpoints', { breakpoints: [{ instructionReference: body.instructions[2].address }] });
    assert.equal(set.body.breakpoints[0].verified, true);
    await s.step('next', { threadId: 1, granularity: 'instruction' });
    await s.finish({ terminateDebuggee: true });
  });

  w.test('large answers arrive whole', async () => {
    const s = await w.session();
    await s.launch({ program: HELLO }, () => s.breakpoints(MAIN, [at('LAST')]));
    await s.stop({ reason: 'breakpoint' });
    const { body } = await s.send('evaluate', { expression: 'runtime.mheap_.central', frameId: (await s.top()).id, context: 'watch' });
    const { body: children } = await s.send('variables', { variablesReference: body.variablesReference, filter: 'indexed', start: 0, count: 136 }, { timeout: 60_000 });
    assert.equal(children.variables.length, 136);
    await s.finish({ terminateDebuggee: true });
  });

  w.test('many requests in one flight are each answered once, in order of Delve', async () => {
    const s = await w.session();
    await s.launch({ program: HELLO }, () => s.breakpoints(MAIN, [at('LAST')]));
    await s.stop({ reason: 'breakpoint' });
    const frameId = (await s.top()).id;
    const flight = [];
    for (let i = 0; i < 200; i++) flight.push(s.ask('evaluate', { expression: `total + ${i}`, frameId, context: 'watch' }));
    const results = await Promise.all(flight);
    assert.deepEqual(results.map((r) => r.body.result), Array.from({ length: 200 }, (_, i) => String(100 + i)));
    await s.finish({ terminateDebuggee: true });
  });
});

// Paths that do not exist on this machine as the client names them.
suite('path mapping', {
  target: {
    paths: [
      { client: '/Users/me/src', remote: path.dirname(HELLO) },
      { client: '/Users/me/src/special', remote: HELLO },
      { client: 'C:\\Work', remote: path.dirname(HELLO) },
    ],
  },
}, (w) => {
  w.test('launch, breakpoints, stack and log points speak the client\'s paths', { notEarly: 'verified in the answer' }, async () => {
    const theirs = '/Users/me/src/special/main.go';
    const s = await w.session();
    await s.launch({ program: '/Users/me/src/special', cwd: '/Users/me/src' }, async () => {
      const set = await s.breakpoints(theirs, [at('LOOP'), { line: at('PRINT'), logMessage: 'i is {i}' }]);
      assert.deepEqual(set.map((b) => [b.verified, b.source?.path]), [[true, theirs], [true, theirs]]);
    });
    await s.stop({ reason: 'breakpoint' });
    const { body } = await s.send('stackTrace', { threadId: 1, startFrame: 0, levels: 20 });
    assert.equal(body.stackFrames[0].source.path, theirs);
    assert.match(body.stackFrames[1].source.path, /^\/usr\/|^\//, 'a path outside every mapping stays');
    await s.step('continue');
    const logged = s.events('output').find((m) => /i is 0/.test(m.body.output));
    assert.equal(logged.body.source.path, theirs);
    await s.finish({ terminateDebuggee: true });
  });

  w.test('whole components only: a sibling with the same beginning is not mapped', async () => {
    const s = await w.session();
    await s.launch({ program: '/Users/me/src/hello' }, async () => {
      const [bp] = await s.breakpoints('/Users/me/srcother/hello/main.go', [at('LOOP')]);
      assert.equal(bp.verified, false);
    });
    await s.event('terminated', { timeout: 30_000 });
    await s.finish();
  });

  w.test('a Windows client: drive letter in either case, backslashes', async () => {
    const s = await w.session();
    await s.launch({ program: 'c:\\work\\hello' }, async () => {
      const [bp] = await s.breakpoints('C:\\Work\\hello\\main.go', [at('LOOP')]);
      assert.deepEqual([bp.verified, bp.line], [!w.isEarly, at('LOOP')]);
    });
    await s.stop({ reason: 'breakpoint' });
    await until('a frame', async () => (await s.top()).line === at('LOOP'));
    await s.finish({ terminateDebuggee: true });
  });
});
