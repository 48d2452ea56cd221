// Restart: the session stays, the program is another one.
import { scenario } from '../lib/scenario.mjs';
import { EDIT, SOURCE, STOP } from './program.mjs';

// The code that was just written runs, in another process, stopped at the same breakpoint, whether the program before was
// stopped or running.
scenario('restart-edit', 'Restart after an edit runs the new code', { source: SOURCE }, async ({ vs, main, at, stopped }) => {
  await vs.setBreakpoint(at(STOP));
  await vs.press('F5');
  const first = await stopped(at(STOP), { v: '1' });
  await vs.edit(main, at(EDIT), 'v := 2 // EDIT');
  await vs.click('restart');
  const second = await stopped(at(STOP), { v: '2' }, first);
  await vs.evaluate('v + 40');
  await vs.says(/^42$/m);
  await vs.press('F5');
  await vs.says(/version 2 of/);
  await vs.click('restart');
  const third = await stopped(at(STOP), { v: '2' }, second);
  await vs.press('F5');
  await vs.says(new RegExp(`version 2 of ${third}`));
  await vs.stop();
});

// A Restart whose build fails says why, and leaves a session without a program that shows nothing of the old one; the Restart
// after the repair runs the new code, and so does the one after that: VS Code has not gone deaf.
scenario('restart-build-error', 'Restart after a build error, after its repair, and again', { source: SOURCE }, async ({ vs, main, at, stopped }) => {
  await vs.setBreakpoint(at(STOP));
  await vs.press('F5');
  const first = await stopped(at(STOP), { v: '1' });
  await vs.edit(main, at(EDIT), 'v := missing // EDIT');
  await vs.click('restart');
  await vs.says(/undefined: missing/);
  await vs.until('the session without the old stop and the old goroutines', (s) => s.toolbar.includes('codicon-debug-restart') && s.yellow.length === 0
    && !s.callStack.some((row) => /\[Go \d+\]/.test(row)));
  await vs.edit(main, at(EDIT), 'v := 2 // EDIT');
  await vs.click('restart');
  const second = await stopped(at(STOP), { v: '2' }, first);
  await vs.evaluate('v + 40');
  await vs.says(/^42$/m);
  await vs.edit(main, at(EDIT), 'v := 3 // EDIT');
  await vs.click('restart');
  await stopped(at(STOP), { v: '3' }, second);
  await vs.press('F5');
  await vs.says(/version 3 of/);
  await vs.stop();
});

// The second Restart is pressed while the first one builds: one program comes of it, and the session hears of it, and of
// what a third Restart does.
scenario('two-restarts', 'two Restarts at once', { source: SOURCE, held: true }, async ({ vs, at, stopped, build }) => {
  await vs.setBreakpoint(at(STOP));
  await vs.press('F5');
  await build.waits();
  build.release();
  const first = await stopped(at(STOP), { v: '1' });
  await vs.click('restart');
  const held = await build.waits();
  await vs.click('restart');
  await build.waits(held);
  build.release();
  const second = await stopped(at(STOP), { v: '1' }, first);
  await vs.evaluate('v + 41');
  await vs.says(/^42$/m);
  await vs.click('restart');
  await build.waits();
  build.release();
  await stopped(at(STOP), { v: '1' }, second);
  await vs.press('F5');
  await vs.says(/version 1 of/);
  await vs.stop();
});

// The same as fast as a hand does it, several times, whatever of the first Restart is under way then.
scenario('restart-keys', 'Restart pressed twice within half a second', { source: SOURCE }, async ({ vs, at, stopped }) => {
  await vs.setBreakpoint(at(STOP));
  await vs.press('F5');
  let pid = await stopped(at(STOP), { v: '1' });
  for (let round = 0; round < 3; round++) {
    await vs.press('Control+Shift+F5');
    await vs.press('Control+Shift+F5');
    pid = await stopped(at(STOP), { v: '1' }, pid);
  }
  await vs.evaluate('v + 41');
  await vs.says(/^42$/m);
  await vs.press('F5');
  await vs.says(/version 1 of/);
  await vs.stop();
});
