// The second set of broken module graphs (test/modgraph/setups) through a real delvegate: where a session over each ends,
// and what must hold wherever that is. A sample of them on the go that is installed; with CHECK_ALL=1 all of them, on
// each go that is found (test/modgraph/goes.mjs).
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { LAUNCH_MS, RequestFailed, freePort, goCaches, line, suite } from './harness.mjs';
import { tree } from './lib/tree.mjs';
import { goes } from '../modgraph/goes.mjs';
import { ClosedToRoot, Ground, Sandbox } from '../modgraph/ground.mjs';
import { SETUPS } from '../modgraph/setups/all.mjs';

const ALL = process.env.CHECK_ALL === '1';
const ONLY = process.env.SETUPS; // a regular expression of their names
const SAMPLE = [
  'cache-package-gone', 'cache-function-lost', 'cache-file-of-another-package', 'requirement-new-in-own-package', 'work-lacks-nested-program', 'launch-modfile-lacks',
  'sum-lacks-capital', 'requirement-newer-only', 'mod-raised-by-a-neighbour',
  'own-package-gone-published', 'own-import-by-directory-name', 'own-tree-versioned-cut', 'own-package-called-cache-cut',
  'work-directory-twice', 'vendor-without-list', 'launch-modfile-gone', 'launch-gowork-gone', 'gocache-remembers-damage',
  'healthy', 'healthy-c-warning', 'healthy-toolexec-talks',
];
const NOTHING_MENDS = ['program', 'own-package-missing']; // and no proxy is asked
const NEWS = /^(done|permanent fix): /m; // the story of what broke and what was done

/** Why a target's configuration can't say what the set-up is. */
function unfit(t) {
  if (t.limit) return 'a limit of the build alone';
  if (t.env?.PATH) return 'another PATH for go than for Delve';
  if (t.env?.GOTMPDIR) return 'a directory that delvegate chooses';
  return false;
}

/** What goes into the target: the machine's environment but for what is the target's own. */
function targetOf(c) {
  const { PATH, HOME, GOCACHE, GOMODCACHE, ...env } = c.dropped(c.machineEnv);
  const written = path.join(HOME, '.config/go/env');
  return { go: { GOCACHE, GOMODCACHE: GOMODCACHE ?? c.mod, path: c.goCommand, env: { ...env, GOENV: written } } };
}

async function prepare(w, go, list) {
  const root = w.at('ground');
  fs.mkdirSync(root);
  w.ground = await new Ground(root, go.root, 0).make({ gocache: (await goCaches()).GOCACHE });
  w.sandboxes = new Map();
  w.options.targets = {};
  for (const [i, t] of list.entries()) {
    const c = new Sandbox(w.ground, t);
    if (t.serve) c.port = await freePort();
    c.target = `second-${i}`;
    w.sandboxes.set(t.name, c);
    w.options.targets[c.target] = targetOf(c);
  }
}

/** Whether go builds the set-up as it is. */
async function builds(w, t) {
  const c = await w.ground.sandbox(t);
  try {
    return (await c.build()).code === 0;
  } finally {
    await c.remove();
  }
}

/** The breakpoint of the program that go.mod names, if there is such a line. */
function breakpoint(c) {
  const main = path.join(c.program, 'main.go');
  if (c.test.mode === 'test' || !fs.existsSync(main) || !fs.readFileSync(main, 'utf8').includes('// BREAK')) return null;
  return { main, at: line(main, 'BREAK') };
}

/** Launches; resolves to null when Delve is there, else to why not. */
async function launched(c, s, stop) {
  const args = { mode: c.test.mode ?? 'debug', program: c.program, ...(c.buildFlags && { buildFlags: c.buildFlags }), ...(c.test.launchEnv && { env: c.launchEnv }) };
  try {
    await s.launch(args, () => (stop ? s.breakpoints(stop.main, [stop.at]) : undefined));
    return null;
  } catch (error) {
    if (!(error instanceof RequestFailed)) throw error;
    return error.text;
  }
}

