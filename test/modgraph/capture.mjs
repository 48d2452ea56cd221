// Makes the set-ups of the second set with one go, and writes down what go says to each, the facts of the machine, and
// which safe remedies mend it: node test/modgraph/capture.mjs [--go GOROOT] [-o FILE] [--only REGEX] [--lanes N]
// [--seed GOCACHE] [--again]. A build cache that has the standard library makes it begin sooner. FILE is
// test/modgraph/second-goVERSION.jsonl, - stdout; FILE.part keeps what was captured before it was cut short; --again: all but
// what mends those is captured once more.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { factsOf } from './facts.mjs';
import { Ground, isRoot, removeAll } from './ground.mjs';
import { REMEDIES, tried } from './remedies.mjs';
import { SETUPS } from './setups/all.mjs';

const { values: options } = parseArgs({ options: {
  go: { type: 'string' }, output: { type: 'string', short: 'o' }, only: { type: 'string', default: '.' }, lanes: { type: 'string', default: '2' }, seed: { type: 'string' }, again: { type: 'boolean' },
} });

/** The same text with paths that are nobody's. */
function neutral(c, value) {
  if (Array.isArray(value)) return value.map((v) => neutral(c, v));
  if (value && typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([k, v]) => [neutral(c, k), neutral(c, v)]));
  if (typeof value !== 'string') return value;
  const real = fs.realpathSync(path.join(c.ground.goroot, 'src'));
  return [[c.home, '/home/me'], [c.proxy, '/srv/proxy'], [c.binary, '/tmp/built'], [c.ground.gocache, '/home/me/.cache/go-build'], [c.dir, '/home'], [c.goroot, '/usr/local/go'], [c.ground.goroot, '/usr/local/go'], [real, '/usr/local/go/src']]
    .reduce((text, [from, to]) => text.split(from).join(to), value)
    .replace(/(?<=127\.0\.0\.1:)\d{2,5}/g, '40000').replace(/\bgo-build\d+/g, 'go-build1').replace(/\/tmp\/cgo-gcc-input-\d+/g, '/tmp/cgo-gcc-input-1');
}

function plain(facts) {
  return Object.fromEntries(Object.entries(facts).filter(([name]) => !/^env\.(GOCACHE|GOSUMDB)$/.test(name)));
}

/** known: what is known of the remedies, from an earlier capture. */
async function capture(ground, test, known) {
  const c = await ground.sandbox(test);
  let row;
  try {
    const { code, text } = await c.build();
    const said = code === 0 ? await c.says() : '';
    if (code === 0 && test.mode !== 'test' && !said.includes(test.says)) throw new Error(`${test.name} builds with other versions than go.mod has: ${said}`);
    const { facts, main, modules, imports, files } = await factsOf(c, text);
    row = neutral(c, {
      case: test.name, outcome: code === 0 ? 'BUILT' : 'FAILED', rc: code, out: code === 0 ? `${text}${LISTENING}` : text,
      launch: { mode: test.mode ?? 'debug', program: c.program, ...(c.buildFlags && { buildFlags: c.buildFlags }), ...(test.launchEnv && { env: c.launchEnv }) },
      kinds: [], acceptable: [], works: [], vain: [], facts: plain(facts), main, modules, imports, files,
    });
  } finally {
    await c.remove();
  }
  if (known) return { ...row, works: known.works, vain: known.vain };
  for (const name of row.outcome === 'FAILED' ? Object.keys(REMEDIES) : []) {
    const how = await tried(ground, test, name);
    if (how === 'mends') row.works.push(name);
    if (how === 'vain') row.vain.push(name);
  }
  return row;
}

const LISTENING = 'API server listening at: 127.0.0.1:40000\n'; // as dlv goes on when the build has worked
const STRIDE = 101; // a prime
const OPEN = JSON.stringify({ state: 'open', owner: isRoot ? 'nobody' : os.userInfo().username });

/** What most rows have in common is said once, in the first line; a row says what differs, null where it lacks it, and
 * which of the modules it lacks. `works`: the remedies that mend it; `vain`: those that were carried out and did not; all
 * others were refused. */
