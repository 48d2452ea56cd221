// SSH: what can go wrong on the way to the Go machine, each with words of its own; and tools that are found or missing.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { BlockedBuild, HOST, LAUNCH_MS, World, line, proc, program, suite, until, within } from './harness.mjs';

const HELLO = program('hello');
const MAIN = path.join(HELLO, 'main.go');
const TOOL = program('tool');
const TOOL_MAIN = path.join(TOOL, 'main.go');

/** The error with which a launch of the tool is answered. */
async function refusal(w) {
  const s = await w.session();
  await s.initialize();
  const error = await s.refused('launch', { mode: 'debug', program: TOOL, args: ['quiet'] }, { timeout: LAUNCH_MS });
  await s.send('disconnect');
  s.close();
  return error.text;
}

async function runs(w) {
  const s = await w.session();
  await s.launch({ program: TOOL, args: ['report'] });
  await s.event('terminated', { timeout: 30_000 });
  await s.finish();
  return { s, seen: JSON.parse(s.outputs.stdout) };
}

/** A directory with links to every program of the usual places but those named: a machine without them. */
function without(dir, missing) {
  fs.mkdirSync(dir);
  for (const from of ['/usr/local/bin', '/usr/bin', '/bin', '/usr/sbin', '/sbin']) {
    if (!fs.existsSync(from)) continue;
    for (const name of fs.readdirSync(from)) {
      const link = path.join(dir, name);
      if (!missing.includes(name) && !fs.existsSync(link)) fs.symlinkSync(path.join(from, name), link);
    }
  }
  return dir;
}

const ssh = { transports: ['ssh'] };

suite('ssh: an unknown host key', { ...ssh, sshd: { known: false } }, (w) => {
  w.test('is refused with its fingerprint and what to do, and not recorded', async () => {
    const text = await refusal(w);
    assert.match(text, /host key/i);
    assert.match(text, /SHA256:/);
    assert.match(text, new RegExp(`${HOST}|127\\.0\\.0\\.1`));
    assert.match(text, /ssh /);
    assert.equal(fs.readFileSync(w.at('sshd/known_hosts'), 'utf8'), '');
  });
});

suite('ssh: a changed host key', { ...ssh, sshd: { known: 'other' } }, (w) => {
  w.test('is refused with both fingerprints', async () => {
    const text = await refusal(w);
    assert.match(text, /changed|differ|another/i);
    assert.equal(new Set(text.match(/SHA256:[A-Za-z0-9+/]+/g)).size, 2, text);
    const print = (file) => /SHA256:\S+/.exec(execFileSync('ssh-keygen', ['-lf', file]).toString())[0];
    assert.ok(text.includes(print(w.at('sshd/host_key.pub'))), text);
    assert.ok(text.includes(print(w.at('sshd/other_key.pub'))), text);
  });
});

suite('ssh: no key is accepted', { ...ssh, sshd: { options: ['AuthorizedKeysFile none'] } }, (w) => {
  w.test('names host, user and the keys that were tried', async () => {
    fs.writeFileSync(w.at('sshd/authorized_keys'), '');
    const text = await refusal(w);
    assert.match(text, /user_key|key/);
    assert.ok(text.includes(os.userInfo().username), text);
    assert.match(text, new RegExp(`${HOST}|127\\.0\\.0\\.1`));
  });
});

suite('ssh: forwarding is refused', { ...ssh, sshd: { options: ['AllowTcpForwarding no'] } }, (w) => {
  w.test('costs nothing: none is needed', async () => {
    const s = await w.session();
    await s.launch({ program: HELLO }, () => s.breakpoints(MAIN, [line(MAIN, 'LOOP')]));
    await s.stop({ reason: 'breakpoint' });
    await s.finish({ terminateDebuggee: true });
  });
});

suite('ssh: nobody listens', ssh, (w) => {
  w.test('connection refused names host and port, and the next session after sshd is back works', async () => {
    await w.sshd.stop();
    const text = await refusal(w);
    assert.match(text, /refused/i);
    assert.ok(text.includes(String(w.sshd.port)), text);
    assert.match(text, new RegExp(`${HOST}|127\\.0\\.0\\.1`));
    await w.sshd.listen();
    await runs(w);
  });
});

