// Module graphs that are broken for real: what Go says to them, and where a session over each ends.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { LAUNCH_MS, TEST_MS, freePort, goCaches, line, run, suite, until } from './harness.mjs';
import { CHECKS, recordedGo } from './lib/go.mjs';
import { escaped } from './lib/goproxy.mjs';
import { Graph, Setup } from './lib/modgraph.mjs';
import { cases } from './lib/modgraph-cases.mjs';
import { tree } from './lib/tree.mjs';

const LANES = 2; // worlds side by side, each with its share of the set-ups
const ATTEMPTS = 3; // new starts, as recover.attempts is by default
const REFUSED_MS = 30_000; // the longest that a launch which nothing mends may take, on a busy machine
const GO_MINOR = Number(/go1\.(\d+)/.exec((await run('go', ['version'])).stdout)[1]);
const ALL = cases(GO_MINOR);

/** A world's set-ups and a target for each of them. */
async function prepare(w, list) {
  const { GOCACHE } = await goCaches();
  w.graph = new Graph(w.at('graph'), GOCACHE);
  w.go = await recordedGo(w.at('go'));
  w.setups = new Map();
  w.options.targets = {};
  for (const [i, t] of list.entries()) {
    const c = new Setup(w.graph, t);
    if (t.proxy === 'http') c.port = await freePort();
    c.target = `case-${i}`;
    w.setups.set(t.name, c);
    w.options.targets[c.target] = {
      go: { GOCACHE: c.gocache, GOMODCACHE: c.mod, path: w.go.path, env: c.goEnv },
      ...(t.recover ? { recover: t.recover } : {}),
    };
  }
}

// What go keeps there besides entries: locks, and which versions there are.
const isBookkeeping = (name) => /(^|\/)(lock|[^/]*\.lock|@v\/list)$/.test(name);

/** No entry of the cache is lost or other than it was, but for those that were damaged and could be made good. */
function assertCacheKept(c, before) {
  const now = tree(c.mod, { times: false });
  const replaced = (c.test.ends === 'fails' ? [] : c.test.lost ?? []).flatMap(([module, version]) => [
    `cache/download/${escaped(module)}/@v/${version}.`, `${escaped(module)}@${version}`]);
  for (const [name, was] of Object.entries(before)) {
    if (isBookkeeping(name) || replaced.some((r) => name.startsWith(r))) continue;
    assert.equal(now[name], was, `${name} in the module cache`);
  }
  assert.deepEqual(Object.keys(now).filter((name) => /delvegate/.test(name)), [], 'what was moved aside is still there');
}

/** Only the files that may have changed have. */
function assertTreeKept(c, before) {
  const changes = c.test.changes ?? [];
  const kept = (all) => Object.fromEntries(Object.entries(all).filter(([name]) => !changes.includes(name) && !(changes.length > 0 && name === '.')));
  const now = tree(c.src);
  assert.deepEqual(kept(now), kept(before), 'the tree of the user was written to');
  for (const name of changes) assert.notEqual(now[name], before[name], `${name} is as it was`);
}

function assertCalls(w, c) {
  const calls = w.go.list();
  for (const call of calls) {
    assert.deepEqual(call.checks, CHECKS, `what Go checks was loosened: ${call.args}`);
    assert.doesNotMatch(call.args, /-insecure/);
  }
  const builds = calls.filter(({ args }) => /^(build|test -c)\b/.test(args) && /-gcflags/.test(args)).length;
  const remedies = calls.filter(({ args }) => /^(mod|work|clean|get)\b/.test(args));
  const said = calls.map(({ args }) => args).join('\n');
  assert.ok(builds >= 1, said);
  if (c.test.ends === 'runs' || c.test.plain) {
    assert.equal(builds, 1, said);
    assert.deepEqual(remedies.map(({ args }) => args), []);
  }
  if (c.test.ends === 'mended') assert.ok(builds > 1, said);
  for (const remedy of [/^mod tidy\b/, /^mod download\b.* all$/]) {
    assert.ok(remedies.filter(({ args }) => remedy.test(args)).length <= 1, `a remedy was tried twice:\n${said}`);
  }
  if (c.test.retried) assert.ok(builds > 1 && builds <= ATTEMPTS + 1, said);
  assert.ok(!calls.some(({ args }) => /^clean\b.*-modcache/.test(args)), `the module cache was cleaned:\n${said}`);
}

/** Holds one of the cache's lock files, as another go would. */
async function hold(w, c) {
  const holder = w.spawn('flock', [c.entry(...c.test.lock), 'sh', '-c', 'echo held; read -r word']);
  await holder.wait(/held/, { stream: 'stdout' });
  return holder;
}

async function launched(w, c, s) {
  const at = line(c.main, 'BREAK');
  const holder = c.test.lock ? await hold(w, c) : null;
  const launch = s.launch(c.launchArgs, () => s.breakpoints(c.main, [at]));
  launch.catch(() => {}); // awaited below
  if (holder) {
    await s.output('console', new RegExp(`lock.*\\b${holder.pid}\\b`), { timeout: LAUNCH_MS });
    holder.process.stdin.end('go\n');
  }
  if (c.test.appears) {
    await until('go to fail', () => c.test.said.test(s.shown + s.outputs.stderr), { timeout: LAUNCH_MS, explain: () => s.text() });
    await c.serve(true);
  }
  await launch;
  await stopped(c, s, 0);
  await s.finish({ terminateDebuggee: true });
}

