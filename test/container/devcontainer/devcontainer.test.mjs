// The Feature with the real Dev Container CLI: the example project as README has it, the ways to reach delvegate in the
// container, a published port, and the plain Dockerfile. Runs under `test/podman.sh with`.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { run } from '../../e2e/lib/children.mjs';
import { until } from '../../e2e/lib/until.mjs';
import { GoMachine } from './gomachine.mjs';
import { Container, Forwarder, HERE, Home, Network, START, TREE, USER, commands, engine, launchJson, makeImages } from './lib.mjs';
import { session } from './session.mjs';

const TEST_MS = 600_000;
const PORT = 4711;
const INSIDE = '/workspaces/hello';
const LAPTOP = '10.0.0.1';
const PUBLISHED = '10.0.0.2';
const RISK = new RegExp(`warning .*allowPeer: anyone who can connect from ${LAPTOP.replaceAll('.', '\\.')} to port ${PORT} can run programs as uid \\d+`);
// What the example, and the Dockerfile, are made from.
const BASE = 'mcr.microsoft.com/devcontainers/go:1-bookworm';
const IMAGES = [BASE, 'localhost/golang:1-bookworm'];

const it = (name, body) => test(name, { timeout: TEST_MS }, body);

function assertWhole(seen) {
  assert.equal(seen.verified, true);
  assert.equal(seen.reason, 'breakpoint');
  assert.equal(seen.stopped, seen.wanted);
  assert.equal(seen.b, '10');
  assert.equal(seen.exitCode, 0);
  assert.match(seen.output, /round 4 100\nhéllo, wörld/);
}

/** The part of README below a heading. */
function section(heading) {
  const [, rest] = fs.readFileSync(path.join(TREE, 'README.md'), 'utf8').split(`\n## ${heading}\n`);
  assert.ok(rest, `README has no section '${heading}'`);
  return rest.split('\n## ')[0];
}

/** The example's launch.json, in a window whose folder this is. */
function launch(folder) {
  const [, name] = /`(\S*\/launch\.json)`/.exec(section('Run it in a dev container'));
  return launchJson(fs.readFileSync(path.join(TREE, name), 'utf8'), folder);
}

