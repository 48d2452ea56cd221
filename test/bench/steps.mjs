// At a stop: straight to Delve, through `ssh -N -L`, through `ssh -L` with a session open on the same connection (sshd
// turns Nagle's algorithm off only then), and through delvegate, over ssh and on this machine. All of them stand at the
// same line at the same time, and take turns: whatever else the machine does is there for each.
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { Client } from '../e2e/demo/client.mjs';
import { freePort } from '../e2e/lib/port.mjs';
import * as proc from '../e2e/lib/proc.mjs';
import { HOST } from '../e2e/lib/sshd.mjs';
import { Rig, SOURCE, STOP_LINE, elapsed, median, mib, ms, print, quantile } from './rig.mjs';

const ROUND_TRIPS = 400;
const STEPS = 100;
const LARGE = 10; // times the large variable is asked for
const OUTPUT_MIB = 64;
const COLUMNS = ['straight', 'ssh -N -L', 'ssh -L, session', 'delvegate', 'delvegate, local'];

const spread = (samples) => `${ms(median(samples))} (${ms(quantile(samples, 0.1))}-${ms(quantile(samples, 0.9))})`;

/** A client at its first stop, on one way to Delve. */
class Way {
  static async open(name, port, request, args) {
    const way = new Way();
    way.name = name;
    way.samples = { trips: [], steps: [], large: [] };
    way.client = await Client.open(port);
    await way.client.start(request, args, { [SOURCE]: [STOP_LINE] });
    way.thread = (await way.client.event('stopped')).threadId;
    await way.client.request('setBreakpoints', { source: { path: SOURCE }, breakpoints: [] });
    return way;
  }

  async trip() {
    this.samples.trips.push(await elapsed(() => this.client.request('threads')));
  }

  async look() {
    const { variables } = await this.client.where(this.thread);
    const { variablesReference } = variables.find((v) => v.name === 'numbers');
    this.samples.large.push(await elapsed(async () => {
      const body = await this.client.request('variables', { variablesReference, filter: 'indexed', start: 0, count: 10000 });
      this.large = JSON.stringify(body).length;
    }));
  }

  async step() {
    this.samples.steps.push(await elapsed(async () => {
      const stopped = this.client.event('stopped');
      await this.client.request('next', { threadId: this.thread });
      await stopped;
    }));
  }

  figures() {
    const { trips, steps, large } = this.samples;
    return {
      'round trip, ms': spread(trips),
      'next to stopped, ms': spread(steps),
      'large variables, ms': `${ms(median(large))} (${(this.large / 1e6).toFixed(2)} MB)`,
    };
  }

  async close() {
    await this.client.request('disconnect', { terminateDebuggee: true }).catch(() => {}); // dlv may exit before it answers
    this.client.close();
  }
}

class Steps {
  constructor(rig) {
    this.rig = rig;
    this.rows = {};
    this.ways = [];
  }

  note(column, figures) {
    for (const [row, figure] of Object.entries(figures)) (this.rows[row] ??= {})[column] = figure;
  }

  async straight() {
    const { port } = await this.rig.dlv();
    this.ways.push(await Way.open('straight', port, 'attach', { mode: 'remote' }));
  }

  async forwarded(column, args, command) {
    const { port } = await this.rig.dlv();
    const local = await freePort();
    const ssh = this.rig.spawn(path.join(this.sshd.bin, 'ssh'), ['-v', ...args, '-L', `${local}:127.0.0.1:${port}`, HOST, ...command]);
    await ssh.wait(command.length ? /Sending command/ : /Entering interactive session/);
    this.ways.push(await Way.open(column, local, 'attach', { mode: 'remote' }));
    this.ways.at(-1).pid = ssh.pid;
  }

  async through(column, daemon) {
    this.ways.push(await Way.open(column, daemon.port, 'launch', { mode: 'exec', program: this.rig.binary }));
    this.ways.at(-1).pid = daemon.pid;
  }

  async inTurn(times, action) {
    for (let i = 0; i < times; i++) for (const way of this.ways) await action(way);
  }

  async output(column, daemon) {
    const printer = await Rig.counting(daemon.port);
    await printer.start('launch', { mode: 'exec', program: this.rig.binary, args: [String(OUTPUT_MIB)] }, {});
    await printer.event('terminated');
    const seconds = (performance.now() - printer.firstAt) / 1000;
    const lost = (OUTPUT_MIB << 20) - printer.printed;
    this.note(column, {
      'program output, MiB/s': lost === 0 ? (OUTPUT_MIB / seconds).toFixed(1) : `lost ${lost} bytes`,
      'resident after output, MiB': mib(proc.residentBytes(daemon.pid)),
    });
    await printer.request('disconnect', {});
    printer.close();
  }

  async run() {
    this.sshd = await this.rig.startSshd();
    const daemons = { delvegate: await this.rig.daemon(this.sshd), 'delvegate, local': await this.rig.daemon(null) };
    const atRest = Object.entries(daemons).map(([column, { pid }]) => [column, mib(proc.residentBytes(pid))]);
    await this.straight();
    await this.forwarded('ssh -N -L', ['-N'], []);
    // The session's command reads until ssh goes.
    await this.forwarded('ssh -L, session', [], ['cat']);
    for (const [column, daemon] of Object.entries(daemons)) await this.through(column, daemon);
    await this.inTurn(ROUND_TRIPS, (way) => way.trip());
    await this.inTurn(LARGE, (way) => way.look());
    await this.inTurn(STEPS, (way) => way.step());
    for (const [column, figure] of atRest) this.note(column, { 'resident at rest, MiB': figure });
    for (const way of this.ways) {
      this.note(way.name, way.figures());
      if (way.pid) this.note(way.name, { 'resident with a session, MiB': mib(proc.residentBytes(way.pid)) });
      await way.close();
    }
    for (const [column, daemon] of Object.entries(daemons)) {
      await this.output(column, daemon);
      await this.rig.endDaemon(daemon);
    }
  }

  print() {
    print('At a stop, in brackets the 10th and 90th percentile', [['', ...COLUMNS],
      ...Object.entries(this.rows).map(([row, cells]) => [row, ...COLUMNS.map((c) => cells[c])])]);
  }
}

export async function steps(rig) {
  const part = new Steps(rig);
  try {
    await part.run();
  } finally {
    part.print();
  }
}
