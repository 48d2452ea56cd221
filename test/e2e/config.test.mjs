// The command line and the configuration file as a user meets them.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { Child, DELVEGATE, Raw, freePort, line, program, run, suite, until } from './harness.mjs';

const HELLO = program('hello');
const MAIN = path.join(HELLO, 'main.go');

/** Runs --check-config on this text. */
async function check(w, text) {
  const file = w.at('config/checked.json');
  fs.writeFileSync(file, typeof text === 'string' ? text : JSON.stringify(text, null, 2));
  return { file, ...(await w.cli(['--check-config', '--config', file])) };
}

suite('command line', { clients: [], transports: ['local'], daemon: false }, (w) => {
  w.test('--version names the libraries and the supervisors', async () => {
    const { code, stdout } = await w.cli(['--version']);
    assert.equal(code, 0);
    assert.match(stdout, /delvegate \d+\.\d+/);
    for (const library of ['libuv', 'jansson', 'libssh2', 'libcrypto']) assert.match(stdout, new RegExp(`${library} \\d+\\.\\d+`));
    const machine = (await run('uname', ['-m'])).stdout.trim();
    assert.match(stdout, new RegExp(`^supervisor for ${machine}: [0-9a-f]{12}, \\d+ KiB$`, 'm'));
    const [, here] = /^supervisor here: (\/.+)$/m.exec(stdout);
    fs.accessSync(here, fs.constants.X_OK);
    assert.equal(here, path.join(path.dirname(fs.realpathSync(DELVEGATE)), 'supervisor'));
  });

  w.test('--version names the commit of the tree that it was built in', async (t) => {
    const root = path.resolve(path.dirname(new URL(import.meta.url).pathname), '../..');
    if (!fs.existsSync(path.join(root, '.git'))) return t.skip('this is no git tree');
    const [first] = (await w.cli(['--version'])).stdout.split('\n');
    const [, commit] = /^delvegate \d+\.\d+\.\d+ \(commit ([0-9a-f]{12,})(?:-dirty)?\)$/.exec(first) ?? [null, first];
    // It may have been built before the newest commit.
    const { code, stderr } = await run('git', ['-C', root, 'merge-base', '--is-ancestor', commit, 'HEAD']);
    assert.equal(code, 0, `${first}: ${stderr}`);
  });

  w.test('help and version are commands too', async () => {
    for (const [words, option] of [[['help'], ['--help']], [['version'], ['--version']], [['help', 'exec'], ['exec', '--help']], [['help', 'version'], ['version', '-h']]]) {
      const [command, other] = [await w.cli(words), await w.cli(option)];
      assert.deepEqual([command.code, command.stderr], [0, ''], words.join(' '));
      assert.ok(command.stdout.length > 20);
      assert.equal(command.stdout, other.stdout);
    }
  });

  w.test('a word that is no command lists the commands, and the one that may be meant', async () => {
    for (const [args, meant] of [[['stray']], [['check_env', 'main'], 'check-env'], [['help', 'exce'], 'exec'], [['--config', 'x', 'versoin'], 'version']]) {
      const { code, stdout, stderr } = await w.cli(args);
      assert.deepEqual([code, stdout], [2, ''], stderr);
      for (const name of ['exec', 'check-env', 'help', 'version']) assert.match(stderr, new RegExp(`^  ${name} +\\S`, 'm'));
      assert.equal(/did you mean (\S+)\?/.exec(stderr)?.[1], meant, stderr);
    }
    for (const args of [['version', 'more'], ['help', 'exec', 'more'], ['--check-config', 'more']]) {
      const { code, stderr } = await w.cli(args);
      assert.equal(code, 2);
      assert.match(stderr, /unexpected argument 'more'/);
    }
  });

  w.test('--help names every option', async () => {
    const { code, stdout } = await w.cli(['--help']);
    assert.equal(code, 0);
    for (const option of ['--config', '--check-config', '--print-schema', '--version', '--help']) assert.ok(stdout.includes(option), option);
  });

  w.test('an unknown option and a stray argument are refused with exit code 2', async () => {
    for (const args of [['--nosuchoption'], ['stray'], ['--config']]) {
      const { code, stderr } = await w.cli(args);
      assert.equal(code, 2, `${args}: ${stderr}`);
      assert.ok(stderr.includes(args[0]), stderr);
    }
  });

  w.test('--print-schema is a JSON Schema that names the options', async () => {
    const { code, stdout } = await w.cli(['--print-schema']);
    assert.equal(code, 0);
    const schema = JSON.parse(stdout);
    assert.match(schema.$schema, /json-schema\.org/);
    for (const option of ['targets', 'listen', 'ssh', 'paths', 'GOCACHE', 'GOMODCACHE', 'lease', 'flags', 'logOutput', 'level', 'recover', 'modFiles', 'attempts', 'window', 'backoff', 'whileRunning', 'afterCrash', 'cleanModCache', 'prelaunch', 'step', 'command', 'optional']) assert.ok(stdout.includes(`"${option}"`), option);
  });

  w.test('--check-config prints the targets and exits 0', async () => {
    const { code, stdout } = await check(w, { targets: { one: { listen: 14711, ssh: 'me@host:2222' }, two: { listen: '[::1]:14712' } } });
    assert.equal(code, 0);
    for (const word of ['one', '14711', 'me@host:2222', 'two', '14712']) assert.ok(stdout.includes(word), stdout);
  });

  w.test('comments and trailing commas are allowed', async () => {
    const { code, stderr } = await check(w, '// a comment\n{ /* another */ "targets": { "a": { "listen": 14711, }, }, }\n');
    assert.equal(code, 0, stderr);
  });

  w.test('all problems are reported with file, line, column and the nearest name; exit code 2', async () => {
    const { code, stdout, stderr, file } = await check(w, `{
  "targets": {
    "a": { "listne": 14711, "go": { "GOCACHE": "relative/path" } },
    "b": { "listen": "0.0.0.0:14712" },
    "c": { "listen": 14713, "delve": { "flags": ["--only-same-user=false"] } },
    "d": { "listen": 14713 },
    "e": { "listen": 14714, "recover": { "modFiles": "shadw", "attempts": 0, "backoff": 250 } },
    "f": { "listen": 14715, "prelaunch": ["tdy", { "optional": true }] }
  },
  "lgo": {}
}
`);
    const text = stdout + stderr;
    assert.equal(code, 2, text);
    assert.ok(text.includes(`${file}:3:`), text);
    assert.match(text, /listne.*listen/);
    assert.match(text, new RegExp(`${file}:3:\\d+.*GOCACHE`));
    assert.match(text, new RegExp(`${file}:4:\\d+.*loopback`));
    assert.match(text, new RegExp(`${file}:5:\\d+.*--only-same-user`));
    assert.match(text, new RegExp(`${file}:6:\\d+.*14713`));
    assert.match(text, new RegExp(`${file}:7:\\d+.*recover\\.modFiles.*shadow`));
    assert.match(text, new RegExp(`${file}:7:\\d+.*recover\\.attempts.*1 to 20`));
    assert.match(text, new RegExp(`${file}:7:\\d+.*recover\\.backoff.*250ms`));
    assert.match(text, new RegExp(`${file}:8:\\d+.*prelaunch\\[0\\].*tidy`));
    assert.match(text, new RegExp(`${file}:8:\\d+.*prelaunch\\[1\\].*step.*command`));
    assert.match(text, new RegExp(`${file}:10:\\d+.*lgo`));
  });

  w.test('broken JSON names the line', async () => {
    const { code, stdout, stderr, file } = await check(w, '{\n  "targets": {\n    "a": [\n  }\n}\n');
    assert.equal(code, 2);
    assert.match(stdout + stderr, new RegExp(`${file}:[34]:\\d+`));
  });

  w.test('a file that does not exist is an error when it is named', async () => {
    const { code, stderr } = await w.cli(['--config', w.at('config/missing.json')]);
    assert.notEqual(code, 0);
    assert.ok(stderr.includes(w.at('config/missing.json')), stderr);
    assert.match(stderr, /[Nn]o such file/);
  });

  w.test('what is not a regular file is refused, not waited for; a pipe that is given is read', async () => {
    const fifo = w.at('config/fifo');
    assert.equal((await run('mkfifo', [fifo])).code, 0);
    const others = { [fifo]: /it is a FIFO, not a regular file/, [w.at('config')]: /it is a directory/, '/dev/zero': /it is not a regular file/ };
    for (const [file, words] of Object.entries(others)) {
      for (const args of [['--check-config', '--config', file], ['--config', file], ['exec', '--config', file, 'main', '--', 'true']]) {
        const { code, stdout, stderr } = await w.cli(args, { timeout: 10_000 });
        assert.equal(code, 2, `${args.join(' ')}: ${stderr}`);
        assert.equal(stdout, '');
        assert.ok(stderr.startsWith(`${file}: `), stderr);
        assert.match(stderr, words);
      }
    }
    fs.mkdirSync(w.at('config/delvegate'), { recursive: true });
    fs.renameSync(fifo, w.at('config/delvegate/config.json'));
    const { code, stderr } = await w.cli(['--check-config'], { timeout: 10_000 });
    assert.equal(code, 2, stderr);
    assert.match(stderr, /config\.json: .*it is a FIFO/);
    fs.rmSync(w.at('config/delvegate'), { recursive: true });

    const port = await freePort();
    const text = JSON.stringify({ targets: { piped: { listen: port } } });
    for (const line of ['"$0" --check-config --config <(sleep 0.2; printf %s "$1")', 'printf %s "$1" | "$0" --check-config --config /dev/stdin', '"$0" --check-config --config /dev/stdin <<<"$1"']) {
      const piped = await run('bash', ['-c', line, DELVEGATE, text], { env: w.daemonEnv });
      assert.equal(piped.code, 0, piped.stderr);
      assert.ok(piped.stdout.startsWith(`piped: 127.0.0.1:${port}`), piped.stdout);
    }
  });

  w.test('a broken file at start is fatal, with exit code 2', async () => {
    fs.writeFileSync(w.at('config/broken.json'), '{ "targets": 5 }');
    const { code, stderr } = await w.cli(['--config', w.at('config/broken.json')]);
    assert.equal(code, 2, stderr);
    assert.ok(stderr.includes('broken.json:1:'), stderr);
  });

  w.test('a taken port is fatal and names the owner\'s uid', async () => {
    const server = net.createServer();
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address();
    fs.writeFileSync(w.at('config/taken.json'), JSON.stringify({ targets: { a: { listen: port } } }));
    const { code, stderr } = await w.cli(['--config', w.at('config/taken.json')]);
    server.close();
    assert.notEqual(code, 0);
    assert.ok(stderr.includes(String(port)), stderr);
    assert.match(stderr, new RegExp(`uid ${process.getuid()}\\b`));
  });

  w.test('--check-config refuses a port that it cannot bind, and names who has it', async (t) => {
    const server = net.createServer();
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => server.close());
    const { port } = server.address();
    const free = await freePort();
    const refused = await check(w, { targets: { a: { listen: free }, b: { listen: port } } });
    assert.equal(refused.code, 2, refused.stderr);
    assert.match(refused.stderr, new RegExp(`^port ${port} of target b is taken by node, process ${process.pid} of uid ${process.getuid()} \\(yours\\); `, 'm'));
    assert.doesNotMatch(refused.stderr, new RegExp(`\\b${free}\\b`));
    assert.ok(refused.stderr.includes(`${refused.file}: the configuration cannot be used`));
    const well = await check(w, { targets: { a: { listen: free } } });
    assert.deepEqual([well.code, well.stderr], [0, `${well.file}: the configuration is valid\n`]);
  });

  w.test('--check-config does not mind that a delvegate runs on its ports', async (t) => {
    const port = await freePort();
    const file = w.at('config/running.json');
    fs.writeFileSync(file, JSON.stringify({ targets: { a: { listen: port } } }));
    const daemon = new Child(DELVEGATE, ['--config', file], { name: 'delvegate', env: w.daemonEnv });
    t.after(async () => { daemon.kill('SIGTERM'); await daemon.end(); });
    await daemon.wait(/listening on/);
    const { code, stderr } = await w.cli(['--check-config', '--config', file]);
    assert.deepEqual([code, stderr], [0, `${file}: the configuration is valid\n`]);
    const second = await w.cli(['--config', file]);
    assert.equal(second.code, 1);
    assert.match(second.stderr, new RegExp(`port ${port} of target a is taken by a running delvegate, process ${daemon.process.pid} `));
  });

  w.test('without --config the file of XDG_CONFIG_HOME is read', async () => {
    const port = await freePort();
    fs.mkdirSync(w.at('config/delvegate'), { recursive: true });
    fs.writeFileSync(w.at('config/delvegate/config.json'), JSON.stringify({ targets: { fromXdg: { listen: port } } }));
    const { code, stdout, stderr } = await w.cli(['--check-config']);
    assert.equal(code, 0);
    assert.ok(stdout.includes('fromXdg'), stdout);
    assert.equal(stderr, `${w.at('config/delvegate/config.json')}: the configuration is valid\n`);
    fs.rmSync(w.at('config/delvegate'), { recursive: true });
  });

  w.test('with no file at all there is one target, local, on port 4711', async () => {
    const { code, stdout, stderr } = await w.cli(['--check-config']);
    assert.equal(code, 0);
    assert.match(stdout, /local/);
    assert.match(stdout, /4711/);
    assert.match(stderr, /^no configuration file was found/);
  });
});

