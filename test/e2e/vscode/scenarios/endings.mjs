// What ends, wanted or not: the session's end is seen, nothing hangs, and F5 works again.
import { scenario } from '../lib/scenario.mjs';
import { EDIT, SOURCE, STOP } from './program.mjs';

// Stop ends a build at once; what the user has ended himself is no error, and no dialog stands in the way of the next F5.
scenario('stop-build', 'Stop while building', { source: SOURCE, held: true }, async ({ w, vs, at, stopped, build }) => {
  await vs.setBreakpoint(at(STOP));
  await vs.press('F5');
  const held = await build.waits();
  await vs.until('a session', (s) => s.sessions === 1);
  await vs.stop();
  await w.nothingLeft();
  await vs.press('F5');
  await build.waits(held);
  build.release();
  await stopped(at(STOP), { v: '1' });
  await vs.stop();
});

// The same while the Go machine does not answer.
scenario('stop-connect', 'Stop while connecting', { source: SOURCE }, async ({ w, vs, at, stopped }) => {
  await vs.setBreakpoint(at(STOP));
  await vs.openConsole();
  process.kill(w.sshd.child.pid, 'SIGSTOP'); // the kernel accepts, nobody speaks
  await vs.press('F5');
  await vs.says(/Connecting to gomachine/);
  await vs.stop();
  process.kill(w.sshd.child.pid, 'SIGCONT');
  await vs.press('F5');
  await stopped(at(STOP), { v: '1' });
  await vs.stop();
});

// A Delve that is killed, at a stop and while the program runs: the same session stops at the same breakpoint in another
// process, evaluates there, and can be restarted.
scenario('dlv-killed', 'the session goes on when dlv is killed', { source: SOURCE }, async ({ w, vs, main, at, stopped }) => {
  await vs.setBreakpoint(at(STOP));
  await vs.press('F5');
  const first = await stopped(at(STOP), { v: '1' });
  process.kill(await w.dlv(), 'SIGKILL');
  const second = await stopped(at(STOP), { v: '1' }, first);
  await vs.says(/restarting the program/);
  await vs.evaluate('v + 41');
  await vs.says(/^42$/m);
  await vs.press('F5');
  await vs.says(new RegExp(`version 1 of ${second}`));
  process.kill(await w.dlv(), 'SIGKILL');
  const third = await stopped(at(STOP), { v: '1' }, second);
  await vs.edit(main, at(EDIT), 'v := 2 // EDIT');
  await vs.click('restart');
  await stopped(at(STOP), { v: '2' }, third);
  await vs.stop();
});

// The processes of sshd that serve the connection are killed: the session goes on, at a stop and while the program runs,
// and nothing but a line tells of it.
scenario('ssh-cut', 'the session goes on when the connection is lost', { source: SOURCE }, async ({ w, vs, at, stopped }) => {
  await vs.setBreakpoint(at(STOP));
  await vs.press('F5');
  const first = await stopped(at(STOP), { v: '1' });
  await w.sshd.cut();
  await vs.says(/gomachine.*is restored/);
  await vs.evaluate('v + 41');
  await vs.says(/^42$/m);
  await vs.press('F5');
  await vs.says(new RegExp(`version 1 of ${first}`));
  await w.sshd.cut(); // while the program runs
  await vs.says(/gomachine.*is restored[^]*gomachine.*is restored/);
  await vs.stop();
  await w.nothingLeft();
  await vs.press('F5');
  await stopped(at(STOP), { v: '1' }, first);
  await vs.stop();
});

// A window that is loaded anew, or closed, has no session any more, and neither has the Go machine.
scenario('reload', 'nothing is left when the window is loaded anew or closed, and F5 works', { source: SOURCE }, async ({ w, vs, at, stopped }) => {
  await vs.setBreakpoint(at(STOP));
  await vs.press('F5');
  const first = await stopped(at(STOP), { v: '1' });
  await vs.reload();
  await w.nothingLeft();
  await vs.ended();
  await vs.hasBreakpoint(at(STOP));
  await vs.press('F5');
  const second = await stopped(at(STOP), { v: '1' }, first);
  await vs.press('F5');
  await vs.says(new RegExp(`version 1 of ${second}`));
  await vs.page.close();
});
