// What the tests with the real Dev Container CLI stand on: the engine, a home with a project in it, commands as README
// has them, and a forwarder such as VS Code's.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Child, run } from '../../e2e/lib/children.mjs';
import { until } from '../../e2e/lib/until.mjs';

export const HERE = path.dirname(fileURLToPath(import.meta.url));
export const TREE = path.resolve(HERE, '../../..');
export const USER = 'vscode';
export const START = '/usr/local/share/delvegate-feature/start';
const ENGINE = path.join(HERE, 'engine');
const BUILD_MS = 600_000;
const SHIMS = {
  docker: `exec ${ENGINE} "$@"`,
  devcontainer: `verb=$1\nshift\nexec ${TREE}/test/node.sh ${HERE}/node_modules/@devcontainers/cli/devcontainer.js "$verb" --docker-path ${ENGINE} "$@"`,
};

/** Runs the engine; fails with what it said. */
export async function engine(...args) {
  const { code, stdout, stderr } = await run(ENGINE, args, { timeout: BUILD_MS });
  assert.equal(code, 0, `${args.join(' ')}\n${stdout}${stderr}`);
  return stdout;
}

/** Images by the names that the example and the Dockerfile give, which no registry is asked for. */
export async function makeImages(names) {
  const { code, stdout, stderr } = await run(path.join(TREE, 'test/podman.sh'), ['base', 'bookworm'], { timeout: BUILD_MS });
  assert.equal(code, 0, stderr);
  const tags = names.flatMap((name) => ['-t', name]);
  await engine('build', '-q', ...tags, '--build-arg', `BASE=${stdout.trim()}`, '-f', path.join(HERE, 'image.dockerfile'), HERE);
}

/** The commands in a text: what is indented in it, a line each, with those that a backslash continues. */
export function commands(text) {
  const lines = text.replaceAll(/^(#\s?|> ?)/gm, '').replaceAll(/ *\\\n\s*/g, ' ').split('\n');
  return lines.filter((line) => /^ {4}(make|cp|mkdir|cd|devcontainer|docker) /.test(line)).map((line) => line.trim().replace(/\s+# .*$/, ''));
}

/** A home of the test's own, with the sample program at ~/src/hello, and the shims first in PATH. */
export class Home {
  constructor() {
    this.dir = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'delvegate-devcontainer-')));
    this.project = path.join(this.dir, 'src/hello');
    const bin = path.join(this.dir, 'bin');
    fs.mkdirSync(bin);
    for (const [name, script] of Object.entries(SHIMS)) fs.writeFileSync(path.join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    fs.cpSync(path.join(TREE, 'test/e2e/programs/hello'), this.project, { recursive: true });
    // The containers' user, who is not this one, reads it.
    fs.chmodSync(this.dir, 0o755);
    this.env = { ...process.env, HOME: this.dir, PATH: `${bin}:${process.env.PATH}` };
  }

  /** Runs a line of a shell, from the checkout unless said otherwise, and resolves with what it printed. */
  async sh(line, cwd = TREE) {
    const { code, stdout, stderr } = await run('sh', ['-c', line], { cwd, env: this.env, timeout: BUILD_MS });
    assert.equal(code, 0, `${line}\n${stdout}${stderr}`);
    return { stdout, stderr };
  }

  write(name, text) {
    fs.mkdirSync(path.dirname(path.join(this.dir, name)), { recursive: true });
    fs.writeFileSync(path.join(this.dir, name), text);
    return path.join(this.dir, name);
  }

  remove() {
    fs.rmSync(this.dir, { recursive: true, force: true });
  }
}

/** A launch.json as VS Code reads it in a window whose folder this is. */
export function launchJson(text, folder) {
  const filled = text.replaceAll(/^\s*\/\/.*$/gm, '').replaceAll('${workspaceFolderBasename}', path.basename(folder)).replaceAll('${workspaceFolder}', folder);
  return JSON.parse(filled).configurations[0];
}

export class Container {
  constructor(id) {
    this.id = id;
  }

  exec(user, ...command) {
    return engine('exec', '-u', user, this.id, ...command);
  }

  log() {
    return this.exec(USER, 'sh', '-c', 'cat ~/.local/state/delvegate/log');
  }

  logged(pattern) {
    return until(`${pattern} in the log`, async () => pattern.exec(await this.log()), { explain: () => this.log() });
  }

  /** The users of the processes that run the installed program. */
  async daemons() {
    const text = await this.exec('root', 'sh', '-c', 'for p in /proc/[0-9]*; do [ "$(readlink $p/exe)" != /usr/local/bin/delvegate ] || stat -c %U $p; done');
    return text.split('\n').filter(Boolean);
  }

  /** Waits until delvegate listens on a port. */
  listens(port) {
    const hex = port.toString(16).toUpperCase().padStart(4, '0');
    const script = `cat /proc/net/tcp /proc/net/tcp6 | grep -q ':${hex} [0-9A-F:]* 0A '`;
    return until(`port ${port} in the container`, () => run(ENGINE, ['exec', this.id, 'sh', '-c', script]).then(({ code }) => code === 0), { explain: () => this.log() });
  }

  remove() {
    return engine('rm', '-f', '-t', '0', this.id);
  }
}

/** A network namespace, which lives as long as its only process. */
export class Network {
  static async make() {
    const network = new Network();
    network.child = new Child('unshare', ['--net', 'cat'], { name: 'network namespace' });
    network.pid = network.child.pid;
    network.path = `/proc/${network.pid}/ns/net`;
    await until('a network namespace', () => fs.readlinkSync(network.path) !== fs.readlinkSync('/proc/self/ns/net'), { explain: () => network.child.text() });
    return network;
  }

  async address(link, address) {
    const script = `ip link set lo up && ip addr add ${address}/24 dev ${link} && ip link set ${link} up`;
    const { code, stderr } = await run('nsenter', [`--net=${this.path}`, 'sh', '-c', script]);
    assert.equal(code, 0, stderr);
  }

  end() {
    this.child.process.stdin.end();
    return this.child.end();
  }
}

const RELAY = "const s = require('net').connect(Number(process.argv[1]), '127.0.0.1'); process.stdin.pipe(s).pipe(process.stdout); s.on('error', (e) => { console.error(e.message); process.exit(1); });";

/** A port of this machine that leads into a container: a process there, of a given user, connects to its loopback. */
export class Forwarder {
  static async open(container, user, port) {
    const forwarder = new Forwarder();
    forwarder.relays = [];
    forwarder.server = net.createServer((socket) => {
      const relay = spawn(ENGINE, ['exec', '-i', '-u', user, container.id, 'node', '-e', RELAY, String(port)], { stdio: ['pipe', 'pipe', 'inherit'] });
      forwarder.relays.push(relay);
      relay.stdin.on('error', () => socket.destroy());
      socket.on('error', () => relay.stdin.end());
      socket.pipe(relay.stdin);
      relay.stdout.pipe(socket);
    });
    await new Promise((resolve, reject) => {
      forwarder.server.once('error', reject);
      forwarder.server.listen(0, '127.0.0.1', resolve);
    });
    forwarder.port = forwarder.server.address().port;
    return forwarder;
  }

  close() {
    this.server.close();
    for (const relay of this.relays) relay.kill();
  }
}