suite('reload', { clients: [], transports: ['local'] }, (w) => {
  const hangup = () => w.daemon.process.kill('SIGHUP');

  w.test('SIGHUP opens, moves and closes listeners; a running session keeps its own', async () => {
    const s = await w.session();
    await s.launch({ program: HELLO }, () => s.breakpoints(MAIN, [line(MAIN, 'LOOP')]));
    await s.stop({ reason: 'breakpoint' });

    const oldPort = w.port;
    const [moved, added] = [await freePort(), await freePort()];
    w.config.targets.main.listen = moved;
    w.config.targets.added = { ...w.config.targets.main, listen: added, go: { ...w.config.targets.main.go, env: { FROM: 'reload' } } };
    w.writeConfig(w.config);
    hangup();
    await w.daemon.wait(new RegExp(`listening.*\\b${added}\\b`, 'i'));
    await w.daemon.wait(new RegExp(`listening.*\\b${moved}\\b`, 'i'));
    w.port = moved;
    await until('the old port to be closed', async () => {
      const raw = await Raw.open(oldPort).catch((error) => error.code);
      if (raw === 'ECONNREFUSED') return true;
      raw.destroy?.();
      return false;
    });

    await s.step('next');
    const other = await w.session({ port: added });
    await other.launch({ program: program('tool'), args: ['report'] });
    await other.event('terminated', { timeout: 30_000 });
    assert.ok(JSON.parse(other.outputs.stdout).env.includes('FROM=reload'));
    await other.finish();
    await s.finish({ terminateDebuggee: true });
  });

  w.test('SIGHUP with a broken file keeps what is, and says so', async () => {
    const before = w.daemon.stderr.length;
    w.writeConfig('{ "targets": { "main": { "listen": 99999999 } } }');
    hangup();
    await until('the log to say it', () => /config\.json:1:\d+/.test(w.daemon.stderr.slice(before)));
    assert.match(w.daemon.stderr.slice(before), /keep|stays|old/i);
    const s = await w.session();
    await s.launch({ program: program('tool'), args: ['quiet'] });
    await s.event('terminated', { timeout: 30_000 });
    await s.finish();
    w.writeConfig(w.config);
    hangup();
  });

  w.test('a launch that cannot reach its machine is logged once', async () => {
    const lost = await freePort();
    const port = await freePort();
    w.writeConfig({ ...w.config, targets: { ...w.config.targets, lost: { ...w.config.targets.main, listen: port, ssh: `me@127.0.0.1:${lost}` } } });
    hangup();
    await w.daemon.wait(new RegExp(`listening on 127\\.0\\.0\\.1 port ${port} for target lost`));
    const before = w.daemon.stderr.length;
    const s = await w.session({ port });
    await s.initialize();
    const error = await s.refused('launch', { mode: 'debug', program: HELLO }, { timeout: 60_000 });
    const [reason] = /No connection to 127\.0\.0\.1 port \d+[^.]*\./.exec(error.text);
    await s.send('disconnect');
    s.close();
    const lines = w.daemon.stderr.slice(before).split('\n').filter((l) => l.includes(reason) && !/ debug /.test(l));
    assert.equal(lines.length, 1, lines.join('\n'));
    assert.match(lines[0], / warning session \d+: launch failed: /);
    w.writeConfig(w.config);
    hangup();
  });

  w.test('SIGHUP with a port that is taken keeps the rest working', async () => {
    const server = net.createServer();
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address();
    const before = w.daemon.stderr.length;
    w.writeConfig({ ...w.config, targets: { ...w.config.targets, taken: { ...w.config.targets.main, listen: port } } });
    hangup();
    await until('the log to say it', () => w.daemon.stderr.slice(before).includes(String(port)));
    const s = await w.session();
    await s.initialize();
    await s.send('disconnect');
    s.close();
    server.close();
  });
});
