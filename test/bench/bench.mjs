// What delvegate costs, beside what it is compared with in the same run. Asserts nothing.
//   node test/bench/bench.mjs build/delvegate [PART...]
import { f5s } from './f5.mjs';
import { load } from './load.mjs';
import { Rig } from './rig.mjs';
import { sessions } from './sessions.mjs';
import { steps } from './steps.mjs';

const LIMIT_MS = 900_000; // of a part
const PARTS = { steps, f5: f5s, load, sessions };
const USUAL = ['steps', 'f5', 'load'];

const [delvegate, ...named] = process.argv.slice(2);
const parts = named.length ? named : USUAL;
if (!delvegate || parts.some((name) => !(name in PARTS))) {
  process.stderr.write(`usage: bench.mjs PATH-OF-DELVEGATE [${Object.keys(PARTS).join('|')}]...\n`);
  process.exit(2);
}
const rig = new Rig(delvegate);
process.on('exit', () => rig.remove());

async function limited(name) {
  let late;
  const limit = new Promise((_, reject) => {
    late = setTimeout(() => reject(new Error(`${name} took longer than ${LIMIT_MS / 1000} s`)), LIMIT_MS);
  });
  try {
    await Promise.race([limit, PARTS[name](rig)]);
  } finally {
    clearTimeout(late);
  }
}

try {
  await rig.describe();
  await rig.prepare();
  for (const name of parts) await limited(name);
} catch (error) {
  process.exitCode = 1;
  process.stderr.write(`bench: ${error.message}\n`);
} finally {
  await rig.clear();
}
