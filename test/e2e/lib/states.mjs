// The states in which a session may be when something happens to it.
import fs from 'node:fs';
import path from 'node:path';
import { BlockedBuild } from './blocked.mjs';
import { LAUNCH_MS } from './session.mjs';
import { build, line, program } from './world.mjs';

const TOOL = program('tool');
const MAIN = path.join(TOOL, 'main.go');

/** Brings a session of world w into a state. `building` leaves the launch that the build holds in s.launching. */
export const states = {
  stopped: async (w, s) => {
    await s.launch({ program: TOOL, args: ['loop'] }, () => s.breakpoints(MAIN, [line(MAIN, 'SWITCH')]));
    await s.stop({ reason: 'breakpoint' });
    await w.debuggee();
  },
  running: async (w, s) => {
    await s.launch({ program: TOOL, args: ['loop'] });
    await s.output('stdout', /looping/);
  },
  building: async (w, s) => {
    const block = new BlockedBuild(w.at('tmp'));
    await s.initialize();
    s.launching = s.ask('launch', { mode: 'debug', program: TOOL, args: ['loop'], buildFlags: block.buildFlags }, { timeout: LAUNCH_MS });
    s.launching.catch(() => {});
    await w.process('the linker to wait', (args) => args.some((a) => a === block.script), { timeout: LAUNCH_MS });
    await w.goBuild();
  },
};

/** Ordered to start again, and then what: a Delve that was killed is to come back. */
async function killed(w, s) {
  await states.running(w, s);
  const dlv = await w.dlv();
  process.kill(dlv, 'SIGKILL');
  return dlv;
}

const SLOW_BACKOFF = { recover: { backoff: '30s' } };

/**
 * More of them: { [name]: { target, transports, reach } }: options of the target that it takes, where it can be.
 * reach may leave requests open, and returns what must be called in the end.
 */
