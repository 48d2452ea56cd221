// One debug session seen from the client: VS Code's own test client over a socket, with every message kept and the
// promises of the protocol checked as they pass.
import assert from 'node:assert/strict';
import net from 'node:net';
import { DebugClient } from '@vscode/debugadapter-testsupport';
import { until, within } from './until.mjs';

export const LAUNCH_MS = 120_000; // a first build with an empty cache compiles the standard library

const INITIALIZE = {
  clientID: 'test', clientName: 'delvegate tests', adapterID: 'go', pathFormat: 'path',
  linesStartAt1: true, columnsStartAt1: true, supportsVariableType: true, supportsVariablePaging: true,
  supportsRunInTerminalRequest: true, supportsProgressReporting: true,
};

/** A request that was answered with success false. */
export class RequestFailed extends Error {
  constructor(response) {
    const { error } = response.body ?? {};
    super(`${response.command} failed: ${response.message} ${error ? error.format : ''}`);
    this.response = response;
    this.text = `${response.message ?? ''} ${error ? error.format : ''}`;
  }
}

export class Session extends DebugClient {
  static async open(port, options = {}) {
    const session = new Session('', '', 'go');
    session.label = options.label ?? `session on ${port}`;
    session.messages = []; // all that came, in order
    session.outputs = { stdout: '', stderr: '', console: '', important: '' };
    session.sent = new Map(); // seq -> command
    session.answered = new Map(); // seq -> response
    session.problems = []; // broken promises of the protocol
    session.lastSeq = 0;
    session.socket = net.createConnection(port, options.host ?? '127.0.0.1');
    session.closed = new Promise((resolve) => session.socket.once('close', () => resolve(true)));
    session.isClosed = false;
    session.closed.then(() => { session.isClosed = true; });
    await new Promise((resolve, reject) => {
      session.socket.once('connect', resolve);
      session.socket.once('error', reject);
    });
    session.socket.on('error', () => {}); // a reset is seen as the end
    session.connect(session.socket, session.socket);
    return session;
  }

  dispatch(body) {
    const message = JSON.parse(body);
    if (message.seq !== this.lastSeq + 1) this.problems.push(`seq ${message.seq} after ${this.lastSeq}: ${body.slice(0, 200)}`);
    this.lastSeq = message.seq;
    if (message.type === 'response') {
      const command = this.sent.get(message.request_seq);
      if (command === undefined) this.problems.push(`a response to request ${message.request_seq}, which was not sent: ${body.slice(0, 200)}`);
      else if (this.answered.has(message.request_seq)) this.problems.push(`a second response to request ${message.request_seq} (${command}): ${body.slice(0, 200)}`);
      this.answered.set(message.request_seq, message);
    }
    if (message.event === 'output' && typeof message.body.output === 'string') {
      const category = message.body.category ?? 'console';
      if (this.onOutput) return this.onOutput(category, message.body.output);
      this.outputs[category] = (this.outputs[category] ?? '') + message.body.output;
    }
    this.messages.push(message);
    return super.dispatch(body);
  }

  /** The response, whether it tells of success or not. */
  ask(command, args, { timeout = 30_000 } = {}) {
    const answer = new Promise((resolve) => {
      const seq = this.sequence;
      this.sent.set(seq, command);
      this.doSend(command, args, resolve);
    });
    return within(`the response to ${command} on ${this.label}`, answer, timeout, () => this.text());
  }

  /** The response's body; rejects with RequestFailed. */
  async send(command, args, options) {
    const response = await this.ask(command, args, options);
    if (!response.success) throw new RequestFailed(response);
    return response;
  }

  /** Asks what must fail, and returns the error. */
  async refused(command, args, options) {
    const response = await this.ask(command, args, options);
    assert.equal(response.success, false, `${command} succeeded: ${JSON.stringify(response)}`);
    return new RequestFailed(response);
  }

  initialize(more = {}) {
    return this.send('initialize', { ...INITIALIZE, ...this.client, ...more });
  }

  events(name) {
    return this.messages.filter((m) => m.type === 'event' && m.event === name);
  }

