// A whole debug session of test/e2e/programs/hello from a DAP client: started, stopped at a breakpoint, looked at, ended.
//   node session.mjs PORT PROGRAM [LAUNCH [HOST [SOURCE]]]      prints what was seen as one line of JSON
// PROGRAM is its directory as the client knows it, SOURCE where this reads it; LAUNCH is a file with the launch
// configuration. It needs nothing but node's own, so that it runs in a container too.
import fs from 'node:fs';
import net from 'node:net';

const SESSION_MS = 120_000;
const MARK = '// SUM';
const HEADER_END = '\r\n\r\n';

class Client {
  constructor(port, host) {
    this.seq = 0;
    this.text = Buffer.alloc(0);
    this.waiting = []; // { fits, resolve, reject }
    this.events = [];
    this.output = '';
    this.socket = net.createConnection(port, host);
    this.socket.on('data', (data) => this.receive(data));
    this.socket.on('error', (error) => this.ended(error));
    this.socket.on('close', () => this.ended(new Error('the connection was closed')));
  }

  receive(data) {
    this.text = Buffer.concat([this.text, data]);
    for (;;) {
      const header = this.text.indexOf(HEADER_END);
      if (header < 0) return;
      const start = header + HEADER_END.length;
      const end = start + Number(/Content-Length: (\d+)/.exec(this.text.toString('latin1', 0, header))[1]);
      if (this.text.length < end) return;
      const message = JSON.parse(this.text.toString('utf8', start, end));
      this.text = this.text.subarray(end);
      this.dispatch(message);
    }
  }

  dispatch(message) {
    if (message.event === 'output') this.output += message.body.output;
    const at = this.waiting.findIndex(({ fits }) => fits(message));
    if (at < 0) this.events.push(message);
    else this.waiting.splice(at, 1)[0].resolve(message);
  }

  ended(error) {
    this.error ??= error;
    for (const { reject } of this.waiting.splice(0)) reject(this.error);
  }

  await(fits) {
    const at = this.events.findIndex(fits);
    if (at >= 0) return Promise.resolve(this.events.splice(at, 1)[0]);
    if (this.error) return Promise.reject(this.error);
    return new Promise((resolve, reject) => this.waiting.push({ fits, resolve, reject }));
  }

  event(name) {
    return this.await((m) => m.event === name).then((m) => m.body ?? {});
  }

  async request(command, args) {
    const seq = this.seq += 1;
    const body = JSON.stringify({ seq, type: 'request', command, arguments: args });
    this.socket.write(`Content-Length: ${Buffer.byteLength(body)}${HEADER_END}${body}`);
    const answer = await this.await((m) => m.type === 'response' && m.request_seq === seq);
    if (!answer.success) throw new Error(`${command}: ${answer.body?.error?.format ?? answer.message}`);
    return answer.body ?? {};
  }
}

/** launch: more of launch.json. source: where this process reads the program, when that is not where the client knows it. */
export async function session(port, program, { host = '127.0.0.1', launch = {}, source = program } = {}) {
  const client = new Client(port, host);
  const limit = setTimeout(() => client.socket.destroy(new Error(`no end after ${SESSION_MS} ms`)), SESSION_MS);
  try {
    const line = fs.readFileSync(`${source}/main.go`, 'utf8').split('\n').findIndex((l) => l.includes(MARK)) + 1;
    const path = `${program}/main.go`;
    await client.request('initialize', { adapterID: 'go', pathFormat: 'path', linesStartAt1: true, columnsStartAt1: true });
    const started = client.request('launch', { type: 'go', request: 'launch', mode: 'debug', program, ...launch });
    await Promise.race([client.event('initialized'), started.then(() => new Promise(() => {}))]);
    const { breakpoints } = await client.request('setBreakpoints', { source: { path }, breakpoints: [{ line }] });
    await client.request('configurationDone');
    await started;
    const { reason, threadId } = await client.event('stopped');
    const { stackFrames: [frame] } = await client.request('stackTrace', { threadId, startFrame: 0, levels: 1 });
    const { scopes: [scope] } = await client.request('scopes', { frameId: frame.id });
    const { variables } = await client.request('variables', { variablesReference: scope.variablesReference });
    await client.request('setBreakpoints', { source: { path }, breakpoints: [] });
    await client.request('continue', { threadId });
    const { exitCode } = await client.event('exited');
    await client.request('disconnect', { terminateDebuggee: true });
    return {
      verified: breakpoints[0].verified, reason, wanted: `${path}:${line}`, stopped: `${frame.source.path}:${frame.line}`,
      b: variables.find(({ name }) => name === 'b')?.value, exitCode, output: client.output,
    };
  } catch (error) {
    error.message += `\n${client.output}`;
    throw error;
  } finally {
    clearTimeout(limit);
    client.socket.end();
  }
}

if (process.argv[1] && fs.realpathSync(process.argv[1]) === fs.realpathSync(new URL(import.meta.url).pathname)) {
  const [port, program, file, host, source] = process.argv.slice(2);
  const launch = file && JSON.parse(fs.readFileSync(file, 'utf8'));
  console.log(JSON.stringify(await session(Number(port), program, { host, launch, source })));
}
