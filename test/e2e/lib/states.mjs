// The states in which a session may be when something happens to it.
import fs from 'node:fs';
import path from 'node:path';
import { BlockedBuild } from './blocked.mjs';
import { LAUNCH_MS } from './session.mjs';
import { line, program } from './world.mjs';

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