export const moreStates = {
  connected: { reach: async () => {} },
  initialized: { reach: async (w, s) => { await s.initialize(); } },
  ended: {
    reach: async (w, s) => {
      await s.launch({ program: TOOL, args: ['quiet'] });
      await s.event('terminated', { timeout: 30_000 });
    },
  },
  'starting the supervisor': {
    target: (w) => ({ go: { path: otherGo(w, 'version) sleep 2 ;;') } }), // a slow disk
    reach: async (w, s) => {
      await s.initialize();
      launching(s, { program: TOOL, args: ['loop'] });
      await w.process('go version', (args) => args[0] === 'sleep' && args[1] === '2', { timeout: LAUNCH_MS });
    },
  },
  'running a step before the launch': {
    reach: async (w, s) => {
      await s.initialize();
      launching(s, { program: TOOL, args: ['loop'], delvegate: { prelaunch: [{ command: ['sh', '-c', 'echo begun; exec sleep 4711'] }] } });
      await s.output('console', /^begun$/m, { timeout: LAUNCH_MS });
    },
  },
  'stopped, with requests that Delve does not answer': {
    reach: async (w, s) => {
      await states.stopped(w, s);
      process.kill(await w.dlv(), 'SIGSTOP');
      s.ask('evaluate', { expression: 'ticks', context: 'repl' }, { timeout: LAUNCH_MS }).catch(() => {});
      s.ask('continue', { threadId: 1 }, { timeout: LAUNCH_MS }).catch(() => {});
      s.ask('setBreakpoints', { source: { path: MAIN }, breakpoints: [{ line: line(MAIN, 'TICK') }] }, { timeout: LAUNCH_MS }).catch(() => {});
    },
  },
  'waiting to start Delve again': {
    target: SLOW_BACKOFF,
    reach: async (w, s) => {
      await killed(w, s);
      await w.daemon.wait(/process \S+ -> (waiting|returning)/);
      s.ask('setBreakpoints', { source: { path: MAIN }, breakpoints: [{ line: line(MAIN, 'TICK') }] }, { timeout: LAUNCH_MS }).catch(() => {});
    },
  },
  'building again': {
    reach: async (w, s) => {
      const block = new BlockedBuild(w.at('tmp'));
      await s.initialize();
      const launched = s.ask('launch', { mode: 'debug', program: TOOL, args: ['loop'], buildFlags: block.buildFlags }, { timeout: LAUNCH_MS });
      const waits = (options) => w.process('the linker to wait', (args) => args.some((a) => a === block.script), options);
      await waits({ timeout: LAUNCH_MS });
      block.release();
      await s.event('initialized', { timeout: LAUNCH_MS });
      await s.send('configurationDone');
      await launched;
      await s.output('stdout', /looping/);
      process.kill(await w.dlv(), 'SIGKILL');
      await waits({ timeout: LAUNCH_MS });
      block.close();
    },
  },
  'attaching to a Delve that was started again': {
    reach: async (w, s) => {
      const old = await killed(w, s);
      // Stopped as soon as it is there, it will never answer.
      const dlv = await w.process('another dlv', (args, pid) => pid !== old && /(^|\/)dlv$/.test(args[0]) && args.some((a) => a.startsWith('--listen')));
      process.kill(dlv, 'SIGSTOP');
      s.ask('threads', {}, { timeout: LAUNCH_MS }).catch(() => {});
    },
  },
  'mending the module graph': {
    target: (w) => ({ go: { path: otherGo(w, "'mod download') exec sleep 4712 ;;"), env: { GOPROXY: `file://${w.at('tmp')}` } } }),
    reach: async (w, s) => {
      const dir = w.at('graph');
      fs.mkdirSync(dir);
      fs.writeFileSync(path.join(dir, 'go.mod'), 'module example.com/app\n\ngo 1.18\n\nrequire example.com/dep v1.0.0\n');
      fs.writeFileSync(path.join(dir, 'main.go'), 'package main\n\nimport _ "example.com/dep"\n\nfunc main() {\n}\n');
      await s.initialize();
      launching(s, { program: dir });
      await w.process('the remedy', (args) => args[0] === 'sleep' && args[1] === '4712', { timeout: LAUNCH_MS });
    },
  },
  'waiting for a Restart by the user': {
    reach: async (w, s) => {
      await s.initialize(); // the build may take longer than a connection may be silent
      const file = await build('tool', w.at('tmp/removed'));
      await s.launch({ mode: 'exec', program: file, args: ['loop'] });
      await s.output('stdout', /looping/);
      fs.rmSync(file);
      process.kill(await w.dlv(), 'SIGKILL');
      await w.daemon.wait(/recovering -> idle/);
    },
  },
  connecting: {
    transports: ['ssh'],
    reach: async (w, s) => {
      process.kill(w.sshd.child.pid, 'SIGSTOP'); // the kernel accepts, nobody speaks
      await s.initialize();
      launching(s, { program: TOOL, args: ['loop'] });
      await s.output('console', /connecting/i);
      return () => process.kill(w.sshd.child.pid, 'SIGCONT');
    },
  },
  'disconnecting from a Delve that does not answer': {
    isEnding: true, // by the client's own wish
    reach: async (w, s) => {
      await states.running(w, s);
      process.kill(await w.dlv(), 'SIGSTOP');
      s.ask('disconnect', { terminateDebuggee: true }, { timeout: LAUNCH_MS }).catch(() => {});
      await w.daemon.wait(/Delve \S+ -> disconnecting/);
    },
  },
};

function launching(s, args) {
  s.launching = s.ask('launch', { mode: 'debug', ...args }, { timeout: LAUNCH_MS });
  s.launching.catch(() => {});
}

/** A go that does something else first when its first words are these: a line of a shell's case. */
function otherGo(w, line) {
  const at = w.at('othergo');
  const go = process.env.PATH.split(':').map((dir) => path.join(dir, 'go')).find((file) => fs.existsSync(file));
  fs.mkdirSync(at);
  fs.writeFileSync(path.join(at, 'go'), `#!/bin/sh\ncase "$1\${2:+ $2}" in\n${line}\nesac\nexec ${go} "$@"\n`, { mode: 0o755 });
  return path.join(at, 'go');
}
