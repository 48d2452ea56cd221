// A private sshd on loopback, with keys and files of its own.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Child, run } from './children.mjs';
import { freePort } from './port.mjs';
import * as proc from './proc.mjs';
import { Relay } from './relay.mjs';
import { until } from './until.mjs';

const SSHD = ['/usr/sbin/sshd', '/usr/local/sbin/sshd'].find((p) => fs.existsSync(p));

/** Who runs the tests; a container's user may have no account. */
export const account = (() => {
  try {
    return os.userInfo();
  } catch {
    return { username: String(process.getuid()), shell: '/sbin/nologin' };
  }
})();
const canLogIn = !/\/(nologin|false)$/.test(account.shell ?? '');
export const haveSshd = SSHD !== undefined && canLogIn;

export const HOST = 'gomachine'; // the name in ssh_config, and so the one that users see

async function keygen(file, type = 'ed25519') {
  const { code, stderr } = await run('ssh-keygen', ['-q', '-t', type, '-N', '', '-C', 'test', '-f', file]);
  if (code !== 0) throw new Error(`ssh-keygen: ${stderr}`);
}

export class Sshd {
  /**
   * dir: where its files go. env: what sessions see (SetEnv). options: more lines of sshd_config.
   * known: false leaves known_hosts empty, 'other' writes another key there. relay: clients come by a Relay.
   */
  static async start({ dir, env = {}, options = [], known = true, clientOptions = [], relay = false }) {
    const sshd = new Sshd();
    sshd.dir = dir;
    sshd.env = env;
    sshd.options = options;
    fs.mkdirSync(dir, { recursive: true, mode: 0o700 });
    await keygen(path.join(dir, 'host_key'));
    await keygen(path.join(dir, 'user_key'));
    fs.copyFileSync(path.join(dir, 'user_key.pub'), path.join(dir, 'authorized_keys'));
    if (process.getuid() === 0) fs.mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
    await sshd.listen();
    if (relay) sshd.relay = await Relay.start(sshd.port);
    const port = sshd.relay?.port ?? sshd.port; // that clients know
    let hostKey = fs.readFileSync(path.join(dir, 'host_key.pub'), 'utf8');
    if (known === 'other') {
      await keygen(path.join(dir, 'other_key'));
      hostKey = fs.readFileSync(path.join(dir, 'other_key.pub'), 'utf8');
    }
    const [type, key] = hostKey.split(' ');
    fs.writeFileSync(path.join(dir, 'known_hosts'), known ? `[127.0.0.1]:${port} ${type} ${key}\n` : '');
    fs.writeFileSync(path.join(dir, 'ssh_config'), [
      `Host ${HOST}`,
      '  HostName 127.0.0.1',
      `  Port ${port}`,
      `  User ${account.username}`,
      `  IdentityFile ${path.join(dir, 'user_key')}`,
      '  IdentitiesOnly yes',
      `  UserKnownHostsFile ${path.join(dir, 'known_hosts')}`,
      '  GlobalKnownHostsFile /dev/null',
      '  StrictHostKeyChecking yes',
      ...clientOptions.map((line) => `  ${line}`),
      '',
    ].join('\n'));
    sshd.bin = path.join(dir, 'bin');
    fs.mkdirSync(sshd.bin);
    fs.writeFileSync(path.join(sshd.bin, 'ssh'), `#!/bin/sh\nexec /usr/bin/ssh -F ${path.join(dir, 'ssh_config')} "$@"\n`, { mode: 0o755 });
    return sshd;
  }

  /** Starts the server, on the port it had before if there was one. by: argv of a program that becomes it. */
  async listen(by = []) {
    const at = (name) => path.join(this.dir, name);
    this.port ??= await freePort();
    const environment = Object.entries(this.env).map(([name, value]) => `"${name}=${value}"`).join(' ');
    fs.writeFileSync(at('sshd_config'), [
      `Port ${this.port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${at('host_key')}`,
      `AuthorizedKeysFile ${at('authorized_keys')}`,
      'PidFile none',
      'UsePAM no',
      'StrictModes no',
      'PasswordAuthentication no',
      'PermitRootLogin yes',
      'PrintMotd no',
      'PermitUserRC no', // ~/.ssh/rc of who runs the tests
      'LogLevel VERBOSE',
      ...this.options,
      ...(environment ? [`SetEnv ${environment}`] : []),
      '',
    ].join('\n'));
    // A bare environment: what sshd has, its sessions do not get, but a test that looks for its marks would see it.
    const [program, ...args] = [...by, SSHD, '-D', '-e', '-f', at('sshd_config')];
    this.child = new Child(program, args, { name: 'sshd', env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' } });
    await this.child.wait(/Server listening on 127\.0\.0\.1/);
  }

  /** Pids of the processes that serve connections: one a connection, the one that is its user's. */
  connections() {
    return proc.pids().filter((pid) => proc.descends(pid, this.child.pid) && pid !== this.child.pid
      && /^sshd(-session|-auth)?: /.test(proc.cmdline(pid)[0] ?? '') && !/\[(priv|net|accepted)\]/.test(proc.cmdline(pid)[0]));
  }

  /** Cuts every connection at once, the way a reboot of the Go machine's sshd does. */
  async cut() {
    const victims = proc.pids().filter((pid) => pid !== this.child.pid && proc.descends(pid, this.child.pid)
      && /^sshd(-session|-auth)?: /.test(proc.cmdline(pid)[0] ?? ''));
    for (const pid of victims) process.kill(pid, 'SIGKILL');
    await until('the connections to be gone', () => victims.every((pid) => !proc.alive(pid)));
  }

  /** Stops what serves the connections there are now: nothing is lost, nothing comes. Returns what lets it go on. */
  freeze() {
    const frozen = proc.pids().filter((pid) => pid !== this.child.pid && proc.descends(pid, this.child.pid)
      && /^sshd(-session|-auth)?: /.test(proc.cmdline(pid)[0] ?? ''));
    for (const pid of frozen) process.kill(pid, 'SIGSTOP');
    return () => { for (const pid of frozen) if (proc.alive(pid)) process.kill(pid, 'SIGCONT'); };
  }

  async stop() {
    await this.relay?.stop();
    await this.halt();
  }

  /** Ends the server and what serves its connections; listen() starts it again. */
  async halt() {
    if (this.child.running) {
      const served = proc.pids().filter((pid) => pid !== this.child.pid && proc.descends(pid, this.child.pid)
        && /^sshd(-session|-auth)?: /.test(proc.cmdline(pid)[0] ?? ''));
      this.child.kill('SIGTERM');
      this.child.kill('SIGCONT'); // a test that failed may have left it stopped
      for (const pid of served) if (proc.alive(pid)) process.kill(pid, 'SIGTERM');
      await this.child.end();
    }
  }
}