describe('dev container', () => {
  let home, container, image;

  before(async () => {
    home = new Home();
    await makeImages(IMAGES);
  }, { timeout: TEST_MS });
  after(async () => {
    await container?.remove();
    // The CLI names an image after the project's directory, which is another one each time.
    const names = (await engine('images', '--format', '{{.Repository}}')).split('\n').filter((name) => /\/(vsc-|go-delvegate)/.test(name));
    if (names.length > 0) await engine('rmi', '-f', ...names);
    await engine('image', 'prune', '-f');
    home?.remove();
  });

  it('comes up with the commands of README, and its Go environment is checked', async () => {
    const lines = commands(section('Run it in a dev container'));
    const up = lines.findIndex((line) => line.startsWith('devcontainer up'));
    assert.ok(up > 0, `README's commands: ${lines.join('; ')}`);
    let said;
    for (const line of lines) said = await home.sh(line);
    const { outcome, containerId, remoteUser } = JSON.parse(said.stdout.trim().split('\n').at(-1));
    assert.equal(outcome, 'success');
    assert.equal(remoteUser, USER);
    assert.match(said.stderr, /local: ok: go1\.\S+ .*Delve 1\./, 'postCreateCommand');
    container = new Container(containerId);
    image = (await engine('inspect', '--format', '{{.Image}}', containerId)).trim();
    await container.listens(PORT);
    assert.deepEqual(await container.daemons(), [USER]);
  });

  it('debugs from inside: VS Code attached to the container', async () => {
    fs.copyFileSync(path.join(HERE, 'session.mjs'), path.join(home.project, 'session.mjs'));
    fs.writeFileSync(path.join(home.project, 'launch.json'), JSON.stringify(launch(INSIDE)));
    const { stdout } = await home.sh(`devcontainer exec --workspace-folder ${home.project} node ${INSIDE}/session.mjs ${PORT} ${INSIDE} launch.json`);
    assertWhole(JSON.parse(stdout.trim().split('\n').at(-1)));
    await container.logged(/session 1: .* -> ending/);
  });

  it("debugs from outside through a forwarder of the container's user", async () => {
    const forwarder = await Forwarder.open(container, USER, PORT);
    try {
      assertWhole(await session(forwarder.port, home.project, { launch: launch(home.project) }));
    } finally {
      forwarder.close();
    }
  });

  it('refuses a forwarder of another user, and the log says which users differ', async () => {
    const forwarder = await Forwarder.open(container, 'nobody', PORT);
    try {
      await assert.rejects(session(forwarder.port, home.project), /closed|ECONNRESET/);
    } finally {
      forwarder.close();
    }
    const [nobody, user] = await Promise.all(['nobody', USER].map(async (name) => (await container.exec('root', 'id', '-u', name)).trim()));
    await container.logged(new RegExp(`refused a connection: it belongs to uid ${nobody}, but delvegate runs as uid ${user}; .*remoteUser`));
  });

  it('comes back when the container is restarted, once', async () => {
    await engine('restart', '-t', '0', container.id);
    await container.listens(PORT);
    await home.sh(`devcontainer up --workspace-folder ${home.project}`);
    assert.equal(await container.exec(USER, START), '');
    assert.deepEqual(await container.daemons(), [USER]);
    const { stdout } = await home.sh(`devcontainer exec --workspace-folder ${home.project} node ${INSIDE}/session.mjs ${PORT} ${INSIDE} launch.json`);
    assertWhole(JSON.parse(stdout.trim().split('\n').at(-1)));
  });

  describe('with a published port', () => {
    let published, laptop, machine;

    // Two networks: the laptop's side of the port, where any user may sit, and the container's.
    before(async () => {
      laptop = await Network.make();
      machine = await Network.make();
      await home.sh(`ip link add published0 netns ${laptop.pid} type veth peer name published0 netns ${machine.pid}`);
      await laptop.address('published0', LAPTOP);
      await machine.address('published0', PUBLISHED);
    });
    after(async () => {
      await published?.remove();
      await Promise.all([laptop, machine].map((network) => network?.end()));
    });

    /** Starts a container of the image with a configuration of its user's own. */
    const start = async (config) => {
      await published?.remove();
      const file = home.write('config/config.json', config ? JSON.stringify({ targets: { local: config } }) : '{}');
      const args = [`--network=ns:${machine.path}`, '--cap-add=SYS_PTRACE', '-v', `${home.project}:${INSIDE}`,
        '-v', `${path.dirname(file)}:/home/${USER}/.config/delvegate`, '--entrypoint', path.join(path.dirname(START), 'entrypoint')];
      published = new Container((await engine('run', '-d', ...args, image, 'sleep', 'infinity')).trim());
    };
    /** A session from the laptop's side, as a user who is none of the container's, and who may not read the checkout. */
    const fromLaptop = async () => {
      const command = [`--net=${laptop.path}`, 'setpriv', '--reuid=65534', '--regid=65534', '--clear-groups',
        process.execPath, path.join(home.project, 'session.mjs'), String(PORT), INSIDE, path.join(home.project, 'launch.json'), PUBLISHED, home.project];
      return run('nsenter', command, { timeout: TEST_MS });
    };

    it('is not there by default: only the loopback is listened on', async () => {
      await start();
      await published.listens(PORT);
      const { code, stderr } = await fromLaptop();
      assert.equal(code, 1);
      assert.match(stderr, /ECONNREFUSED/);
      assert.doesNotMatch(await published.log(), /allowPeer/);
    });

    it('is no configuration without allowPeer', async () => {
      await start({ listen: `0.0.0.0:${PORT}` });
      const { code, stderr } = await run(path.join(HERE, 'engine'), ['exec', '-u', USER, published.id, START]);
      assert.equal(code, 2);
      assert.match(stderr, /config\.json:1:\d+: .*allowPeer/);
      assert.deepEqual(await published.daemons(), []);
    });

    it('refuses who is not named, and says what could be', async () => {
      await start({ listen: `0.0.0.0:${PORT}`, allowPeer: ['10.0.0.9'] });
      await published.listens(PORT);
      const { code } = await fromLaptop();
      assert.equal(code, 1);
      await published.logged(new RegExp(`refused a connection: its owner is not known, because its other end, ${LAPTOP}, is not on this machine.*allowPeer`));
    });

    it('serves the address that allowPeer names, and the log has the risk at every start', async () => {
      await start({ listen: `0.0.0.0:${PORT}`, allowPeer: [LAPTOP] });
      await published.listens(PORT);
      const { code, stdout, stderr } = await fromLaptop();
      assert.equal(code, 0, stderr);
      assertWhole(JSON.parse(stdout.trim().split('\n').at(-1)));
      await published.logged(RISK);
      await engine('restart', '-t', '0', published.id);
      await published.listens(PORT);
      const log = await published.log();
      assert.equal(log.match(new RegExp(RISK, 'g')).length, 2, log);
    });
  });

  it('debugs with delvegate outside: sshd, Go and Delve in the container', async () => {
    const machine = await GoMachine.up(home, BASE);
    try {
      assertWhole(await session(machine.port, machine.project));
      const there = (what) => machine.container.exec('go', 'sh', '-c', `ls -d ~/.cache/delvegate/${what} 2>/dev/null || :`);
      await until('no run directory', async () => (await there('*/[0-9]*/')) === '');
      assert.equal((await machine.stop()).code, 0);
      await until('no supervisor', async () => (await there('*/socket')) === '');
    } finally {
      await machine.remove();
    }
  });

  it('is the same from the plain Dockerfile', async () => {
    const file = path.join(TREE, 'scripts/devcontainer/Dockerfile');
    fs.copyFileSync(file, path.join(home.project, 'Dockerfile'));
    fs.cpSync(path.join(TREE, 'build/feature/delvegate'), path.join(home.project, 'delvegate'), { recursive: true });
    const lines = commands(fs.readFileSync(file, 'utf8'));
    assert.deepEqual(lines.map((line) => line.split(' ').slice(0, 2).join(' ')), ['docker build', 'docker run']);
    for (const line of lines) await home.sh(line, home.project);
    const plain = new Container('go-delvegate');
    try {
      await plain.listens(PORT);
      assert.deepEqual(await plain.daemons(), [USER]);
      const seen = await plain.exec(USER, 'node', `${home.project}/session.mjs`, String(PORT), home.project);
      assertWhole(JSON.parse(seen.trim().split('\n').at(-1)));
    } finally {
      await plain.remove();
    }
  });
});
