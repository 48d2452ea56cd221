// Groups of tests that have a container of their own, and the session that most of them run.
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { LAUNCH_MS, line, program } from '../../../e2e/harness.mjs';
import { GoMachine, base } from './gomachine.mjs';

export const HELLO = program('hello');
export const MAIN = path.join(HELLO, 'main.go');
export const TOOL = program('tool');
export const HOST = 'gomachine';
export const TEST_MS = 1_200_000;
const SUITE = 'bookworm';

/** Tests with a container of their own, and what was seen when one fails. */
export function machine(name, options, body) {
  describe(name, () => {
    const m = new GoMachine(options);
    before(async () => {
      m.image = await base(options.suite ?? SUITE);
      await m.start();
    }, { timeout: TEST_MS });
    after(() => m.stop(), { timeout: TEST_MS });
    body((what, check) => test(what, { timeout: TEST_MS }, async (t) => {
      m.sessions = [];
      try {
        await check(m, t);
        for (const session of m.sessions) session.assertProtocol();
      } catch (error) {
        throw new Error(`${error.stack}\n${m.logs()}`);
      }
    }));
  });
}

/** From F5 to the program's end, with a stop on the way. */
export async function wholeSession(m) {
  const s = await m.session();
  await s.launch({ program: HELLO, args: ['one', 'two'] }, () => s.breakpoints(MAIN, [line(MAIN, 'LOOP')]));
  const { body } = await s.stop({ reason: 'breakpoint' });
  const frame = await s.top(body.threadId);
  assert.equal(frame.source.path, MAIN);
  assert.equal(frame.line, line(MAIN, 'LOOP'));
  assert.equal((await s.locals(body.threadId)).total.value, '0');
  await s.breakpoints(MAIN, []);
  await s.send('continue', { threadId: body.threadId });
  await s.event('terminated', { timeout: LAUNCH_MS });
  assert.equal(s.outputs.stdout, 'round 0 10\nround 1 31\nround 2 63\nround 3 76\nround 4 100\n'
    + 'héllo, wörld ✓ 3 triangle with 3 points\nargs [one two]\n');
  assert.equal((await s.event('exited')).body.exitCode, 0);
  await s.finish();
  await m.nothingLeft();
}

export async function nothingFatal(m) {
  const { code, stdout, stderr } = await m.checkEnv(HELLO);
  assert.equal(code, 0, stdout + stderr);
  assert.doesNotMatch(stdout, /error:/);
  await m.nothingLeft();
}
