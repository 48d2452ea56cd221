// What delvegate tells a service manager and takes over from it, with a manager as small as can be (helpers/manager.c):
// everywhere, also where no systemd is. The real one is tested in test/install/systemd.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { Child, DELVEGATE, Raw, Session, TEST_MS, World, freePort, line, proc, program, run, until } from './harness.mjs';

const MANAGER = path.join(path.dirname(DELVEGATE), 'manager');
const hasIpv6 = Object.values(os.networkInterfaces()).flat().some(({ address }) => address === '::1');
const HELLO = path.join(program('hello'), 'main.go');

/** A world whose delvegate is started by the manager. */
class Managed extends World {
  /** flags: of the manager; before: called with the world when its configuration is there. */
  static async start(t, { flags = [], before, shell, ...options } = {}) {
    const w = new Managed({ transport: 'local', daemon: false, ...options });
    t.after(() => w.stop());
    await w.start();
    if (before) await before(w);
    const command = [MANAGER, ...(typeof flags === 'function' ? flags(w) : flags), '--', DELVEGATE, '--config', w.configFile];
    const [file, ...args] = shell ? ['sh', '-c', shell, ...command] : command;
    w.daemon = new Child(file, args, { name: 'manager', env: w.daemonEnv, cwd: w.root });
    return w;
  }

  get starts() {
    return [...this.daemon.stdout.matchAll(/^start (\d+)$/gm)].map((m) => Number(m[1]));
  }

  get delvegate() {
    return this.starts.at(-1);
  }

  processes() {
    return super.processes().filter((pid) => !this.starts.includes(pid));
  }

  get told() {
    return [...this.daemon.stdout.matchAll(/^told (.*)$/gm)].map((m) => m[1]);
  }

  hears(pattern) {
    return this.daemon.wait(new RegExp(`^told .*${pattern.source}`, 'm'), { stream: 'stdout' });
  }

  says(pattern, stream = 'stderr') {
    return this.daemon.wait(pattern, { stream });
  }
}

/** A test of its own world; what is left behind is looked for when it ends. */
function managed(name, options, body) {
  test(name, { timeout: TEST_MS, skip: options.skip ?? false }, async (t) => {
    const w = await Managed.start(t, options);
    try {
      await body(w, t);
      w.assertNoSanitizerReport();
    } catch (error) {
      throw new Error(`${error.stack}\n${w.logs()}`);
    }
  });
}

/** A connection is reset, before or after the client has seen it made. */
async function refused(port) {
  try {
    assert.equal(await (await Raw.open(port)).rest(), '');
  } catch (error) {
    if (error.code !== 'ECONNRESET') throw error;
  }
}

async function toBreakpoint(port, options) {
  const s = await Session.open(port, options);
  await s.launch({ program: program('hello') }, () => s.breakpoints(HELLO, [line(HELLO, 'LOOP')]));
  await s.stop({ reason: 'breakpoint' });
  return s;
}

