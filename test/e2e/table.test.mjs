// What an sshd or a program may be like without anybody paying for it: few sessions a connection, new keys all the time,
// a large environment, a flood of build output, a daemon that keeps its stdout.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { before } from 'node:test';
import { LAUNCH_MS, TEST_MS, build, line, proc, program, run, suite, until } from './harness.mjs';

const TOOL = program('tool');
const MAIN = path.join(TOOL, 'main.go');
const AT_ONCE = 4;
const KB = 1000;
const MANY = 20;
const DESCRIPTORS = 64; // a soft limit
const EACH = 12; // descriptors of the supervisor for a session, at most
const ENVIRONMENT = 280 * KB;
const ONE_VALUE = 100 * KB;
const BUILD_OUTPUT = 40 * KB * KB;
const LINE = 100; // bytes
const PRINTED = 4 * KB * KB; // before the next session: many times RekeyLimit
const DAEMONS = 4;
const FLOOD = 100 * KB * KB;
const GROWTH_MAX = 60 * KB * KB; // with room for the sanitizers' own book-keeping
const IDLE_MS = 1000;

async function ticking(w, args = { program: TOOL }) {
  const s = await w.session();
  await s.launch({ ...args, args: ['loop'] }, () => s.breakpoints(MAIN, [line(MAIN, 'TICK')]));
  await s.stop({ reason: 'breakpoint' });
  return s;
}

suite('few sessions a connection', { transports: ['ssh'], concurrency: 2 }, (w) => {
  for (const most of [1, 2, 3, 4, 6]) {
    w.test(`MaxSessions ${most}: ${AT_ONCE} launches at the same moment, again and again`, async (t) => {
      const own = await w.fresh(t, { sshd: { options: [`MaxSessions ${most}`] } });
      for (let round = 0; round < 2; round++) {
        const list = await Promise.all(Array.from({ length: AT_ONCE }, () => ticking(own)));
        for (const s of list) await s.step('continue');
        await Promise.all(list.map((s) => s.finish({ terminateDebuggee: true })));
      }
      assert.equal(own.sshd.connections().length, 1);
      await own.nothingLeft();
    });
  }
});

suite('many sessions', { clients: [], transports: ['ssh'], sshd: { options: ['MaxSessions 1'] } }, (w) => {
  let binary;
  before(async () => { binary = await build('tool', w.at('tool')); });

  w.test(`${MANY} sessions over one connection, with a limit of ${DESCRIPTORS} descriptors a process`, async () => {
    const { code, stderr } = await run('prlimit', ['--pid', String(w.sshd.child.pid), `--nofile=${DESCRIPTORS}:`]);
    assert.equal(code, 0, stderr);
    const list = [];
    while (list.length < MANY) {
      list.push(...await Promise.all(Array.from({ length: AT_ONCE }, () => ticking(w, { mode: 'exec', program: binary }))));
    }
    assert.equal(w.sshd.connections().length, 1);
    const most = Math.max(...w.supervisors().map(proc.descriptors));
    assert.ok(most > DESCRIPTORS, `${most} descriptors say nothing of the limit`);
    assert.ok(most < MANY * EACH, `${most} descriptors for ${MANY} sessions`);
    for (const s of list) await s.step('continue');
    // What is started has the limit that the login has.
    const last = await ticking(w, { mode: 'exec', program: binary, delvegate: { prelaunch: [{ command: 'echo the limit is $(ulimit -n)' }] } });
    assert.match(last.shown, new RegExp(`^the limit is ${DESCRIPTORS}$`, 'm'));
    list.push(last);
    await Promise.all(list.map((s) => s.finish({ terminateDebuggee: true })));
  });
});

suite('new keys all the time', { clients: [], transports: ['ssh'], concurrency: 2 }, (w) => {
  for (const limit of ['100K', '500K']) {
    w.test(`RekeyLimit ${limit} beside a printing program: the next sessions work, and nothing is lost`, async (t) => {
      const own = await w.fresh(t, { sshd: { options: [`RekeyLimit ${limit}`] } });
      const printing = await own.session();
      let [bytes, next, rest, wrong] = [0, 0, '', ''];
      printing.onOutput = (category, text) => {
        if (category !== 'stdout') return;
        bytes += text.length;
        const lines = (rest + text).split('\n');
        rest = lines.pop();
        for (const l of lines) {
          if (/^printing/.test(l)) continue;
          if (Number(l) !== next && !wrong) wrong = `line ${next} is ${l}`;
          next += 1;
        }
      };
      await printing.launch({ program: TOOL, args: ['print', '100'] });
      for (let round = 1; round <= 3; round++) {
        await until('output', () => bytes > round * PRINTED, { timeout: LAUNCH_MS });
        const s = await ticking(own);
        await s.step('continue');
        await s.finish({ terminateDebuggee: true });
      }
      assert.equal(wrong, '');
      await printing.finish({ terminateDebuggee: true });
      assert.equal(own.sshd.connections().length, 1);
    });
  }
});