/** The stop after message number `from` is at the breakpoint. */
async function stopped(c, s, from) {
  const event = await s.stop({ from, reason: 'breakpoint' });
  const frame = await s.top(event.body.threadId);
  assert.equal(frame.line, line(c.main, 'BREAK'));
  assert.equal(frame.source.path, c.main);
  if (c.test.total === undefined) return;
  const { body } = await s.send('evaluate', { expression: 'total', frameId: frame.id, context: 'watch' });
  assert.equal(body.result, String(c.test.total), 'another program computes');
}

async function refused(w, c, s) {
  await s.initialize();
  const error = await s.refused('launch', c.launchArgs, { timeout: REFUSED_MS });
  assert.match(error.text, c.test.cause);
  assert.equal(s.events('initialized').length, w.isEarly ? 1 : 0);
  await s.send('disconnect');
  s.close();
  return error.text;
}

/** What the user reads: what broke in Go's words, what was done, what to do for good. */
function assertStory(c, s, error) {
  const { ends, said, diff, advice, retried, shown: more } = c.test;
  const shown = `${s.shown}\n${error ?? ''}`;
  if (ends === 'mended' && !retried) {
    const at = [said, /^done: /m, /^permanent fix: /m].map((pattern) => s.outputs.important.search(pattern));
    assert.ok(at[0] >= 0 && at[0] < at[1] && at[1] < at[2], s.outputs.important);
  }
  if (ends === 'runs') assert.doesNotMatch(shown, /mended|go mod|permanent fix/i);
  else assert.match(shown, said, 'what broke');
  for (const pattern of [diff, advice, more]) if (pattern) assert.match(shown, pattern);
}

async function through(w, c) {
  await c.make();
  try {
    await c.serve();
    const before = { src: tree(c.src), mod: tree(c.mod, { times: false }) };
    w.go.forget();
    const s = await w.session({ port: w.config.targets[c.target].listen });
    const error = c.test.ends === 'fails' ? await refused(w, c, s) : await launched(w, c, s);
    await w.nothingLeft();
    assertTreeKept(c, before.src);
    assertCacheKept(c, before.mod);
    assertCalls(w, c);
    assertStory(c, s, error);
    if (c.test.unasked) assert.deepEqual(c.server.requests.filter((url) => c.test.unasked.test(url)), [], 'asked of the module proxy');
    if (c.test.changes && c.test.ends === 'mended') assert.equal(c.build().code, 0, 'the real files do not build');
  } finally {
    await c.close();
  }
}

describe('what go says to broken set-ups', () => {
  let graph;
  before(async () => {
    const root = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'delvegate-graph-')));
    graph = new Graph(root, (await goCaches()).GOCACHE);
  });
  after(() => fs.rmSync(graph.root, { recursive: true, force: true }));
  for (const t of ALL) {
    test(t.name, { timeout: TEST_MS, skip: t.skip?.() ?? false }, async () => {
      const c = new Setup(graph, t);
      if (t.proxy === 'http') c.port = await freePort();
      try {
        await c.make();
        await c.serve();
        const { code, text } = await c.says();
        assert.equal(code === 0, !t.said, text);
        if (t.said) assert.match(text, t.said);
      } finally {
        await c.close();
      }
    });
  }
});

describe('broken module graphs', { concurrency: LANES }, () => {
  for (let lane = 0; lane < LANES; lane++) {
    const list = ALL.filter((_, i) => i % LANES === lane);
    suite(`module graphs ${lane + 1}`, { prepare: (w) => prepare(w, list) }, (w) => {
      if (list.some((t) => t.name === 'as-it-should-be')) {
        w.test('a graph that breaks between launch and Restart', async () => {
          const c = w.setups.get('as-it-should-be');
          await c.make();
          try {
            const args = c.launchArgs;
            const s = await w.session({ port: w.config.targets[c.target].listen });
            await s.launch(args, () => s.breakpoints(c.main, [line(c.main, 'BREAK')]));
            await stopped(c, s, 0);
            c.rm('go.sum');
            const before = { src: tree(c.src), mod: tree(c.mod, { times: false }) };
            const from = s.messages.length;
            await s.send('restart', { arguments: args }, { timeout: LAUNCH_MS });
            await stopped(c, s, from);
            await s.finish({ terminateDebuggee: true });
            assert.match(s.shown, /missing go\.sum entry/);
            assert.match(s.shown, /^\+ ?example\.com\/dep v1\.0\.0 h1:/m);
            assertTreeKept(c, before.src);
            assertCacheKept(c, before.mod);
          } finally {
            await c.close();
          }
        });
      }
      for (const t of list) w.test(`${t.name}: ${t.ends}`, { skip: t.skip?.() ?? false }, () => through(w, w.setups.get(t.name)));
    });
  }
});
