// The third way: the CLI brings up a container that is a Go machine with sshd, delvegate runs outside of it.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { Child } from '../../e2e/lib/children.mjs';
import { freePort } from '../../e2e/lib/port.mjs';
import { Container, TREE } from './lib.mjs';

const NAME = 'gomachine';
const KEY_TYPE = 'ssh-ed25519';

export class GoMachine {
  /** home: a Home; base: the image that it is made from. */
  static async up(home, base) {
    const machine = new GoMachine();
    machine.home = home;
    machine.project = path.join(home.dir, 'src', NAME);
    fs.cpSync(path.join(TREE, 'test/e2e/programs/hello'), machine.project, { recursive: true });
    fs.cpSync(path.join(TREE, 'scripts/gomachine'), path.join(machine.project, '.devcontainer'), { recursive: true });
    const key = path.join(home.dir, 'key');
    await home.sh(`ssh-keygen -q -t ed25519 -N '' -f ${key}`);
    const sshPort = await freePort();
    home.write(`src/${NAME}/.devcontainer/devcontainer.json`, JSON.stringify({
      build: { dockerfile: 'Dockerfile', args: { BASE: base, USER_ID: '1500' } }, // 1000 is vscode's
      overrideCommand: false, // the container's first process is sshd
      remoteUser: 'go',
      capAdd: ['SYS_PTRACE'],
      runArgs: ['--network=host'],
      containerEnv: { AUTHORIZED_KEYS: fs.readFileSync(`${key}.pub`, 'utf8').trim(), SSH_PORT: String(sshPort), SSH_LISTEN: '127.0.0.1' },
    }));
    const { stdout } = await home.sh(`devcontainer up --workspace-folder ${machine.project}`);
    machine.container = new Container(JSON.parse(stdout.trim().split('\n').at(-1)).containerId);
    await machine.container.listens(sshPort);
    await machine.configure(sshPort, key);
    return machine;
  }

  /** What the laptop has: ssh that knows the machine, and delvegate with a target of it. */
  async configure(sshPort, key) {
    const hostKey = await this.container.exec('root', 'cat', '/etc/ssh/ssh_host_ed25519_key.pub');
    const known = this.home.write('known_hosts', `[127.0.0.1]:${sshPort} ${hostKey}`);
    const config = this.home.write('ssh_config', [`Host ${NAME}`, 'HostName 127.0.0.1', `Port ${sshPort}`, 'User go', `IdentityFile ${key}`,
      'IdentitiesOnly yes', `UserKnownHostsFile ${known}`, 'GlobalKnownHostsFile /dev/null', `HostKeyAlgorithms ${KEY_TYPE}`, ''].join('\n'));
    fs.writeFileSync(path.join(this.home.dir, 'bin/ssh'), `#!/bin/sh\nexec /usr/bin/ssh -F ${config} "$@"\n`, { mode: 0o755 });
    this.port = await freePort();
    const file = this.home.write('laptop.json', JSON.stringify({
      targets: { [NAME]: { listen: this.port, ssh: NAME, paths: [{ client: this.project, remote: `/workspaces/${NAME}` }] } },
    }));
    this.delvegate = new Child(path.join(TREE, 'build/delvegate'), ['--config', file], { name: 'delvegate', env: this.home.env });
    await this.delvegate.wait(/listening on/);
    assert.ok(this.delvegate.running);
  }

  /** Ends delvegate, and resolves with how it ended. */
  stop() {
    this.delvegate.kill('SIGTERM');
    return this.delvegate.end();
  }

  async remove() {
    this.delvegate.kill('SIGKILL');
    await this.delvegate.end();
    await this.container.remove();
  }
}