function compact(ground, rows) {
  const counts = new Map();
  for (const { facts } of rows) for (const fact of Object.entries(facts)) counts.set(JSON.stringify(fact), (counts.get(JSON.stringify(fact)) ?? 0) + 1);
  const common = {};
  for (const [key, n] of counts) if (n * 2 > rows.length) { const [name, v] = JSON.parse(key); common[name] = v; }
  const modules = rows.find((r) => r.case === 'healthy')?.modules ?? [];
  for (const row of rows) {
    const { kinds, acceptable, blind } = SETUPS.find((t) => t.name === row.case);
    Object.assign(row, { kinds, acceptable, blind });
    const differs = Object.entries(row.facts).filter(([name, v]) => JSON.stringify(common[name]) !== JSON.stringify(v));
    const lacks = Object.keys(common).filter((name) => !(name in row.facts)).map((name) => [name, null]);
    row.facts = Object.fromEntries([...differs, ...lacks]);
    const known = new Set(modules.map((m) => JSON.stringify(m)));
    row.lacks = modules.map((m) => m.path).filter((name) => !row.modules.some((m) => m.path === name));
    row.modules = row.modules.filter((m) => !known.has(JSON.stringify(m)));
    for (const key of ['lacks', 'modules']) if (row[key].length === 0) delete row[key];
    for (const name of ['go.mod', 'go.sum']) if (JSON.stringify(row.files[name]) === OPEN) delete row.files[name];
    if (Object.keys(row.imports).length === 0) delete row.imports;
    if (JSON.stringify(row.main) === '["corp.example/shop"]') delete row.main;
  }
  return [{ go: ground.version, remedies: Object.keys(REMEDIES), facts: common, main: ['corp.example/shop'], modules }, ...rows.map(({ go, ...row }) => row)];
}

/** The rows of the set-ups, those in `part` as they are. Those that could not be made, or are not what they say, are `wrong`. */
async function captureAll(ground, wanted, part, wrong) {
  const done = part && fs.existsSync(part) ? fs.readFileSync(part, 'utf8').split('\n').filter(Boolean).map((l) => JSON.parse(l)) : [];
  const rows = wanted.map((test) => done.find((row) => row.case === test.name));
  // Not one concern after the other: what is there when this is cut short is a bit of all.
  const queue = [...wanted.keys()].sort((a, b) => ((a * STRIDE) % wanted.length) - ((b * STRIDE) % wanted.length)).map((i) => [i, wanted[i]]).values();
  await Promise.all(Array.from({ length: Number(options.lanes) }, async () => {
    for (const [i, test] of queue) {
      if (rows[i] && !options.again) continue;
      try {
        rows[i] = await capture(ground, test, rows[i]);
      } catch (error) {
        wrong.push(`${test.name}: ${error.stack}`);
        continue;
      }
      if (part) fs.appendFileSync(part, `${JSON.stringify(rows[i])}\n`);
      process.stderr.write(`${ground.version} ${i + 1}/${wanted.length} ${test.name}: ${rows[i].outcome} ${rows[i].works}; in vain ${rows[i].vain}\n`);
    }
  }));
  return rows.filter(Boolean);
}

async function main() {
  const goroot = options.go ?? execFileSync('go', ['env', 'GOROOT'], { encoding: 'utf8' }).trim();
  if (!isRoot) process.stderr.write('capture: not root: what only root may read is closed to its owner instead\n');
  const root = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'modgraph-')));
  const wrong = [];
  try {
    const ground = await new Ground(root, goroot).make({ seed: options.seed });
    const output = options.output ?? path.join(path.dirname(fileURLToPath(import.meta.url)), `second-go1.${ground.minor}.jsonl`);
    const part = output === '-' ? null : `${output}.part`;
    const rows = await captureAll(ground, SETUPS.filter((t) => new RegExp(options.only).test(t.name)), part, wrong);
    const text = compact(ground, rows).map((row) => `${JSON.stringify(row)}\n`).join('');
    fs.writeFileSync(part ? output : '/dev/stdout', text);
    if (part && wrong.length === 0) fs.rmSync(part, { force: true }); // else what is lacking is captured next time
  } finally {
    removeAll(root);
  }
  for (const text of wrong) process.stderr.write(`${text}\n`);
  if (wrong.length > 0) process.exitCode = 1;
}

await main();
