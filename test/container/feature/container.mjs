// A fresh Debian root as an image, and a process namespace in it as a container: what starts there is the Feature's
// entrypoint, and all ends with it.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Child, run } from '../../e2e/lib/children.mjs';
import { until } from '../../e2e/lib/until.mjs';
import { Client } from '../../e2e/demo/client.mjs';

export const TREE = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
const ROOT_SH = path.join(TREE, 'test/root.sh');
const COPY_MS = 240_000; // of a root of 100 MB, two at once, on a busy disk
const INSTALL_MS = 300_000;

export const USER = 'vscode';
// delvegate serves its own user only. Root can connect as anybody, another user only as himself.
const UID = process.getuid() || 1000;
const CONNECT = `
  const socket = require('node:net').createConnection(Number(process.argv[1]), '127.0.0.1');
  socket.once('error', ({ message }) => { process.stderr.write(message); process.exitCode = 1; process.disconnect(); });
  socket.once('connect', () => process.send('connected', socket));
  process.once('disconnect', () => process.exit());`;
export const HERE = '/usr/local/share/delvegate-feature';

export class Image {
  /** A copy of a root that test/root.sh made, and in it the Feature and its user. */
  static async make(made) {
    const image = new Image();
    image.dir = `${made}.${process.pid}`;
    const { code, stderr } = await run(ROOT_SH, ['copy', made, image.dir], { timeout: COPY_MS });
    assert.equal(code, 0, stderr);
    await image.must(['useradd', '--create-home', '--shell', '/bin/bash', '--uid', String(UID), USER]);
    await image.put(path.join(TREE, 'build/feature'), 'delvegate', '/root');
    return image;
  }

  /** Runs a command in it as root, as the build of an image does; leading NAME=VALUE are its environment. */
  run(command, options = {}) {
    return run(ROOT_SH, ['run', this.dir, ...command], { timeout: INSTALL_MS, ...options });
  }

  async must(command, options) {
    const { code, stdout, stderr } = await this.run(command, options);
    assert.equal(code, 0, `${command.join(' ')}\n${stdout}${stderr}`);
    return stdout;
  }

  /** Copies what is called name in a directory here to a directory there. */
  put(from, name, to) {
    return this.must(['tar', '--no-same-owner', '-xf', '-', '-C', to], { input: execFileSync('tar', ['-C', from, '-cf', '-', name]) });
  }

  /** install.sh with options as the Dev Container CLI gives them. */
  install(options = {}) {
    const env = { _REMOTE_USER: USER, ...options };
    return this.run([...Object.entries(env).map(([name, value]) => `${name}=${value}`), '/root/delvegate/install.sh']);
  }

  async remove() {
    await run(ROOT_SH, ['remove', this.dir]);
  }
}

export class Container {
  /** Starts one, as root or another user, with the Feature's entrypoint. */
  constructor(image, user = 'root') {
    this.image = image;
    this.child = new Child(ROOT_SH, ['user', image.dir, user, `${HERE}/entrypoint`, 'sh'], { name: `container of ${user}` });
    this.calls = 0;
  }

  /** Runs a shell command in it, and resolves with { code, text } of it. */
  async exec(script) {
    const mark = `done-${this.calls += 1}`;
    const before = this.child.stdout.length;
    this.child.process.stdin.write(`( ${script}\n) </dev/null 2>&1; printf '\\n%s %s\\n' ${mark} $?\n`);
    const [, code] = await this.child.wait(new RegExp(`^${mark} (\\d+)$`, 'm'), { stream: 'stdout', timeout: 60_000 });
    return { code: Number(code), text: this.child.stdout.slice(before).replace(new RegExp(`\n${mark} \\d+\n$`), '') };
  }

  async must(script) {
    const { code, text } = await this.exec(script);
    assert.equal(code, 0, `${script}\n${text}`);
    return text;
  }

  /** The processes of the installed program: [{ pid, uid }]. A zombie has no program. */
  async daemons() {
    const text = await this.must(`for p in /proc/[0-9]*; do
      [ "$(readlink $p/exe)" != /usr/local/bin/delvegate ] || echo "$\{p#/proc/} $(sed -n 's/^Uid:.//p' $p/status | cut -f1)"
    done`);
    return text.split('\n').filter(Boolean).map((line) => {
      const [pid, uid] = line.split(' ').map(Number);
      return { pid, uid };
    });
  }

  async log() {
    return (await this.exec(`cut -c 1-400 /home/${USER}/.local/state/delvegate/log`)).text;
  }

  /** A DAP client of the user's, once the port takes one. */
  async client(port) {
    let why = '';
    const connect = () => connectAsUser(port).then((socket) => new Client(socket), (error) => { why = error.message; });
    return until(`a DAP connection to port ${port}`, connect, { explain: async () => `${why}\n${await this.log()}` });
  }

  /** Whether the port answers a DAP client. */
  async answers(port) {
    const client = await this.client(port);
    const body = await client.request('initialize', { adapterID: 'go' });
    client.close();
    assert.equal(body.supportsConfigurationDoneRequest, true);
  }

  /** All of its processes end with the first one. */
  async stop() {
    this.child.process.stdin.end();
    return this.child.end();
  }
}

/** A connection of the container's user. Node refuses to change its own uid where its libuv may use io_uring: a process
 * of that user connects, and hands the socket over. */
function connectAsUser(port) {
  const child = spawn(process.execPath, ['-e', CONNECT, String(port)], {
    cwd: '/', // the user may not be able to enter the directory of the tests
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    ...(process.getuid() === 0 && { uid: UID, gid: UID }),
  });
  let stderr = '';
  child.stderr.on('data', (text) => { stderr += text; });
  return new Promise((resolve, reject) => {
    child.once('message', (_, socket) => {
      child.disconnect();
      if (!socket) return; // it was closed on the way
      socket.on('error', () => {}); // a close follows, which ends the client
      resolve(socket);
    });
    child.once('error', reject);
    child.once('close', () => reject(new Error(`no connection to port ${port}: ${stderr}`)));
  });
}
