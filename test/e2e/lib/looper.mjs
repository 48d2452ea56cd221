// A process that a session attaches to: the tool's endless loop, and the proof that it goes on.
import fs from 'node:fs';
import * as proc from './proc.mjs';
import { until } from './until.mjs';
import { build } from './world.mjs';

const SCOPE = '/proc/sys/kernel/yama/ptrace_scope';
// With 1 an ordinary user may trace only what it has started, 2 is for root alone, 3 for nobody.
const scope = fs.existsSync(SCOPE) ? Number(fs.readFileSync(SCOPE, 'utf8')) : 0;
export const byPid = { skip: scope > (process.getuid() === 0 ? 2 : 0) && `ptrace_scope is ${scope}` };

/** Starts the tool's endless loop, and waits until it runs. */
export async function looping(w) {
  w.binary ??= await build('tool', w.at('tmp/looper'));
  const child = w.spawn(w.binary, ['loop'], { name: 'looper' });
  await child.wait(/looping/, { stream: 'stdout' });
  return child;
}

/** Whether the process goes on using the CPU or sleeping and waking: it runs, and no trap stops it. */
export async function goesOn(pid) {
  // Of all threads: Go may park any one of them, the first too.
  const switches = () => fs.readdirSync(`/proc/${pid}/task`).reduce((sum, tid) => sum + Number(proc.status(`${pid}/task/${tid}`, 'voluntary_ctxt_switches') ?? 0), 0);
  await until(`process ${pid} not to be traced`, () => proc.status(pid, 'TracerPid') === '0'); // detaching follows the answer
  const before = switches();
  await until(`process ${pid} to go on`, () => proc.alive(pid) && switches() > before + 20);
}