  /** The first event of this name from message number `from` on that matches. */
  async event(name, { from = 0, where = () => true, timeout = 20_000 } = {}) {
    return until(`event ${name} on ${this.label}`, () => {
      const found = this.messages.slice(from).find((m) => m.type === 'event' && m.event === name && where(m.body ?? {}));
      if (!found && this.isClosed) throw new Error(`${this.label} closed before event ${name}\n${this.text()}`);
      return found;
    }, { timeout, explain: () => this.text() });
  }

  /** Waits until what arrived in this category matches. */
  output(category, pattern, { timeout = 20_000 } = {}) {
    return until(`${pattern} in ${category} of ${this.label}`, () => pattern.exec(this.outputs[category]), { timeout, explain: () => this.text() });
  }

  /** All that is shown to the user besides the program's own output. */
  get shown() {
    return this.outputs.console + this.outputs.important;
  }

  /** initialize, if that was not done yet, and launch up to `initialized`; configure() runs before configurationDone. */
  async begin(request, args, configure = async () => {}) {
    if (![...this.sent.values()].includes('initialize')) await this.initialize();
    const answer = this.ask(request, { name: 'test', type: 'go', request, ...args }, { timeout: LAUNCH_MS });
    answer.catch(() => {}); // it is awaited below; a late failure must not count as unhandled before that
    await until(`initialized on ${this.label}`, () => {
      const failed = [...this.answered.values()].find((m) => m.command === request && !m.success);
      if (failed) throw new RequestFailed(failed);
      if (this.isClosed) throw new Error(`${this.label} closed before it was initialized\n${this.text()}`);
      return this.events('initialized').length > 0;
    }, { timeout: LAUNCH_MS, explain: () => this.text() });
    await configure(this);
    await this.send('configurationDone');
    const response = await answer;
    if (!response.success) throw new RequestFailed(response);
    return response;
  }

  launch(args, configure) {
    return this.begin('launch', { mode: 'debug', ...args }, configure);
  }

  attach(args, configure) {
    return this.begin('attach', args, configure);
  }

  /** setBreakpoints in one file; each breakpoint a line or an object. */
  async breakpoints(path, list) {
    const { body } = await this.send('setBreakpoints', {
      source: { path }, breakpoints: list.map((b) => (typeof b === 'number' ? { line: b } : b)),
    });
    return body.breakpoints;
  }

  /** The next stop after message number `from`, and where it is. */
  async stop({ from = 0, reason } = {}) {
    const event = await this.event('stopped', { from });
    if (reason) assert.equal(event.body.reason, reason, JSON.stringify(event.body));
    return event;
  }

  /** Sends a request that lets the program run and waits for the stop that follows. */
  async step(command, args = { threadId: 1 }) {
    const from = this.messages.length;
    await this.send(command, args);
    return this.stop({ from });
  }

  async top(threadId = 1) {
    const { body } = await this.send('stackTrace', { threadId, startFrame: 0, levels: 20 });
    return body.stackFrames[0];
  }

  /** The locals of the topmost frame by name. */
  async locals(threadId = 1) {
    const frame = await this.top(threadId);
    const { body } = await this.send('scopes', { frameId: frame.id });
    const list = await this.send('variables', { variablesReference: body.scopes[0].variablesReference });
    return Object.fromEntries(list.body.variables.map((v) => [v.name, { ...v, container: body.scopes[0].variablesReference }]));
  }

  /** disconnect, then the end of the connection as the client makes it. */
  async finish(args) {
    const response = await this.send('disconnect', args);
    await this.event('terminated');
    this.close();
    await within(`the end of ${this.label}`, this.closed);
    return response;
  }

  close() {
    this.socket.end();
  }

  /** The way a client that is killed ends: no request, a reset. */
  vanish() {
    this.socket.resetAndDestroy();
  }

  /** Requests that got no response. */
  get unanswered() {
    return [...this.sent].filter(([seq]) => !this.answered.has(seq)).map(([seq, command]) => `${seq} ${command}`);
  }

  assertProtocol({ unanswered = false } = {}) {
    assert.deepEqual(this.problems, [], this.label);
    if (!unanswered) assert.deepEqual(this.unanswered, [], `requests without a response on ${this.label}\n${this.text()}`);
  }

  text() {
    const lines = this.messages.slice(-60).map((m) => `  ${JSON.stringify(m).slice(0, 400)}`);
    return `--- ${this.label}: the last of ${this.messages.length} messages${this.isClosed ? ', closed' : ''}\n${lines.join('\n')}`;
  }
}
