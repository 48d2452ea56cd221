// All set-ups of the second set. Of each:
//   name, idea   what it is called, and in a line what is wrong
//   kinds        the right cause (kinds.mjs); acceptable: others that do a user no harm
//   safe         the remedies (remedies.mjs) that are meant to mend it; what really does is measured
//   make(c)      breaks it; c: a Sandbox (ground.mjs)
//   env, launchEnv   what is set on the machine, in launch.json; a function is asked where the set-up is
//   buildFlags, mode, program   of launch.json
//   source, modcache   where the tree and the module cache are, in the home; cold: the cache is empty
//   gocache, ownProxy  a build cache, a proxy of its own
//   blind        only trying tells that a remedy which fits the words does not mend it
//   entry        the modules of the cache that are damaged: [path, version]
//   says         what the program prints as long as it is built with the versions of go.mod
//   limit        what prlimit(1) is given for the build
//   serve, heal, undo  a proxy over HTTP, made good, stopped
import assert from 'node:assert/strict';
import { SAYS } from '../ground.mjs';
import { REMEDIES } from '../remedies.mjs';
import { cacheSetups } from './cache.mjs';
import { fileSetups } from './files.mjs';
import { KINDS } from './kinds.mjs';
import { launchSetups } from './launch.mjs';
import { machineSetups } from './machine.mjs';
import { networkSetups } from './network.mjs';
import { ownSetups } from './own.mjs';
import { workSetups } from './work.mjs';

export const SETUPS = [...cacheSetups, ...fileSetups, ...workSetups, ...ownSetups, ...machineSetups, ...launchSetups, ...networkSetups]
  .map((t) => ({ says: SAYS, acceptable: [], safe: [], ...t }));

const names = new Set();
for (const t of SETUPS) {
  assert.ok(!names.has(t.name), `${t.name} is there twice`);
  names.add(t.name);
  for (const kind of [...t.kinds, ...t.acceptable]) assert.ok(kind in KINDS, `${t.name}: ${kind}`);
  for (const remedy of t.safe) assert.ok(remedy in REMEDIES, `${t.name}: ${remedy}`);
}
