// Tests that end badly, for harness.test.mjs: what they leave open and running is the harness's to end.
import net from 'node:net';
import path from 'node:path';
import { Child, states, suite } from '../harness.mjs';

const forever = () => new Promise((resolve) => setTimeout(resolve, 3_600_000));

const tests = {
  // Fails at once, with a process, a port and a stopped server.
  open: (w) => w.test('fails', async () => {
    if (w.sshd) process.kill(w.sshd.child.pid, 'SIGSTOP');
    new Child('sh', ['-c', 'read -r word', path.dirname(w.root)]);
    net.createServer().listen(0, '127.0.0.1');
    throw new Error('as it should');
  }),
  // Comes to no end.
  endless: (w) => w.test('does not end', async () => {
    const s = await w.session();
    await states.running(w, s);
    process.stderr.write(`here: ${path.basename(w.root)}\n`);
    await forever();
  }),
};

suite('unfinished', { transports: [process.env.TRANSPORT] }, tests[process.env.UNFINISHED]);
