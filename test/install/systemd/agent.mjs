// The ssh-agent of a service that was started before it: the user's key is nowhere but there.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { Child, proc, run, until } from '../../e2e/harness.mjs';
import { systemctl } from './manager.mjs';
import { SERVICE, atLoop } from './service.mjs';

/** An agent at this socket that holds the key. */
async function agent(t, socket, key) {
  const child = new Child('ssh-agent', ['-D', '-a', socket], { name: 'ssh-agent' });
  t.after(() => child.kill());
  await until('the agent', () => fs.existsSync(socket));
  const { code, stderr } = await run('ssh-add', ['-q', key], { env: { ...process.env, SSH_AUTH_SOCK: socket } });
  assert.equal(code, 0, stderr);
}

export function agents(w) {
  /** The key's file is away during the test. */
  const hidden = (t) => {
    const key = path.join(w.sshd.dir, 'user_key');
    const away = `${key}.away`;
    fs.renameSync(key, away);
    t.after(() => fs.renameSync(away, key));
    return away;
  };

  w.test('SSH_AUTH_SOCK that only the user manager knows, set after the start of the service', async (t) => {
    const socket = w.at('tmp/agent');
    await systemctl(['unset-environment', 'SSH_AUTH_SOCK']); // Debian 13 brings a socket unit that has set it
    await systemctl(['start', SERVICE]);
    await agent(t, socket, hidden(t));
    await systemctl(['set-environment', `SSH_AUTH_SOCK=${socket}`]);
    t.after(() => systemctl(['unset-environment', 'SSH_AUTH_SOCK']));
    assert.equal(proc.environ(w.daemon.pid).SSH_AUTH_SOCK, undefined);
    const s = await atLoop(w);
    await s.finish({ terminateDebuggee: true });
  });

  w.test('an agent in the runtime directory, which nothing names', async (t) => {
    const socket = path.join(process.env.XDG_RUNTIME_DIR, 'ssh-agent.socket');
    await systemctl(['start', SERVICE]);
    await agent(t, socket, hidden(t));
    const s = await atLoop(w);
    await s.finish({ terminateDebuggee: true });
  });

  w.test('no agent and no key: the launch fails, and says where an agent was looked for', async (t) => {
    hidden(t);
    await systemctl(['start', SERVICE]);
    const s = await w.session();
    await s.initialize();
    const error = await s.refused('launch', { mode: 'debug', program: '/nowhere' });
    assert.match(error.text, /agent/);
    await s.send('disconnect');
    s.close();
  });
}
