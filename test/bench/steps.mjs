// At a stop: straight to Delve, through `ssh -N -L`, through `ssh -L` with a session open on the same connection (sshd
// turns Nagle's algorithm off only then), and through delvegate, over ssh and on this machine.
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { Client } from '../demo/client.mjs';
import { freePort } from '../e2e/lib/port.mjs';
import * as proc from '../e2e/lib/proc.mjs';
import { HOST } from '../e2e/lib/sshd.mjs';
import { Rig, SOURCE, STOP_LINE, mib, ms, print, quantile, timed } from './rig.mjs';

const ROUND_TRIPS = 400;
const STEPS = 60;
const LARGE = 10; // times the large variable is asked for
const OUTPUT_MIB = 64;
const COLUMNS = ['straight', 'ssh -N -L', 'ssh -L, session', 'delvegate', 'delvegate, local'];

/** What is measured at a stop, on any way to Delve. */
async function measure(client, request, args) {
  await client.start(request, args, { [SOURCE]: [STOP_LINE] });
  const { threadId } = await client.event('stopped');
  await client.request('setBreakpoints', { source: { path: SOURCE }, breakpoints: [] });
  const trips = await timed(ROUND_TRIPS, () => client.request('threads'));
  const { variables } = await client.where(threadId);
  const { variablesReference } = variables.find((v) => v.name === 'numbers');
  let bytes = 0;
  const large = await timed(LARGE, async () => {
    const body = await client.request('variables', { variablesReference, filter: 'indexed', start: 0, count: 10000 });
    bytes = JSON.stringify(body).length;
  });
  const steps = await timed(STEPS, async () => {
    const stopped = client.event('stopped');
    await client.request('next', { threadId });
    await stopped;
  });
  return {
    'round trip, ms': `${ms(quantile(trips, 0.5))} (p90 ${ms(quantile(trips, 0.9))})`,
    'next to stopped, ms': `${ms(quantile(steps, 0.5))} (p90 ${ms(quantile(steps, 0.9))})`,
    'large variables, ms': `${ms(quantile(large, 0.5))} (${(bytes / 1e6).toFixed(2)} MB)`,
  };
}

class Steps {
  constructor(rig) {
    this.rig = rig;
    this.rows = {};
  }

  note(column, figures) {
    for (const [row, figure] of Object.entries(figures)) (this.rows[row] ??= {})[column] = figure;
  }

  async session(column, port, child) {
    const client = await Client.open(port);
    this.note(column, await measure(client, 'attach', { mode: 'remote' }));
    await client.request('disconnect', { terminateDebuggee: true }).catch(() => {}); // dlv may exit before it answers
    client.close();
    await child.end();
  }

  async straight() {
    const { child, port } = await this.rig.dlv();
    await this.session('straight', port, child);
  }

  async forwarded(column, args, command) {
    const { child, port } = await this.rig.dlv();
    const local = await freePort();
    const ssh = this.rig.spawn(path.join(this.sshd.bin, 'ssh'), ['-v', ...args, '-L', `${local}:127.0.0.1:${port}`, HOST, ...command]);
    await ssh.wait(command.length ? /Sending command/ : /Entering interactive session/);
    await this.session(column, local, child);
    this.note(column, { 'resident with a session, MiB': mib(proc.residentBytes(ssh.pid)) });
    ssh.kill();
    await ssh.end();
  }

  async throughDelvegate(column, sshd) {
    const daemon = await this.rig.daemon(sshd);
    this.note(column, { 'resident at rest, MiB': mib(proc.residentBytes(daemon.pid)) });
    const client = await Client.open(daemon.port);
    this.note(column, await measure(client, 'launch', { mode: 'exec', program: this.rig.binary }));
    this.note(column, { 'resident with a session, MiB': mib(proc.residentBytes(daemon.pid)) });
    await client.request('disconnect', { terminateDebuggee: true });
    client.close();

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
    await this.rig.endDaemon(daemon);
  }

  async run() {
    this.sshd = await this.rig.startSshd();
    await this.straight();
    await this.forwarded('ssh -N -L', ['-N'], []);
    // The session's command reads until ssh goes.
    await this.forwarded('ssh -L, session', [], ['cat']);
    await this.throughDelvegate('delvegate', this.sshd);
    await this.throughDelvegate('delvegate, local', null);
  }

  print() {
    print('At a stop', [['', ...COLUMNS], ...Object.entries(this.rows).map(([row, cells]) => [row, ...COLUMNS.map((c) => cells[c])])]);
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