suite('ssh: an unknown host', { ...ssh, target: { ssh: 'no-such-host.invalid' } }, (w) => {
  w.test('is named', async () => {
    const text = await refusal(w);
    assert.match(text, /no-such-host\.invalid/);
  });
});

suite('ssh: forms of the destination', ssh, (w) => {
  w.test('user@host:port is understood', async () => {
    w.config.targets.main.ssh = `${os.userInfo().username}@${HOST}:${w.sshd.port}`;
    w.writeConfig(w.config);
    const before = w.daemon.stderr.length;
    w.daemon.process.kill('SIGHUP');
    await until('the reload', () => /reload|configuration/i.test(w.daemon.stderr.slice(before)));
    await runs(w);
  });
});

for (const type of ['ecdsa', 'ed25519', 'rsa']) {
  suite(`ssh: a user key of type ${type}`, {
    ...ssh,
    sshd: { clientOptions: [] },
  }, (w) => {
    w.test(`from ${type === 'rsa' ? 'the agent' : 'a file'} is accepted`, async (t) => {
      const key = w.at('sshd/user_key');
      fs.rmSync(key);
      fs.rmSync(`${key}.pub`);
      execFileSync('ssh-keygen', ['-q', '-t', type, '-N', '', '-f', key]);
      fs.copyFileSync(`${key}.pub`, w.at('sshd/authorized_keys'));
      if (type === 'rsa') {
        const agent = w.spawn('ssh-agent', ['-D', '-a', w.at('tmp/agent')], { name: 'ssh-agent' });
        t.after(() => agent.kill('SIGKILL'));
        await until('the agent', () => fs.existsSync(w.at('tmp/agent')));
        execFileSync('ssh-add', ['-q', key], { env: { ...process.env, SSH_AUTH_SOCK: w.at('tmp/agent') } });
        await w.stopDaemon();
        w.options.daemonEnv = { SSH_AUTH_SOCK: w.at('tmp/agent') };
        await w.startDaemon();
      }
      await runs(w);
    });
  });
}

suite('ssh: a shell that prints noise', {
  ...ssh,
  prepare: (w) => {
    fs.writeFileSync(w.at('home/.bashrc'), 'echo "welcome to the machine"; echo "noise on stderr" >&2; printf "no newline"\n');
  },
}, (w) => {
  w.test('is passed over, and none of it is taken for output of the program', async () => {
    const { s } = await runs(w);
    assert.doesNotMatch(s.outputs.stdout + s.outputs.stderr, /welcome|noise/);
  });
});

suite('ssh: a shell that is no shell', {
  ...ssh,
  sshd: { options: ['ForceCommand echo this account is for file transfer only'] },
}, (w) => {
  w.test('is answered with what it printed', async () => {
    const text = await refusal(w);
    assert.match(text, /file transfer only/);
  });
});

