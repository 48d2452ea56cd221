// Much of something: a large environment, a flood of build output.
import fs from 'node:fs';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { Client } from '../e2e/demo/client.mjs';
import { HOST } from '../e2e/lib/sshd.mjs';
import { f5 } from './f5.mjs';
import { PROGRAM, elapsed, median, print } from './rig.mjs';

const KB = 1000;
const MB = KB * KB;
const TIMES = 5;
const ENVIRONMENT = 280 * KB;
const ONE_VALUE = 100 * KB;
const FLOOD = 40 * MB;
const LINE = 100; // bytes

function largeEnvironment() {
  const env = { LARGE: 'l'.repeat(ONE_VALUE) };
  for (let i = 0, size = ONE_VALUE; size < ENVIRONMENT; i++, size += KB) env[`VALUE_${i}`] = 'v'.repeat(KB);
  return env;
}

async function environment(rig, sshd) {
  const daemon = await rig.daemon(sshd);
  const launches = { 'as it is': {}, [`${ENVIRONMENT / KB} KB more, one value of ${ONE_VALUE / KB} KB`]: { env: largeEnvironment() } };
  const took = Object.fromEntries(Object.keys(launches).map((name) => [name, []]));
  const launch = (more) => f5(daemon.port, 'vscode', 'launch', { mode: 'debug', program: PROGRAM, ...more });
  await launch({}); // connects
  for (let i = 0; i < TIMES; i++) for (const [name, more] of Object.entries(launches)) took[name].push(await launch(more));
  await rig.endDaemon(daemon);
  print(`Launch to the first stop over ssh on loopback, warm, by the environment, of ${TIMES}`, [['', 'median', 'least'],
    ...Object.entries(took).map(([name, all]) => [name, `${Math.round(median(all))} ms`, `${Math.round(Math.min(...all))} ms`])]);
}

const flood = `seq -f 'build output %0${LINE - 14}.0f' ${FLOOD / LINE}`;

/** MB/s from the first line to the last, of a build whose linker says so much. */
async function built(rig, sshd) {
  const script = path.join(rig.root, 'flood');
  fs.writeFileSync(script, `#!/bin/sh
case "$*" in *-V=full*) exec "$@" ;; esac
case $1 in */link) ${flood} >&2 ;; esac
exec "$@"
`, { mode: 0o755 });
  const daemon = await rig.daemon(sshd);
  const client = await Client.open(daemon.port);
  let [bytes, first, last] = [0, 0, 0];
  client.onOutput = (category, text) => {
    const lines = text.match(/^build output/gm);
    if (!lines) return;
    last = performance.now();
    first ||= last;
    bytes += lines.length * LINE;
  };
  await client.start('launch', { mode: 'debug', program: PROGRAM, args: ['0'], buildFlags: `-toolexec=${script}` }, {});
  await client.event('terminated');
  await client.request('disconnect', {});
  client.close();
  await rig.endDaemon(daemon);
  return bytes === FLOOD ? `${(FLOOD / MB / (last - first) * 1000).toFixed(0)} MB/s` : `lost ${FLOOD - bytes} bytes`;
}

async function buildOutput(rig, sshd) {
  const took = await elapsed(async () => {
    const ssh = rig.spawn('sh', ['-c', `exec ${path.join(sshd.bin, 'ssh')} ${HOST} "${flood}" >/dev/null`]);
    await ssh.end();
  });
  print(`${FLOOD / MB} MB of build output`, [['ssh HOST, with its login', `${(FLOOD / MB / took * 1000).toFixed(0)} MB/s`],
    ['delvegate, ssh', await built(rig, sshd)], ['delvegate, local', await built(rig, null)]]);
}

export async function load(rig) {
  const sshd = await rig.startSshd();
  await environment(rig, sshd);
  await buildOutput(rig, sshd);
}