/** Runs the program to its end, by way of the breakpoint. */
async function finished(c, s, stop) {
  if (stop) {
    const event = await s.stop({ reason: 'breakpoint' });
    assert.equal((await s.top(event.body.threadId)).line, stop.at);
    await s.send('continue', { threadId: event.body.threadId });
  }
  await s.event('terminated', { timeout: LAUNCH_MS });
  assert.ok(`${s.outputs.stdout}${s.outputs.stderr}`.includes(c.test.says), `another program than go.mod names:\n${s.text()}`);
  s.close();
}

/** The trees that are the user's: the home without the caches. */
function users(c) {
  const caches = [c.mod, c.gocache].map((dir) => path.relative(c.home, dir));
  return Object.fromEntries(Object.entries(tree(c.home)).filter(([name]) => name !== '.' && !caches.some((dir) => name === dir || name.startsWith(`${dir}/`) || dir.startsWith(`${name}/`))));
}

async function through(w, t, x) {
  const c = w.sandboxes.get(t.name);
  try {
    const isHealthy = await builds(w, t);
    await c.prepare();
    if (c.goroot !== w.ground.goroot) {
      x.skip('another Go installation than the target\'s');
      return;
    }
    c.healsItself = t.heal !== undefined;
    const before = users(c);
    const s = await w.session({ port: w.config.targets[c.target].listen });
    const stop = breakpoint(c);
    const why = await launched(c, s, stop);
    const shown = `${s.shown}\n${why ?? ''}`;
    if (why === null) await finished(c, s, stop);
    else await s.send('disconnect').then(() => s.close());
    await w.nothingLeft();
    const after = users(c);
    const sums = Object.keys(after).find((name) => /(^|\/)go\.work\.sum$/.test(name));
    if (isHealthy && sums && !before[sums]) {
      // Go itself writes it beside go.work, whoever builds.
      for (const name of [sums, path.dirname(sums)]) delete after[name];
      delete before[path.dirname(sums)];
    }
    assert.deepEqual(after, before, 'the tree of the user was written to');
    if (isHealthy) {
      assert.equal(why, null, 'what go builds was refused');
      assert.doesNotMatch(shown, NEWS, 'a word about what is well');
    }
    if (!isHealthy && t.kinds.every((kind) => NOTHING_MENDS.includes(kind))) assert.notEqual(why, null, 'a mistake of the program was mended');
    x.diagnostic(`${t.name}: ${isHealthy ? 'nothing to mend' : why === null ? 'mended' : 'refused'}`);
  } catch (error) {
    if (!(error instanceof ClosedToRoot)) throw error;
    x.skip('nothing is closed to root');
  } finally {
    await c.remove();
  }
}

const wanted = SETUPS.filter((t) => (ONLY ? new RegExp(ONLY).test(t.name) : ALL || SAMPLE.includes(t.name)));
const { found, missing } = await goes({ all: ALL });
for (const why of missing) test(why, { skip: why }, () => {});
const PART = 64; // set-ups of one world, each a target of its delvegate
const parts = (list) => Array.from({ length: Math.ceil(list.length / PART) }, (_, i) => list.slice(i * PART, (i + 1) * PART));
for (const go of found) {
  for (const [i, part] of parts(wanted).entries()) {
    const fit = part.filter((t) => !unfit(t));
    suite(`second set, ${go.version}, part ${i + 1}`, {
      transports: ['local'], clients: [], env: { PATH: `${go.root}/bin:${path.dirname(go.dlv)}:/usr/bin:/bin:/usr/sbin:/sbin`, GOTOOLCHAIN: 'local' },
      prepare: (w) => prepare(w, go, fit),
    }, (w) => {
      for (const t of part) {
        const why = unfit(t);
        if (why) test(t.name, { skip: why }, () => {});
        else w.test(t.name, (x) => through(w, t, x));
      }
    });
  }
}