suite('much', { daemonEnv: { ASAN_OPTIONS: 'detect_leaks=1:quarantine_size_mb=4' } }, (w) => {
  w.test(`${ENVIRONMENT / KB} KB of environment, ${ONE_VALUE / KB} KB of it one value, reach the program`, async () => {
    const env = { LARGE: 'l'.repeat(ONE_VALUE) };
    for (let i = 0, size = ONE_VALUE; size < ENVIRONMENT; i++, size += KB) env[`VALUE_${i}`] = `${i} '"$\\ `.padEnd(KB, 'é');
    const s = await w.session();
    await s.launch({ program: TOOL, args: ['report'], env });
    await s.event('terminated', { timeout: 30_000 });
    const said = new Set(JSON.parse(s.outputs.stdout).env);
    for (const [name, value] of Object.entries(env)) assert.ok(said.has(`${name}=${value}`), name);
    await s.finish();
  });

  /** Launches a program whose linker prints so much and then does `last`; returns how many lines of it were shown, in order. */
  async function flooded(s, bytes, last) {
    const script = path.join(fs.mkdtempSync(w.at('tmp/flood-')), 'flood');
    fs.writeFileSync(script, `#!/bin/sh
case "$*" in *-V=full*) exec "$@" ;; esac
case $1 in */link) seq -f 'build output %0${LINE - 14}.0f' ${bytes / LINE} >&2; ${last} ;; esac
exec "$@"
`, { mode: 0o755 });
    let [rest, next, wrong] = ['', 1, ''];
    s.onOutput = (category, text) => {
      if (category === 'stdout') return;
      const lines = (rest + text).split('\n');
      rest = lines.pop();
      for (const l of lines) {
        const [, number] = /^build output (\d+)$/.exec(l) ?? [];
        if (number === undefined) continue;
        if (Number(number) !== next && !wrong) wrong = `line ${next} is ${l}`;
        next += 1;
      }
    };
    const how = await s.launch({ program: TOOL, args: ['quiet'], buildFlags: `-toolexec=${script}` }).catch((error) => error);
    assert.equal(wrong, '');
    return { shown: (next - 1) * LINE, how };
  }

  w.test(`${BUILD_OUTPUT / KB / KB} MB of build output are shown, every line`, async () => {
    const s = await w.session();
    const { shown } = await flooded(s, BUILD_OUTPUT, ':');
    await s.event('terminated', { timeout: TEST_MS });
    assert.equal(shown, BUILD_OUTPUT);
    await s.finish();
  });

  w.test('a build that fails behind much output has it shown, every line', async () => {
    const s = await w.session();
    const { shown, how } = await flooded(s, KB * KB, 'exit 1');
    assert.ok(how instanceof Error, 'it was launched');
    assert.equal(shown, KB * KB);
    await s.send('disconnect');
    s.close();
  });

  w.test('a client that does not read holds up the step before the launch, not memory', async () => {
    const s = await w.session();
    let shown = 0;
    s.onOutput = (category, text) => { shown += (text.match(/^flood/gm) ?? []).length; };
    const atRest = proc.residentBytes(w.daemon.pid);
    await s.initialize();
    const launched = s.ask('launch', {
      mode: 'debug', program: TOOL, args: ['quiet'], stopOnEntry: true,
      delvegate: { prelaunch: [{ command: `seq -f 'flood %0${LINE - 7}.0f' ${FLOOD / LINE}` }] },
    }, { timeout: TEST_MS });
    await until('output', () => shown > 0);
    s.socket.pause();
    let [ticks, since] = [-1, 0];
    await until('delvegate to wait for its client', () => {
      const now = proc.cpuTicks(w.daemon.pid);
      if (now !== ticks) [ticks, since] = [now, Date.now()];
      return Date.now() - since > IDLE_MS;
    }, { timeout: TEST_MS });
    const grown = proc.residentBytes(w.daemon.pid) - atRest;
    s.socket.resume();
    await s.event('initialized', { timeout: TEST_MS });
    await s.send('configurationDone');
    assert.equal((await launched).success, true);
    assert.equal(shown, FLOOD / LINE);
    assert.ok(grown < GROWTH_MAX, `delvegate grew by ${grown / KB / KB} MB`);
    await s.finish({ terminateDebuggee: true });
  });
});

suite('daemons', { clients: [] }, (w) => {
  const descriptors = (pid) => fs.readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return fs.readlinkSync(`/proc/${pid}/fd/${fd}`).replace(/\[\d+\]/, '');
    } catch {
      return 'closed meanwhile';
    }
  }).sort();
  /** What is ours, at both ends: processes and, of each, the descriptors. */
  const ours = () => Object.fromEntries([w.daemon.pid, ...w.supervisors(), ...(w.sshd?.connections() ?? [])].map((pid) => [pid, descriptors(pid)]));
  const leave = async (t) => {
    const s = await w.session();
    await s.launch({ program: TOOL, args: ['daemon', '600'] });
    await s.event('terminated', { timeout: 30_000 });
    const [, pid] = /child (\d+)/.exec(s.outputs.stdout);
    w.spared.add(Number(pid)); // it is the user's
    t.after(() => { if (proc.alive(Number(pid))) process.kill(Number(pid), 'SIGKILL'); });
    await s.finish();
    return Number(pid);
  };

  w.test('a program that leaves a daemon with its stdout leaves nothing of ours', async (t) => {
    await leave(t);
    await w.nothingLeft();
    const before = ours();
    const daemons = [];
    for (let i = 0; i < DAEMONS; i++) daemons.push(await leave(t));
    await w.nothingLeft();
    const isAsBefore = () => Object.entries(ours()).every(([pid, open]) => JSON.stringify(open) === JSON.stringify(before[pid]));
    await until('nothing but what was before', isAsBefore, { explain: () => JSON.stringify([before, ours()], null, 1) });
    for (const pid of daemons) assert.ok(proc.alive(pid), 'a daemon was ended: it is the user\'s');
  });
});
