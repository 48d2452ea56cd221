// VS Code's own traffic, recorded with Delve (make-replay.mjs), request by request through delvegate: each request is
// answered exactly once and as it was, and the program stops in the same places for the same reasons.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { LAUNCH_MS, program, suite, until, within } from './harness.mjs';

const DATA = path.join(path.dirname(fileURLToPath(import.meta.url)), 'recordings');
const THE_CLIENTS = '/home/me/ws';
// What delvegate answers otherwise than the recorded Delve, and rightly so.
const ANSWERS_DIFFER = {
  'launch-stop-while-building': ['launch', 'initialized'], // ended before it was built, instead of after
};
const EVENT_MS = 60_000;
const ENDLESS = 1_000_000;

/** The workspace as it was recorded, as a copy that the scenario may change. */
function workspace(w, scenario) {
  const dir = w.at(`ws-${scenario}`);
  fs.cpSync(program('vscode'), dir, { recursive: true });
  if (scenario !== 'launch-program-ends') {
    fs.writeFileSync(path.join(dir, 'rounds.go'), `package main\n\nvar rounds = ${ENDLESS}\n`);
  }
  if (scenario === 'launch-compile-error') {
    const main = path.join(dir, 'main.go');
    fs.writeFileSync(main, fs.readFileSync(main, 'utf8').replace('return sum', 'return summ'));
  }
  return dir;
}

/** The Delve that the attach scenarios were recorded with. */
async function delve(w, dir, scenario) {
  const flags = scenario === 'attach-remote-running' ? ['--continue'] : [];
  const child = w.spawn('dlv', ['debug', '--headless', '--accept-multiclient', '--api-version=2', '--listen=127.0.0.1:0', '--output', path.join(w.at('tmp'), `bin-${scenario}`), ...flags], { name: 'dlv', cwd: dir });
  const [, port] = await child.wait(/API server listening at: .*:(\d+)/, { stream: 'stdout', timeout: LAUNCH_MS });
  // Delve says that it listens before it lets the program run: a client that is in between halts what then runs on.
  if (flags.length > 0) await child.wait(/^step 2 /m, { stream: 'stdout' });
  return { child, port: Number(port) };
}

/** One connection of the recording: its session, and what the recorded handles are called now. */
class Replayed {
  constructor(session) {
    this.session = session;
    this.answers = new Map();
    this.handles = { threadId: new Map(), frameId: new Map(), variablesReference: new Map() };
    this.seen = 0;
    this.unsure = new Set(); // seqs of requests whose handle has no counterpart here
  }

  learn(kind, recorded, now) {
    recorded?.forEach((handle, i) => { if (now[i] !== undefined) this.handles[kind].set(handle, now[i]); });
  }

  translate(seq, args) {
    const out = { ...args };
    for (const [kind, map] of Object.entries(this.handles)) {
      if (!(kind in out)) continue;
      if (map.has(out[kind])) out[kind] = map.get(out[kind]);
      else if (map.size > 0) this.unsure.add(seq);
    }
    return out;
  }
}

async function replay(w, steps, { port, differ }) {
  const connections = new Map();
  let ended = false; // the client has had its Delve ended
  for (const step of steps) {
    if (!connections.has(step.conn)) connections.set(step.conn, new Replayed(await w.session()));
    const c = connections.get(step.conn);
    const { session } = c;
    if (step.send) {
      const { command, seq } = step.send;
      const args = c.translate(seq, step.send.arguments);
      if (command === 'attach') args.port = await port(ended); // recorded without delvegate: `debugServer` named the Delve
      ended ||= args.terminateDebuggee === true;
      const answer = session.ask(command, args, { timeout: LAUNCH_MS });
      answer.catch(() => {}); // what is never answered is found at the end
      c.answers.set(seq, answer);
    } else if (step.answer) {
      const response = await c.answers.get(step.answer);
      const { command, body } = response;
      if (!differ.includes(command) && !c.unsure.has(step.answer)) assert.equal(response.success, step.ok, `${command}: ${JSON.stringify(response)}`);
      if (!response.success) continue;
      c.learn('threadId', step.threads, body?.threads?.map((t) => t.id) ?? []);
      c.learn('frameId', step.frames, body?.stackFrames?.map((f) => f.id) ?? []);
      c.learn('variablesReference', step.refs, (body?.scopes ?? body?.variables ?? (body ? [body] : [])).map((v) => v.variablesReference));
      if (step.line && !c.unsure.has(step.answer)) {
        assert.equal(body.stackFrames[0].line, step.line, 'where the program stopped');
        assert.match(body.stackFrames[0].source.path, /^\/home\/me\/ws\/\w+\.go$/, 'in the words of the client');
      }
    } else if (differ.includes(step.event)) {
      continue;
    } else if (step.event && !(step.event === 'terminated' && session.events('terminated').length > 0)) {
      const failed = () => step.event === 'initialized' && session.messages.find((m) => ['launch', 'attach'].includes(m.command) && !m.success);
      const event = await until(`event ${step.event}`, () => {
        const found = session.messages.slice(c.seen).find((m) => m.event === step.event);
        if (!found && (failed() || session.isClosed)) throw new Error(`there will be no ${step.event}\n${session.text()}`);
        return found;
      }, { timeout: EVENT_MS, explain: () => session.text() });
      c.seen = session.messages.indexOf(event) + 1;
      if (step.event === 'stopped') {
        assert.equal(event.body.reason, step.reason);
        if (step.threadId !== undefined) c.learn('threadId', [step.threadId], [event.body.threadId]);
      }
    } else if (step.close) {
      session.close();
    }
  }
  const cutShort = steps.some((s) => s.send && !steps.some((a) => a.conn === s.conn && a.answer === s.send.seq));
  for (const { session } of connections.values()) {
    await within('the end of the connection', session.closed);
    session.assertProtocol({ unanswered: cutShort });
  }
}

const versions = { local: '1.100.3', ssh: '1.139.1' };

suite('VS Code', {}, (w) => {
  const version = versions[w.transport];
  for (const file of fs.readdirSync(path.join(DATA, version)).sort()) {
    const scenario = path.basename(file, '.jsonl');
    w.test(`${version}: ${scenario}`, { unanswered: true }, async (t) => {
      const steps = fs.readFileSync(path.join(DATA, version, file), 'utf8').trim().split('\n').map((l) => JSON.parse(l));
      const dir = workspace(w, scenario);
      const own = await w.fresh(t, { target: { paths: [{ client: THE_CLIENTS, remote: dir }] } });
      // Who recorded them started a Delve anew when VS Code had ended it.
      let user = null;
      const port = async (ended) => {
        if (ended) await user.child.end();
        if (!user?.child.running) user = await delve(own, dir, scenario);
        return user.port;
      };
      await replay(own, steps, { port, differ: ANSWERS_DIFFER[scenario] ?? [] });
      if (user?.child.running) {
        user.child.kill('SIGTERM');
        await user.child.end();
      }
      await own.nothingLeft();
      own.assertNoSanitizerReport();
    });
  }
});