describe('a service', () => {
  managed('is ready once every port is bound, and tells its targets and sessions', { targets: { other: {} } }, async (w) => {
    await w.hears(/READY=1/);
    const { main, other } = w.config.targets;
    for (const { listen } of [main, other]) (await Raw.open(listen)).socket.destroy();
    const s = await toBreakpoint(w.port);
    await w.hears(/STATUS=sessions: 1 \(main 1\); targets: main 127\.0\.0\.1:\d+, other 127\.0\.0\.1:\d+\|/);
    const at = w.told.length;
    await s.finish();
    await until('the status to be renewed', () => w.told.slice(at).some((text) => /STATUS=sessions: 0; targets/.test(text)));
    assert.equal(w.told.filter((text) => /READY=1/.test(text)).length, 1);
  });

  managed('is not ready when a port is taken, and ends with 1', { before: async (w) => {
    w.other = net.createServer().listen(w.port, '127.0.0.1');
    await until('the port to be taken', () => w.other.listening);
  } }, async (w) => {
    await w.says(/^exit 1$/m, 'stdout');
    w.other.close();
    assert.match(w.daemon.stderr, new RegExp(`port ${w.port} of target main is taken`));
    assert.doesNotMatch(w.daemon.stdout, /READY=1/);
  });

  managed('ends with 2 when its configuration is broken', { before: (w) => w.writeConfig('{ "targets": ') }, async (w) => {
    await w.says(/^exit 2$/m, 'stdout');
    assert.match(w.daemon.stderr, new RegExp(`^${w.configFile}:1:\\d+: `, 'm'));
    assert.doesNotMatch(w.daemon.stdout, /READY=1/);
  });

  managed('tells a reload from its beginning to its end', {}, async (w) => {
    await w.hears(/READY=1/);
    const before = process.hrtime.bigint() / 1000n;
    w.daemon.kill('SIGHUP');
    const [, us] = await w.hears(/RELOADING=1\|MONOTONIC_USEC=(\d+)\|/);
    await until('to be ready again', () => w.told.filter((text) => /READY=1/.test(text)).length === 2);
    const now = process.hrtime.bigint() / 1000n;
    assert.ok(BigInt(us) >= before && BigInt(us) <= now, `${before} <= ${us} <= ${now}`);
  });

  managed('keeps the old configuration when the new one is broken, and says so', {}, async (w) => {
    await w.hears(/READY=1/);
    w.writeConfig('{ "targets": { "main": { "listen": 0 } } }');
    w.daemon.kill('SIGHUP');
    await w.hears(/STATUS=the configuration is invalid, the previous one stays active; sessions: 0/);
    await until('to be ready again', () => w.told.filter((text) => /READY=1/.test(text)).length === 2);
    await w.says(new RegExp(`^${w.configFile}:1:\\d+: targets.main.listen: 0 is not a port`, 'm'));
    (await Raw.open(w.port)).socket.destroy();
    w.writeConfig(w.config);
    w.daemon.kill('SIGHUP');
    await until('the status to be well again', () => /STATUS=sessions: 0; targets/.test(w.told.at(-2) + w.told.at(-1)) && w.told.filter((text) => /READY=1/.test(text)).length === 3);
  });

  managed('tells when a reload finds a port taken, and no more when it is free: the next reload binds it', {}, async (w, t) => {
    await w.hears(/READY=1/);
    const server = net.createServer().listen(0, '127.0.0.1');
    t.after(() => server.close());
    await until('a port to be taken', () => server.listening);
    const { port } = server.address();
    w.writeConfig({ ...w.config, targets: { ...w.config.targets, second: { ...w.config.targets.main, listen: port } } });
    w.daemon.kill('SIGHUP');
    await w.hears(/STATUS=not every port could be bound, see the log; sessions: 0; targets: main \S+\|$/);
    assert.match(w.daemon.stderr, new RegExp(`port ${port} of target second is taken`));
    await new Promise((resolve) => { server.close(resolve); });
    w.daemon.kill('SIGHUP');
    await w.hears(new RegExp(`STATUS=sessions: 0; targets: main \\S+, second 127\\.0\\.0\\.1:${port}\\|$`));
    await (await toBreakpoint(port)).finish();
  });

  managed('tells that it stops, ends its sessions and ends with 0', {}, async (w) => {
    await w.hears(/READY=1/);
    const s = await toBreakpoint(w.port);
    w.daemon.kill('SIGTERM');
    await s.event('terminated');
    await w.hears(/STOPPING=1/);
    await w.says(/^exit 0$/m, 'stdout');
    await w.hears(/STATUS=stopping; sessions: 1 \(main 1\)/);
    assert.match(s.shown, /delvegate is being stopped/);
    s.assertProtocol();
    await w.nothingLeft();
  });

  managed('gives its sign of life from the loop: one that is stuck is ended', { flags: ['-w', '2'] }, async (w) => {
    await until('three signs of life', () => w.told.filter((text) => /WATCHDOG=1/.test(text)).length >= 3);
    assert.doesNotMatch(w.daemon.stdout, /^watchdog$/m);
    process.kill(w.delvegate, 'SIGSTOP');
    await w.says(/^watchdog\n[^]*^signal 6$/m, 'stdout');
  });

  managed('a WATCHDOG_USEC that is no number is told once', {
    shell: 'exec "$0" -- env WATCHDOG_USEC=1s "$2" "$3" "$4"',
  }, async (w) => {
    await w.hears(/READY=1/);
    assert.equal(w.daemon.stderr.match(/WATCHDOG_USEC is not a number: '1s'; no keep-alive is sent/g).length, 1);
  });

  managed('finds a NOTIFY_SOCKET of the abstract name space', { flags: ['-a'] }, async (w) => {
    await w.hears(/READY=1/);
  });

  managed('a NOTIFY_SOCKET that is away for a while: told once, and what is due is told later', {}, async (w) => {
    await w.hears(/READY=1/);
    const { NOTIFY_SOCKET } = proc.environ(w.delvegate);
    fs.renameSync(NOTIFY_SOCKET, `${NOTIFY_SOCKET}.away`);
    for (const round of [1, 2]) {
      w.daemon.kill('SIGHUP');
      await until('the reload', () => w.daemon.stderr.match(/configuration was reloaded/g)?.length === round);
    }
    fs.renameSync(`${NOTIFY_SOCKET}.away`, NOTIFY_SOCKET);
    const client = await Raw.open(w.port);
    await w.hears(/RELOADING=1\|MONOTONIC_USEC=\d+\|READY=1\|STATUS=sessions: 1/);
    client.socket.destroy();
    assert.equal(w.daemon.stderr.match(/cannot be notified: \S+: No such file or directory/g).length, 1);
  });

  managed('nothing of the manager reaches Delve, the build and the program', { flags: (w) => ['-w', '60', '-l', `127.0.0.1:${w.port}`] }, async (w) => {
    await w.hears(/READY=1/);
    const s = await toBreakpoint(w.port);
    const family = w.processes();
    assert.ok(family.includes(await w.dlv()) && family.includes(await w.debuggee()), proc.describe(family));
    for (const pid of family) {
      const names = Object.keys(proc.environ(pid)).filter((name) => /^(NOTIFY_SOCKET|WATCHDOG_|LISTEN_|INVOCATION_ID|JOURNAL_STREAM)/.test(name));
      assert.deepEqual(names, [], proc.describe([pid]));
      const links = fs.readdirSync(`/proc/${pid}/fd`).map((fd) => { try { return fs.readlinkSync(`/proc/${pid}/fd/${fd}`); } catch { return ''; } });
      const own = new Set(fs.readdirSync(`/proc/${w.delvegate}/fd`).map((fd) => { try { return fs.readlinkSync(`/proc/${w.delvegate}/fd/${fd}`); } catch { return ''; } }));
      assert.deepEqual(links.filter((link) => link.startsWith('socket:') && own.has(link)), [], proc.describe([pid]));
    }
    await s.finish();
  });

  managed('under the journal each line has a priority and no time', {
    shell: 'exec 2>"$HOME/journal"; JOURNAL_STREAM=$(stat -Lc %d:%i "$HOME/journal"); export JOURNAL_STREAM; exec "$0" "$@"',
    before: (w) => w.writeConfig({ ...w.config, log: { level: 'info' } }),
  }, async (w) => {
    await w.hears(/READY=1/);
    const s = await toBreakpoint(w.port);
    await s.finish();
    w.writeConfig('{');
    w.daemon.kill('SIGHUP');
    const lines = () => fs.readFileSync(w.at('home/journal'), 'utf8').split('\n').slice(0, -1);
    await until('the reload in the journal', () => lines().some((l) => l.startsWith('<3>the previous configuration stays active')));
    for (const l of lines()) assert.match(l, /^<[3467]>\S/);
    assert.ok(lines().some((l) => l.startsWith(`<3>${w.configFile}:1:`)), lines().join('\n'));
    const story = lines().filter((l) => /session 1: /.test(l));
    assert.ok(story.length >= 4 && story.every((l) => l.startsWith('<6>session 1: ')), lines().join('\n'));
  });
});

