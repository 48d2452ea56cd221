// What the end-to-end tests are written with.
export { BlockedBuild } from './lib/blocked.mjs';
export { Child, have, run } from './lib/children.mjs';
export { freePort } from './lib/port.mjs';
export * as proc from './lib/proc.mjs';
export { Raw, frame } from './lib/raw.mjs';
export { Relay } from './lib/relay.mjs';
export { LAUNCH_MS, RequestFailed, Session } from './lib/session.mjs';
export { HOST, Sshd, haveSshd } from './lib/sshd.mjs';
export { states } from './lib/states.mjs';
export { until, within } from './lib/until.mjs';
export { DELVEGATE, PROGRAMS, REMOVE, TEST_MS, World, build, goCaches, line, program, suite } from './lib/world.mjs';
