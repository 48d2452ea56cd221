// Makes the replay data of recordings/ from recordings of VS Code's traffic (one JSON object a line: dir, conn, msg):
//   node test/e2e/make-replay.mjs RECORDINGS
// Kept are what VS Code sent, and of what it received only what a replay compares and needs: which request was answered
// when and how, the handles it handed out, where the program stopped, and when the connections ended. One step a line:
//   {conn, send}    a message of VS Code
//   {conn, answer}  the response to that seq: ok, threads, frames, refs (handles in order), line (of the top frame in the workspace)
//   {conn, event}   initialized, stopped (reason, threadId) or terminated
//   {conn, close}   VS Code closed the connection
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const OUT = path.join(path.dirname(fileURLToPath(import.meta.url)), 'recordings');
const WORKSPACE = '/home/me/ws/';
// No DAP message in them, or about a server that the test would have to kill and start as a user does.
const LEFT_OUT = new Set(['no-server', 'launch-bad-program', 'launch-server-killed', 'launch-restart-server-gone', 'attach-port', 'launch-port',
  'attach-default-adapter', 'launch-window-close']);

function answer(conn, msg) {
  const step = { conn, answer: msg.request_seq, ok: msg.success };
  const { body } = msg;
  if (msg.success && body) {
    if (msg.command === 'threads') step.threads = body.threads.map((t) => t.id);
    if (msg.command === 'stackTrace') {
      step.frames = body.stackFrames.map((f) => f.id);
      const [top] = body.stackFrames;
      if (top?.source?.path?.startsWith(WORKSPACE)) step.line = top.line;
    }
    if (msg.command === 'scopes') step.refs = body.scopes.map((s) => s.variablesReference);
    if (msg.command === 'variables') step.refs = body.variables.map((v) => v.variablesReference);
    if (msg.command === 'evaluate') step.refs = [body.variablesReference];
  }
  return step;
}

function convert(text) {
  const steps = [];
  const connections = new Set();
  for (const line of text.split('\n')) {
    if (!line) continue;
    const { dir, conn, msg } = JSON.parse(line);
    if (dir === 'c2s') {
      steps.push({ conn, send: msg });
    } else if (dir === 's2c' && msg.type === 'response') {
      steps.push(answer(conn, msg));
    } else if (dir === 's2c' && msg.type === 'event' && ['initialized', 'stopped', 'terminated'].includes(msg.event)) {
      steps.push({ conn, event: msg.event, ...(msg.event === 'stopped' ? { reason: msg.body.reason, threadId: msg.body.threadId } : {}) });
    }
    if (conn) connections.add(conn);
  }
  // VS Code closes last of all, unless an answer takes it more than two seconds: the order of a Delve that answers.
  for (const conn of connections) {
    const last = steps.map((s) => s.conn).lastIndexOf(conn);
    steps.splice(last + 1, 0, { conn, close: true });
  }
  return steps;
}

const [recordings] = process.argv.slice(2);
if (!recordings) {
  console.error('usage: node test/e2e/make-replay.mjs RECORDINGS');
  process.exit(2);
}
for (const version of fs.readdirSync(recordings)) {
  fs.mkdirSync(path.join(OUT, version), { recursive: true });
  for (const file of fs.readdirSync(path.join(recordings, version))) {
    if (LEFT_OUT.has(path.basename(file, '.jsonl'))) continue;
    const steps = convert(fs.readFileSync(path.join(recordings, version, file), 'utf8'));
    fs.writeFileSync(path.join(OUT, version, file), steps.map((s) => JSON.stringify(s)).join('\n') + '\n');
  }
}
