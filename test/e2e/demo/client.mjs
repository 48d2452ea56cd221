// A DAP client of the smallest kind, without packages: for the demo and the benchmark.
import net from 'node:net';

const HEADER_END = Buffer.from('\r\n\r\n');

export class Client {
  /** Connects to a port on loopback. */
  static open(port) {
    const socket = net.createConnection(port, '127.0.0.1');
    const client = new Client(socket);
    return new Promise((resolve, reject) => {
      socket.once('connect', () => resolve(client));
      socket.on('error', reject);
    });
  }

  /** Takes a socket, and closes it with itself. */
  constructor(socket) {
    this.seq = 0;
    this.waiting = new Map(); // seq -> { resolve, reject, command }
    this.events = []; // events nobody has asked for yet
    this.watchers = []; // { name, resolve, reject }
    this.onOutput = () => {};
    this.chunks = [];
    this.have = 0;
    this.need = 0; // bytes that must be there before it is worth looking again
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (data) => this.receive(data));
    socket.on('close', () => this.ended());
  }

  receive(data) {
    this.chunks.push(data);
    this.have += data.length;
    while (this.have > 0 && this.have >= this.need) {
      const all = this.chunks.length === 1 ? this.chunks[0] : Buffer.concat(this.chunks);
      this.chunks = [all];
      const header = all.indexOf(HEADER_END);
      if (header < 0) return;
      const match = /Content-Length: (\d+)/.exec(all.toString('latin1', 0, header));
      const end = header + HEADER_END.length + Number(match[1]);
      this.need = end;
      if (this.have < end) return;
      const message = JSON.parse(all.toString('utf8', header + HEADER_END.length, end));
      this.chunks = [all.subarray(end)];
      this.have -= end;
      this.need = 0;
      this.dispatch(message);
    }
  }

  dispatch(message) {
    if (message.type === 'response') {
      const { resolve, reject, command } = this.waiting.get(message.request_seq);
      this.waiting.delete(message.request_seq);
      if (message.success) resolve(message.body ?? {});
      else reject(new Error(`${command}: ${message.body?.error?.format ?? message.message}`));
    } else if (message.event === 'output') {
      this.onOutput(message.body.category ?? 'console', message.body.output);
    } else if (message.type === 'event') {
      const at = this.watchers.findIndex((w) => w.name === message.event);
      if (at >= 0) this.watchers.splice(at, 1)[0].resolve(message.body ?? {});
      else this.events.push(message);
    }
  }

  ended() {
    const why = new Error('the connection has ended');
    for (const { reject } of [...this.waiting.values(), ...this.watchers]) reject(why);
    this.waiting.clear();
    this.watchers = [];
    this.closed = true;
  }

  /** Sends a request and resolves with the body of its response; rejects with the words of an error response. */
  request(command, args) {
    this.seq += 1;
    const body = Buffer.from(JSON.stringify({ seq: this.seq, type: 'request', command, arguments: args }));
    const answer = new Promise((resolve, reject) => this.waiting.set(this.seq, { resolve, reject, command }));
    this.socket.write(Buffer.concat([Buffer.from(`Content-Length: ${body.length}\r\n\r\n`), body]));
    return answer;
  }

  /** Resolves with the body of the next event of this name, one that came already included. */
  event(name) {
    const at = this.events.findIndex((e) => e.event === name);
    if (at >= 0) return Promise.resolve(this.events.splice(at, 1)[0].body ?? {});
    if (this.closed) return Promise.reject(new Error(`the connection ended before the event ${name}`));
    return new Promise((resolve, reject) => this.watchers.push({ name, resolve, reject }));
  }

  /** initialize, launch or attach, breakpoints by file, configurationDone. Resolves with the verified breakpoints. */
  async start(request, args, breakpoints) {
    await this.request('initialize', { clientID: 'demo', adapterID: 'go', pathFormat: 'path', linesStartAt1: true, columnsStartAt1: true });
    const ready = this.request(request, { type: 'go', request, ...args });
    await Promise.race([this.event('initialized'), ready.then(() => new Promise(() => {}))]);
    const set = [];
    for (const [path, lines] of Object.entries(breakpoints)) {
      const body = await this.request('setBreakpoints', { source: { path }, breakpoints: lines.map((line) => ({ line })) });
      set.push(...body.breakpoints);
    }
    await this.request('configurationDone');
    await ready;
    return set;
  }

  /** Where the program stands: the topmost frame of the thread and its local variables. */
  async where(threadId) {
    const { stackFrames: [frame] } = await this.request('stackTrace', { threadId, startFrame: 0, levels: 1 });
    const { scopes } = await this.request('scopes', { frameId: frame.id });
    const { variables } = await this.request('variables', { variablesReference: scopes[0].variablesReference });
    return { frame, variables, scope: scopes[0] };
  }

  close() {
    this.socket.end();
  }
}
