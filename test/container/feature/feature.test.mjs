// The dev container Feature without any CLI: install.sh in a copy of a fresh root, and what it starts there.
//   ROOT      the root, as test/root.sh made it
//   PREPARED  yes: it has all that a build needs; no: nothing of it
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { publish } from '../../e2e/lib/goproxy.mjs';
import { endChildren } from '../../e2e/lib/children.mjs';
import { freePort } from '../../e2e/lib/port.mjs';
import { until } from '../../e2e/lib/until.mjs';
import { Container, HERE, Image, TREE, USER } from './container.mjs';

const { ROOT } = process.env;
const PREPARED = process.env.PREPARED === 'yes';
const dlv = (version) => `package main\n\nimport "fmt"\n\nfunc main() { fmt.Println("Delve Debugger\\nVersion: ${version}") }\n`;
const TEST_MS = 300_000;
const CONFIG = '/etc/xdg/delvegate/config.json';
const OWN_CONFIG = `/home/${USER}/.config/delvegate/config.json`;

describe(`the Feature on ${path.basename(ROOT)}`, () => {
  let image, port, packages, container;
  const containers = [];
  const it = (name, body) => test(name, { timeout: TEST_MS }, body);
  const onPrepared = PREPARED ? it : () => {};
  const onBare = PREPARED ? () => {} : it;
  const started = (user) => {
    container = new Container(image, user);
    containers.push(container);
  };
  const installed = async () => (await image.must(['dpkg-query', '-W', '-f', '${Package}\n'])).split('\n').filter(Boolean);
  const refused = async (options, pattern) => {
    const { code, stdout, stderr } = await image.install(options);
    assert.equal(code, 1, stdout + stderr);
    assert.match(stderr, pattern);
    // A machine whose own name has no address makes sudo say so.
    assert.equal(stderr.trim().split('\n').filter((line) => !line.startsWith('sudo: ')).length, 1, stderr);
  };
  const one = async () => {
    const list = await until('one delvegate', async () => {
      const all = await container.daemons();
      return all.length === 1 && all;
    }, { explain: () => container.log() });
    return list[0];
  };

  before(async () => {
    port = await freePort();
    image = await Image.make(ROOT);
    packages = await installed();
  }, { timeout: TEST_MS });
  after(async () => {
    for (const each of containers) await each.stop().catch(() => {});
    endChildren();
    await image?.remove();
  });

  it('says in one sentence what it cannot be installed with, or on', async () => {
    for (const PORT of ['0', '65536', 'http', '-1', '04711', '99999999999999999999']) await refused({ PORT }, /option port .*1 to 65535/);
    await refused({ AUTOSTART: 'yes' }, /option autostart .*true or false/);
    await refused({ TARGET: 'a "b"' }, /option target /);
    await refused({ TARGET: 'a'.repeat(65) }, /option target .*64 letters/);
    await refused({ DELVEVERSION: 'newest' }, /option delveVersion /);
    await refused({ _REMOTE_USER: 'nobody-here' }, /no user 'nobody-here'/);
    await image.must(['sh', '-c', 'mv /etc/os-release /etc/os-release.kept; printf \'ID=alpine\\nPRETTY_NAME="Alpine Linux v3.20"\\n\' >/etc/os-release']);
    await refused({}, /'Alpine Linux v3.20'.*Debian, Ubuntu/);
    await image.must(['mv', '/etc/os-release.kept', '/etc/os-release']);
    await image.must(['mv', '/root/delvegate/delvegate.tar.gz', '/root/source']);
    await refused({}, /no delvegate.tar.gz/);
    await image.must(['mv', '/root/source', '/root/delvegate/delvegate.tar.gz']);
    assert.deepEqual(await installed(), packages);
  });

  onBare('says that no package source was reached', async () => {
    await image.must(['sh', '-c', 'mkdir /root/sources && mv /etc/apt/sources.list* /root/sources && echo "deb http://127.0.0.1:9/debian bookworm main" >/etc/apt/sources.list']);
    const { code, stderr } = await image.install();
    await image.must(['sh', '-c', 'rm /etc/apt/sources.list && mv /root/sources/* /etc/apt/ && rmdir /root/sources']);
    assert.equal(code, 1, stderr);
    assert.match(stderr, /127\.0\.0\.1.*\ndelvegate: apt-get update reached no package source[^\n]*\n$/s);
    assert.deepEqual(await installed(), packages);
  });

  it('is installed by root for another user, and leaves nothing of the build', async () => {
    const fetched = () => image.must(['find', '/var/lib/apt/lists', '/var/cache/apt/archives', '-type', 'f', '-size', '+0']);
    const before = await fetched();
    const { code, stdout, stderr } = await image.install({ PORT: port });
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /no go in this image yet, so no Delve was installed/);
    const now = await installed();
    const added = now.filter((name) => !packages.includes(name));
    assert.deepEqual(packages.filter((name) => !now.includes(name)), [], 'what was there stays');
    assert.deepEqual(added.filter((name) => name.endsWith('-dev') || !name.startsWith('lib')), [], 'only libraries are added');
    assert.match(await image.must(['/usr/local/bin/delvegate', '--version']), /^delvegate /);
    assert.equal(await fetched(), before);
  });

  it('does nothing again what is done', async () => {
    const files = () => image.must(['sh', '-c', `find /usr/local /etc/xdg -type f -exec sha256sum {} + | sort; cat ${CONFIG} ${HERE}/settings; apt-mark showmanual`]);
    const now = await files();
    // As on what is based on Debian.
    await image.must(['sh', '-c', 'mv /etc/os-release /etc/os-release.kept; printf \'ID=linuxmint\\nID_LIKE="ubuntu debian"\\n\' >/etc/os-release']);
    const { code, stdout, stderr } = await image.install({ PORT: port });
    await image.must(['mv', '/etc/os-release.kept', '/etc/os-release']);
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /already installed/);
    assert.equal(await files(), now);
  });

  it('runs as its user, once, when the container starts as root', async () => {
    started();
    await container.answers(port);
    const { pid, uid } = await one();
    assert.equal(String(uid), (await container.must(`id -u ${USER}`)).trim());
    assert.equal(await container.must(`setpriv --reuid=${USER} --regid=${USER} --init-groups ${HERE}/start`), '');
    assert.equal((await one()).pid, pid);
    const of = async (what) => (await container.must(`cat /proc/${pid}/${what}`)).replaceAll('\0', '\n');
    const environment = await of('environ');
    assert.match(environment, new RegExp(`^HOME=/home/${USER}$`, 'm'));
    assert.match(environment, new RegExp(`^USER=${USER}$`, 'm'));
    const status = await of('status');
    assert.match(status, /^Umask:\s+0022$/m);
    const ignored = BigInt(`0x${/^SigIgn:\s+(\S+)$/m.exec(status)[1]}`);
    assert.equal(ignored & 0b110n, 0n, 'SIGINT and SIGQUIT are not ignored: the debugged program would inherit that');
    assert.notEqual((await of('stat')).split(') ')[1].split(' ')[3], '1', 'a session of its own');
    assert.equal(await container.must(`stat -c %a /home/${USER}/.local/state/delvegate/log`), '600\n');
  });

  it('is started again after a crash, and not after SIGTERM', async () => {
    const { pid } = await one();
    await container.must(`kill -9 ${pid}`);
    await container.answers(port);
    const next = await one();
    assert.notEqual(next.pid, pid);
    assert.match(await container.log(), /ended with status 137; restarting it in 1 s/);
    await container.must(`kill ${next.pid}`);
    // The lock is free when the last of it is gone.
    await until('its end', async () => (await container.exec(`flock --nonblock ${HERE}/lock true`)).code === 0);
    assert.deepEqual(await container.daemons(), []);
    await container.must(`${HERE}/start`);
    await container.answers(port);
    await one();
  });

  it('comes back with the container', async () => {
    await container.stop();
    started();
    await container.answers(port);
    await one();
    await container.stop();
    started(USER);
    await container.answers(port);
    await one();
  });

  it('is not started by a third user, whose container starts all the same', async () => {
    await container.stop();
    started('other');
    const text = await container.must('id -un');
    assert.equal(text, 'other\n');
    assert.match(container.child.stderr, new RegExp(`not started by other: it was installed for ${USER}`));
    assert.deepEqual(await container.daemons(), []);
  });

  it("says what is wrong with the user's own configuration, which goes before the Feature's and is never touched", async () => {
    await container.stop();
    await image.must(['install', '-d', '-o', USER, path.dirname(OWN_CONFIG)]);
    await image.must(['tee', OWN_CONFIG], { input: '{ "targets": { "mine": { "listen": "nowhere" } } }\n' });
    started();
    const { code, text } = await container.exec(`${HERE}/start`);
    assert.equal(code, 2, text);
    assert.match(text, new RegExp(`${OWN_CONFIG}:1:`));
    assert.deepEqual(await container.daemons(), []);

    const mine = await freePort();
    const own = `{ "targets": { "mine": { "listen": ${mine} } } }\n`;
    await container.stop();
    await image.must(['tee', OWN_CONFIG], { input: own });
    started();
    await container.answers(mine);
    await container.stop();
    assert.equal((await image.install({ PORT: port })).code, 0);
    assert.equal(await image.must(['cat', OWN_CONFIG]), own);
    await image.must(['rm', OWN_CONFIG]);
  });

  it('leaves a file at the place of its configuration that it did not write', async () => {
    await container.stop();
    const written = await image.must(['cat', CONFIG]);
    await image.must(['tee', CONFIG], { input: '{}\n' });
    const { code, stdout } = await image.install({ PORT: port });
    assert.equal(code, 0);
    assert.match(stdout, /not the Feature's own/);
    assert.equal(await image.must(['cat', CONFIG]), '{}\n');
    await image.must(['tee', CONFIG], { input: written });
  });

  it("keeps modules where the image's own go does, if the user may", async () => {
    await image.must(['install', '-d', '-o', USER, '/go']);
    for (const [GOPATH, cache] of [['/go', '/go/pkg/mod'], ['/root', undefined], ['/Users/me/go', undefined], ['go', undefined]]) {
      assert.equal((await image.install({ PORT: port, GOPATH })).code, 0);
      const { targets } = JSON.parse((await image.must(['cat', CONFIG])).replaceAll(/^\/\/.*$/gm, ''));
      assert.equal(targets.local.go?.GOMODCACHE, cache, GOPATH);
      await image.must(['/usr/local/bin/delvegate', '--check-config']);
    }
    assert.equal((await image.install({ PORT: port })).code, 0);
  });

  it('is started where env cannot undo what a shell ignores', async () => {
    await image.must(['tee', '/usr/local/bin/env'], { input: '#!/bin/sh\ncase $1 in --*) exit 125 ;; esac\nexec /usr/bin/env "$@"\n' });
    await image.must(['chmod', '755', '/usr/local/bin/env']);
    started();
    await container.answers(port);
    await container.stop();
    await image.must(['rm', '/usr/local/bin/env']);
  });

  it('is not started where autostart is off, but by hand', async () => {
    assert.equal((await image.install({ PORT: port, AUTOSTART: 'false', TARGET: 'here' })).code, 0);
    assert.match(await image.must(['/usr/local/bin/delvegate', '--check-config']), new RegExp(`^here: 127\\.0\\.0\\.1:${port} `));
    started();
    await container.must(`${HERE}/start`);
    assert.deepEqual(await container.daemons(), []);
    await container.must(`${HERE}/start --anyway`);
    await container.answers(port);
    await container.stop();
    assert.equal((await image.install({ PORT: port })).code, 0);
  });

  it('runs as root where root is the one who works in the container', async () => {
    assert.equal((await image.install({ PORT: port, _REMOTE_USER: '0' })).code, 0);
    assert.match(await image.must(['cat', `${HERE}/settings`]), /^user='root'$/m);
    started();
    assert.equal((await one()).uid, 0);
    await container.stop();
    assert.equal((await image.install({ PORT: port })).code, 0);
  });

  onBare('waits longer after each crash, and its log has an end', async (t) => {
    await image.must(['mv', '/usr/local/bin/delvegate', '/usr/local/bin/delvegate.kept']);
    const fake = '#!/bin/sh\n[ -z "$1" ] || exit 0\nhead -c 700000 /dev/zero | tr "\\0" x\necho\nexit 1\n';
    await image.must(['tee', '/usr/local/bin/delvegate'], { input: fake });
    await image.must(['chmod', '755', '/usr/local/bin/delvegate']);
    t.after(async () => {
      await container.stop();
      await image.must(['mv', '/usr/local/bin/delvegate.kept', '/usr/local/bin/delvegate']);
    });
    started();
    const state = `/home/${USER}/.local/state/delvegate`;
    // Of four runs of 0.7 MB each, only what two files may hold is there; one may become the other between the two reads.
    await until('the fourth wait', async () => {
      const { text } = await container.exec(`cat ${state}/log.1 ${state}/log | grep -o 'restarting it in [0-9]* s'`);
      return /restarting it in 4 s\nrestarting it in 8 s\n$/.test(text);
    }, { timeout: 60_000, explain: () => container.log() });
    const sizes = (await container.must(`stat -c %s ${state}/log ${state}/log.1`)).trim().split('\n').map(Number);
    for (const size of sizes) assert.ok(size < 2_000_000, `${sizes}`);
    assert.equal(await container.must(`ls ${state}`), 'log\nlog.1\n');
  });

  onPrepared('is brought up to date by another source', async () => {
    await image.must(['sh', '-c', 'cd /root/delvegate && gunzip -c delvegate.tar.gz | gzip -1 >other && mv other delvegate.tar.gz && touch -d @0 /usr/local/bin/delvegate']);
    // An image may have variables that make knows, and a compiler may warn of more: here as one that fortifies by itself.
    const { code, stdout, stderr } = await image.install({ PORT: port, KIND: 'production', BUILD: '/nope', DESTDIR: '/nope', CPPFLAGS: '-D_FORTIFY_SOURCE=3' });
    assert.equal(code, 0, stdout + stderr);
    assert.notEqual(await image.must(['stat', '-c', '%Y', '/usr/local/bin/delvegate']), '0\n');
    assert.deepEqual((await installed()).filter((name) => !packages.includes(name)), []);
  });

  onBare('debugs: a whole session with the Delve that it brings', async () => {
    await image.must(['sh', '-c', 'apt-get -qq update && apt-get -qq -y --no-install-recommends install golang-go']);

    // By go install, from a module proxy: a stand-in for Delve, of which nothing but the program stays.
    const proxy = fs.mkdtempSync(path.join(os.tmpdir(), 'delvegate-proxy-'));
    publish(path.join(proxy, 'proxy'), 'github.com/go-delve/delve', 'v1.99.0', 'go 1.19\n', { 'cmd/dlv/main.go': dlv('1.99.0') });
    publish(path.join(proxy, 'newer'), 'github.com/go-delve/delve', 'v1.99.0', 'go 1.99.0\n', { 'cmd/dlv/main.go': dlv('1.99.0') });
    publish(path.join(proxy, 'newer'), 'github.com/go-delve/delve', 'v1.20.9', 'go 1.16\n', { 'cmd/dlv/main.go': dlv('1.20.9') });
    await image.put(proxy, 'proxy', '/root');
    await image.put(proxy, 'newer', '/root');
    fs.rmSync(proxy, { recursive: true });
    const fetched = { PORT: port, DELVEVERSION: '1.99.0', GOPROXY: 'file:///root/proxy', GOSUMDB: 'off' };
    const byGo = await image.install(fetched);
    assert.equal(byGo.code, 0, byGo.stdout + byGo.stderr);
    assert.match(byGo.stdout, /installed Delve 1\.99\.0 with go install/);
    assert.equal(await image.must(['sh', '-c', 'find /root /tmp -name "*.mod" -newer /root/delvegate | grep -v -e /root/proxy -e /root/newer || :']), '');
    assert.doesNotMatch((await image.install(fetched)).stdout, /go install/, 'that version is there');
    await image.must(['rm', '/usr/local/bin/dlv']);

    // The latest that this Go does not build is no reason to go without one.
    const older = await image.install({ PORT: port, GOPROXY: 'file:///root/newer', GOSUMDB: 'off' });
    assert.equal(older.code, 0, older.stdout + older.stderr);
    assert.match(older.stdout, /installed Delve 1\.20\.9 with go install/);
    await image.must(['rm', '/usr/local/bin/dlv']);

    // Without a module proxy the distribution's is installed.
    const { code, stdout, stderr } = await image.install({ PORT: port, DELVEVERSION: '1.20.2', GOPROXY: 'off' });
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /go install github.com\/go-delve\/delve\/cmd\/dlv@v1.20.2' failed/);
    assert.match(stdout, /installed Delve 1\.20/);
    const home = `/home/${USER}`;
    await image.put(path.join(TREE, 'test/e2e/programs'), 'hello', home);
    const source = `${home}/hello/main.go`;
    const line = fs.readFileSync(path.join(TREE, 'test/e2e/programs/hello/main.go'), 'utf8').split('\n').findIndex((l) => l.includes('// SUM')) + 1;
    started();
    const client = await container.client(port);
    const exited = client.event('exited');
    exited.catch(() => {}); // awaited below; an earlier failure is told first
    const [breakpoint] = await client.start('launch', { mode: 'debug', program: `${home}/hello` }, { [source]: [line] });
    assert.equal(breakpoint.verified, true);
    const { reason, threadId } = await client.event('stopped');
    assert.equal(reason, 'breakpoint');
    const { frame, variables } = await client.where(threadId);
    assert.equal(frame.line, line);
    assert.equal(frame.source.path, source);
    assert.ok(variables.some(({ name, value }) => name === 'b' && value === '10'), JSON.stringify(variables));
    await client.request('setBreakpoints', { source: { path: source }, breakpoints: [] });
    await client.request('continue', { threadId });
    assert.equal((await exited).exitCode, 0);
    await client.request('disconnect', { terminateDebuggee: true });
    client.close();
    await until('no run directory', async () => (await container.exec(`ls -d ${home}/.cache/delvegate/*/[0-9]*/ 2>/dev/null`)).text === '');
  });
});