test('bytes that the journal would not show, or a terminal would obey, are escaped; other characters are not', async () => {
  const { stderr } = await run('sh', ['-c', 'exec "$0" --config "/nowhere/$(printf "\\377.\\302\\233.\\303\\251.\\344\\270\\255.\\302\\240.\\033.\\303")"', DELVEGATE]);
  assert.equal(stderr.split(': ')[0], '/nowhere/\\377.\\302\\233.é.中.\u00a0.\\033.\\303');
});

describe('handed-over sockets', () => {
  managed('a target listens on the socket that has its address', { flags: (w) => ['-l', `127.0.0.1:${w.port}=whatever`] }, async (w) => {
    await w.hears(/READY=1/);
    await w.says(/listening on 127\.0\.0\.1 port \d+ for target main .*handed over by the service manager/);
    const s = await toBreakpoint(w.port);
    await s.finish();
  });

  managed('those of another process are let alone', { flags: ['-l', '127.0.0.1:0', '-p', '1'] }, async (w) => {
    await w.hears(/READY=1/);
    assert.doesNotMatch(w.daemon.stderr, /service manager/);
    const s = await toBreakpoint(w.port);
    await s.finish();
  });

  managed('one without a target is refused, in a line that says how to add a port', { flags: ['-l', '127.0.0.1:0=extra'] }, async (w) => {
    await w.hears(/READY=1/);
    const port = Number(/^listen \S+ (\d+)$/m.exec(w.daemon.stdout)[1]);
    await w.says(new RegExp(`the socket on 127\\.0\\.0\\.1 port ${port} \\(extra\\) .*ListenStream=127\\.0\\.0\\.1:${w.port} for main: systemctl --user edit delvegate\\.socket`));
    await refused(port);
    await (await toBreakpoint(w.port)).finish();
  });

  managed('what is no listening TCP socket is refused', { flags: ['-u', '-g', '-c', '-n'] }, async (w) => {
    await w.hears(/READY=1/);
    const lines = [
      /descriptor 3 \(unix\) .*refused: not a TCP socket/,
      /descriptor 4 \(datagram\) .*refused: not a TCP socket/,
      /descriptor 5 \(connection\) .*refused: not a listening socket; remove Accept=yes from the socket unit/,
      /descriptor 6 \(unknown\) .*refused: not an open descriptor/,
    ];
    const mend = `; .*ListenStream=127\\.0\\.0\\.1:${w.port} for main: systemctl --user edit delvegate\\.socket$`;
    for (const { source } of lines) await w.says(new RegExp(source + mend, 'm'));
    await (await toBreakpoint(w.port)).finish();
  });

  managed('a socket that was handed over twice is the target\'s once, and loses it no client', {
    flags: (w) => ['-l', `127.0.0.1:${w.port}`, '-d'],
  }, async (w) => {
    await w.hears(/READY=1/);
    await w.says(/descriptor 4 \(again\) .*refused: the same socket as a descriptor before it/);
    for (let i = 0; i < 20; i++) {
      const s = await Session.open(w.port);
      await s.initialize();
      await s.send('disconnect');
      await s.closed;
    }
  });

  managed('a socket of IPv6', {
    skip: !hasIpv6 && 'no IPv6 loopback', flags: (w) => ['-l', `::1:${w.port}`],
    before: (w) => {
      w.config.targets.main.listen = `[::1]:${w.port}`;
      w.writeConfig(w.config);
    },
  }, async (w) => {
    await w.says(/listening on ::1 port \d+ for target main .*handed over by the service manager/);
    await w.hears(/STATUS=sessions: 0; targets: main \[::1\]:\d+\|/);
    const s = await toBreakpoint(w.port, { host: '::1' });
    await s.finish();
  });

  managed('one on all addresses keeps its port from the target: the line of the unit that would do is told', {
    flags: (w) => ['-l', `0.0.0.0:${w.port}`],
  }, async (w) => {
    await w.says(/^exit 1$/m, 'stdout');
    assert.match(w.daemon.stderr, new RegExp(`port ${w.port} of target main at 0\\.0\\.0\\.0 instead of 127\\.0\\.0\\.1: .*ListenStream=127\\.0\\.0\\.1:${w.port} `));
    assert.doesNotMatch(w.daemon.stderr, /taken by a process|READY=1/);
  });

  managed('of two with one address the one with the name of the target is taken', {
    flags: (w) => ['-l', `127.0.0.1:${w.port}=other`, '-l', `127.0.0.1:${w.port}=main`],
  }, async (w) => {
    await w.hears(/READY=1/);
    await w.says(/the socket on 127\.0\.0\.1 port \d+ \(other\) .*belongs to no target/);
  });

  managed('a reload gives a socket to another target, and one back', {
    flags: (w) => ['-l', `127.0.0.1:${w.port}`, '-l', `127.0.0.1:${w.spare}`],
    before: async (w) => { w.spare = await freePort(); },
  }, async (w) => {
    await w.hears(/READY=1/);
    await w.says(new RegExp(`the socket on 127\\.0\\.0\\.1 port ${w.spare} .*belongs to no target`));
    const { main } = w.config.targets;
    w.writeConfig({ ...w.config, targets: { renamed: { ...main, listen: w.spare } } });
    w.daemon.kill('SIGHUP');
    await w.says(new RegExp(`listening on 127\\.0\\.0\\.1 port ${w.spare} for target renamed .*handed over`));
    await w.says(new RegExp(`the socket on 127\\.0\\.0\\.1 port ${w.port} .*belongs to no target`));
    await refused(w.port);
    const s = await toBreakpoint(w.spare);
    await s.finish();
  });

  managed('numbers that are none are not believed', { shell: 'export LISTEN_FDS=9999 LISTEN_PID=$$; shift; exec "$@"' }, async (w) => {
    await w.says(/LISTEN_FDS is not a number from 0 to \d+: '9999'/);
    await w.says(/listening on/);
  });

  managed('the first F5 starts delvegate and is answered; idle it ends by itself and the next one starts it again', {
    flags: (w) => ['-s', '-l', `127.0.0.1:${w.port}`], config: { idleExit: '1s' },
  }, async (w) => {
    await w.says(/^listen/m, 'stdout');
    assert.deepEqual(w.starts, []);
    for (let round = 1; round <= 2; round++) {
      const s = await toBreakpoint(w.port);
      assert.equal(w.starts.length, round);
      await s.finish();
      await until('delvegate to end by itself', () => [...w.daemon.stdout.matchAll(/^exit 0$/gm)].length === round, { explain: () => w.logs() });
      assert.match(w.daemon.stderr, /no session within the time of idleExit/);
      await w.nothingLeft();
    }
  });

  managed('a taken port of another target does not keep the first F5 from its session', {
    flags: (w) => ['-s', '-l', `127.0.0.1:${w.port}`], targets: { other: {} },
    before: async (w) => {
      w.other = net.createServer().listen(w.config.targets.other.listen, '127.0.0.1');
      await until('the port to be taken', () => w.other.listening);
    },
  }, async (w, t) => {
    t.after(() => w.other.close());
    await w.says(/^listen/m, 'stdout');
    await (await toBreakpoint(w.port)).finish();
    assert.equal(w.starts.length, 1, w.logs());
    assert.match(w.daemon.stderr, new RegExp(`port ${w.config.targets.other.listen} of target other is taken by node`));
    await w.hears(/STATUS=not every port could be bound, see the log; /);
  });

  managed('a broken configuration is the answer to the first F5, with its place; ten of them are one start; the next after it is corrected is served', {
    flags: (w) => ['-s', '-l', `127.0.0.1:${w.port}`], before: (w) => w.writeConfig('{\n  "targets": { "main": { "listen": "nowhere" } },\n  "lgo": {}\n}\n'),
  }, async (w) => {
    await w.says(/^listen/m, 'stdout');
    for (let i = 0; i < 10; i++) {
      const s = await Session.open(w.port);
      const { response } = await s.refused('initialize', { adapterID: 'go' });
      const { error } = response.body;
      assert.equal(error.showUser, true);
      assert.ok(error.format.startsWith(`${w.configFile}:2:36: targets.main.listen: "nowhere" `), error.format);
      assert.match(error.format, /configuration is invalid \(1 more: delvegate --check-config\)/);
      assert.ok(response.message.startsWith(`${w.configFile}:2:36: `), response.message);
      await s.send('disconnect');
      await s.closed;
      s.assertProtocol();
    }
    // What connects and says nothing, or nothing of DAP, keeps nobody from an answer.
    const mute = await Raw.open(w.port);
    const other = await Raw.open(w.port);
    await other.write('GET / HTTP/1.1\r\n\r\n');
    assert.doesNotMatch(await other.rest(), /nowhere/);
    fs.rmSync(w.configFile);
    const gone = await Session.open(w.port);
    const missing = await gone.refused('launch', { program: program('hello') });
    assert.ok(missing.response.body.error.format.startsWith(`${w.configFile}: cannot read the configuration: No such file`), missing.text);
    gone.close();
    mute.socket.destroy();
    w.writeConfig(w.config);
    await (await toBreakpoint(w.port)).finish();
    assert.equal(w.starts.length, 1, w.logs());
    await w.nothingLeft();
  });

  managed('a broken configuration for which nobody comes any more ends delvegate with 2, and the next F5 starts it', {
    flags: (w) => ['-s', '-l', `127.0.0.1:${w.port}`], before: (w) => w.writeConfig('{ "targets": '),
  }, async (w) => {
    await w.says(/^listen/m, 'stdout');
    const s = await Session.open(w.port);
    await s.refused('initialize', { adapterID: 'go' });
    s.close();
    await until('delvegate to end by itself', () => /^exit 2$/m.test(w.daemon.stdout), { timeout: 20_000, explain: () => w.logs() });
    w.writeConfig(w.config);
    await (await toBreakpoint(w.port)).finish();
    assert.equal(w.starts.length, 2);
  });

  managed('a broken configuration without a client is the end at once, also with sockets', {
    flags: (w) => ['-l', `127.0.0.1:${w.port}`], before: (w) => w.writeConfig('{ "targets": '),
  }, async (w) => {
    const begin = Date.now();
    await w.says(/^exit 2$/m, 'stdout');
    assert.ok(Date.now() - begin < 5_000, w.logs());
  });

  managed('idleExit does not hold while a target has no socket that starts delvegate again', {
    flags: (w) => ['-l', `127.0.0.1:${w.port}`], config: { idleExit: '1s' }, targets: { other: {} },
  }, async (w) => {
    await w.hears(/READY=1/);
    await w.says(/idleExit has no effect: .*target other; .*ListenStream=/);
    await (await toBreakpoint(w.port)).finish();
    await w.says(/ending -> over/);
    await w.nothingLeft();
    assert.equal(w.daemon.stderr.match(/idleExit has no effect/g).length, 1, 'once for a configuration');
  });

  managed('idleExit is nothing to a delvegate that bound its ports itself', { config: { idleExit: '1s' }, flags: ['-w', '2'] }, async (w) => {
    await until('three seconds of signs of life', () => w.told.filter((text) => /WATCHDOG=1/.test(text)).length >= 4);
    assert.doesNotMatch(w.daemon.stdout, /^exit/m);
  });
});