suite('ssh: a login shell that exits silently', { ...ssh, sshd: { options: ['ForceCommand exit 3'] } }, (w) => {
  w.test('did not run sh: its exit status, and what to look at', async () => {
    const text = await refusal(w);
    assert.match(text, /login shell of gomachine .* ended before it ran delvegate's command \(exit status 3\)/);
    assert.match(text, /ssh gomachine true/);
  });
});

suite('tools that are missing', {}, (w) => {
  w.test('dlv and go are looked for in many places, and the error lists them', async (t) => {
    const own = new World({
      transport: w.transport,
      prepare: (self) => {
        const bin = without(self.at('bin'), ['dlv', 'go', 'gofmt']);
        for (const file of ['.profile', '.bash_profile', '.bash_login']) fs.writeFileSync(self.at(`home/${file}`), `PATH=${bin}; export PATH\n`);
        self.options.path = bin;
        self.remoteEnv.PATH = bin;
      },
    });
    t.after(() => own.stop());
    await own.start();
    const text = await refusal(own);
    assert.match(text, /dlv/);
    assert.match(text, /go\/bin/);
    assert.match(text, /delve\.path|PATH/);
  });

  w.test('a configured path that does not exist is named with its option', async (t) => {
    const own = await w.fresh(t, { target: { delve: { path: '/nowhere/dlv' } } });
    const text = await refusal(own);
    assert.match(text, /\/nowhere\/dlv/);
    assert.match(text, /delve\.path/);
  });

  w.test('a dlv that only the login shell has in its PATH is found', async (t) => {
    const dlv = fs.realpathSync(execFileSync('sh', ['-c', 'command -v dlv']).toString().trim());
    const own = new World({
      transport: w.transport,
      prepare: (self) => {
        const bin = without(self.at('bin'), ['dlv']);
        fs.mkdirSync(self.at('login'));
        fs.symlinkSync(dlv, self.at('login/dlv'));
        for (const file of ['.profile', '.bash_profile']) fs.writeFileSync(self.at(`home/${file}`), `PATH=${bin}:${self.at('login')}; export PATH\n`);
        self.options.path = bin;
        self.remoteEnv.PATH = bin;
      },
    });
    t.after(() => own.stop());
    await own.start();
    await runs(own);
  });

  w.test('too old a Delve and a Go outside its window are refused in these words', async (t) => {
    const fake = (self, name, body) => fs.writeFileSync(self.at(name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
    const old = new World({
      transport: w.transport,
      prepare: (self) => {
        fake(self, 'old-dlv', 'printf "Delve Debugger\\nVersion: 1.7.2\\nBuild: x\\n"');
        self.options.target = { delve: { path: self.at('old-dlv') } };
      },
    });
    t.after(() => old.stop());
    await old.start();
    const text = await refusal(old);
    assert.match(text, /1\.7\.2/);
    assert.match(text, /1\.7\.3/);
    const window = new World({
      transport: w.transport,
      prepare: (self) => {
        fake(self, 'new-go', 'case $1 in version) echo "go version go1.99.1 linux/amd64" ;; *) exec go "$@" ;; esac');
        self.options.target = { go: { path: self.at('new-go') } };
      },
    });
    t.after(() => window.stop());
    await window.start();
    const outside = await refusal(window);
    assert.match(outside, /1\.99/);
    assert.match(outside, /check-go-version/);
  });
});

suite('a run directory', {
  prepare: (w) => {
    // No directory can be made below a file: the first choice is not to be had.
    fs.rmSync(w.at('cache'), { recursive: true });
    fs.writeFileSync(w.at('cache'), '');
  },
}, (w) => {
  w.test('has a second choice when the first is not writable', async () => {
    const s = await w.session();
    await s.launch({ program: TOOL, args: ['report'] });
    await s.event('terminated', { timeout: 30_000 });
    await s.finish();
    assert.ok(fs.statSync(w.at('cache')).isFile());
  });
});

suite('ssh: one channel to a connection', { ...ssh, sshd: { options: ['MaxSessions 1'] } }, (w) => {
  w.test('serves several sessions over one connection', async () => {
    const list = [];
    for (let i = 0; i < 3; i++) {
      const s = await w.session();
      await s.launch({ program: HELLO }, () => s.breakpoints(MAIN, [line(MAIN, 'LOOP')]));
      await s.stop({ reason: 'breakpoint' });
      list.push(s);
    }
    assert.equal(w.sshd.connections().length, 1);
    for (const s of list) await s.finish({ terminateDebuggee: true });
  });
});

suite('ssh: rekeying', { ...ssh, sshd: { options: ['RekeyLimit 500K'] } }, (w) => {
  w.test('under load loses nothing', async () => {
    const s = await w.session();
    let bytes = 0;
    s.onOutput = (category, text) => { if (category === 'stdout') bytes += text.length; };
    await s.launch({ program: TOOL, args: ['flood', '10000000'] });
    await s.event('terminated', { timeout: 60_000 });
    assert.equal(bytes, 10000000);
    await s.finish();
  });
});

suite('ssh: connections that are kept', { ...ssh, target: { keepWarm: '0s' } }, (w) => {
  w.test('keepWarm 0s closes the connection after its last session', async () => {
    await runs(w);
    await until('no connection', () => w.sshd.connections().length === 0);
  });
});
