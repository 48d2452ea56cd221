// Damage in the module cache: mended for good, on what go.mod says, and never by what is not ours to change.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { LAUNCH_MS, goCaches, line, suite } from './harness.mjs';
import { CHECKS, recordedGo } from './lib/go.mjs';
import { Graph, Setup } from './lib/modgraph.mjs';
import { cases } from './lib/modgraph-damage.mjs';
import { tree } from './lib/tree.mjs';

const LIST = cases();
const REFUSED_MS = 60_000; // the longest that a launch which nothing mends may take, on a busy machine

/** A set-up whose go is another user while it builds, if it wants that. */
class Damaged extends Setup {
  constructor(graph, test, w) {
    super(graph, test);
    this.w = w;
  }

  asNobody() {
    const real = this.w.go.path;
    fs.mkdirSync(path.join(this.dir, 'bin'));
    execFileSync('chown', ['-R', '65534', this.mod]);
    for (let dir = this.dir; dir !== '/tmp' && dir !== '/'; dir = path.dirname(dir)) fs.chmodSync(dir, 0o755);
    fs.writeFileSync(this.goPath, `#!/bin/sh
case "$1" in
build) mkdir -p -m 777 '${this.dir}/nobody'; exec setpriv --reuid=65534 --regid=65534 --clear-groups env GOTMPDIR=/tmp GOCACHE='${this.dir}/nobody' '${this.w.realGo}' "$@" ;;
esac
exec '${real}' "$@"
`, { mode: 0o755 });
  }

  get goPath() {
    return path.join(this.dir, 'bin/go');
  }
}

async function prepare(w) {
  const { GOCACHE } = await goCaches();
  w.graph = new Graph(w.at('graph'), GOCACHE);
  w.go = await recordedGo(w.at('go'));
  w.realGo = /exec '(.*)' "\$@"/.exec(fs.readFileSync(w.go.path, 'utf8'))[1];
  w.setups = new Map();
  w.options.targets = {};
  for (const [i, t] of LIST.entries()) {
    const c = new Damaged(w.graph, t, w);
    c.target = `damage-${i}`;
    w.setups.set(t.name, c);
    w.options.targets[c.target] = {
      go: { GOCACHE: c.gocache, GOMODCACHE: c.mod, path: t.name === 'own-closed-directory' ? c.goPath : w.go.path, env: c.goEnv },
      ...(t.recover ? { recover: t.recover } : {}),
    };
  }
}

async function stopped(c, s, from) {
  const event = await s.stop({ from, reason: 'breakpoint' });
  const frame = await s.top(event.body.threadId);
  assert.equal(frame.line, line(c.main, 'BREAK'));
  for (const [name, value] of Object.entries(c.test.values)) {
    const { body } = await s.send('evaluate', { expression: name, frameId: frame.id, context: 'watch' });
    assert.equal(body.result, String(value), `${name}: another version than go.mod's was built`);
  }
}

/** Restarts, and returns what was shown meanwhile. */
async function restart(c, s) {
  const from = s.messages.length, shown = s.shown.length;
  await s.send('restart', { arguments: c.launchArgs }, { timeout: LAUNCH_MS });
  await stopped(c, s, from);
  return s.shown.slice(shown);
}

function assertMended(c, shown) {
  assert.match(shown, c.test.said);
  assert.match(shown, /^done: /m);
  assert.match(shown, c.test.done);
  if (c.test.shown) assert.match(shown, c.test.shown);
}

async function mended(c, s) {
  const before = { src: tree(c.src), mod: tree(c.mod, { times: false }) };
  await s.launch(c.launchArgs, () => s.breakpoints(c.main, [line(c.main, 'BREAK')]));
  await stopped(c, s, 0);
  if (c.test.later) {
    assert.doesNotMatch(s.shown, /^done: /m);
    c.test.later(c);
    assertMended(c, await restart(c, s));
  } else {
    assertMended(c, s.shown);
  }
  // What is for good needs no remedy a second time; a fresh cache begins anew.
  const again = await restart(c, s);
  if (!c.test.fresh) assert.doesNotMatch(again, /^done: /m);
  await s.finish({ terminateDebuggee: true });
  assert.deepEqual(tree(c.src), before.src, 'the tree of the user was written to');
  if (c.test.fresh) assert.deepEqual(tree(c.mod, { times: false }), before.mod, 'the module cache was written to');
}

async function refused(c, s) {
  const before = tree(c.mod, { times: false });
  await s.initialize();
  const error = await s.refused('launch', c.launchArgs, { timeout: REFUSED_MS });
  assert.match(error.text, c.test.said);
  await s.send('disconnect');
  s.close();
  const now = tree(c.mod, { times: false });
  for (const [name, was] of Object.entries(before)) if (!/(^|\/)(lock|[^/]*\.lock)$/.test(name)) assert.equal(now[name], was, `${name} in the module cache`);
}

suite('damage in the module cache', { prepare }, (w) => {
  for (const t of LIST) {
    w.test(`${t.name}: ${t.ends}`, { skip: t.skip?.() ?? false }, async () => {
      const c = w.setups.get(t.name);
      await c.make();
      try {
        w.go.forget();
        const s = await w.session({ port: w.config.targets[c.target].listen });
        await (t.ends === 'fails' ? refused(c, s) : mended(c, s));
        await w.nothingLeft();
        for (const call of w.go.list()) {
          assert.deepEqual(call.checks, CHECKS, `what Go checks was loosened: ${call.args}`);
          assert.doesNotMatch(call.args, /^clean\b.*-modcache/);
        }
        if (t.ends === 'mended' && t.rebuilt !== false) {
          const { code, text } = c.build();
          assert.equal(code, 0, `the user's own build: ${text}`);
        }
      } finally {
        await c.close();
      }
    });
  }
});
