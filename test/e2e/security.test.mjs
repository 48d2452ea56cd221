// Who may talk to delvegate, and in what words: everything else is closed at once and gets no answer.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import { networkInterfaces as networks } from 'node:os';
import { Child, Raw, World, frame, have, proc, program, run, suite, until, within } from './harness.mjs';

const INITIALIZE = { seq: 1, type: 'request', command: 'initialize', arguments: { adapterID: 'go', pathFormat: 'path', linesStartAt1: true, columnsStartAt1: true } };
const BODY = JSON.stringify(INITIALIZE);
const N = Buffer.byteLength(BODY);
const HEADER_DEADLINE_MS = 5_000;
const MANY = 1000; // connections
const [, DESCRIPTORS] = /^Max open files +(\d+)/m.exec(fs.readFileSync('/proc/self/limits', 'utf8')) ?? [];
const crlf = (...lines) => lines.join('\r\n');

// What is closed with the first byte that cannot be DAP's.
const NOT_DAP = {
  'HTTP GET': crlf('GET / HTTP/1.1', 'Host: 127.0.0.1', '', ''),
  'HTTP POST with a DAP body': crlf('POST / HTTP/1.1', 'Host: 127.0.0.1', 'Content-Type: text/plain', `Content-Length: ${N}`, '', BODY),
  'HTTP PUT': crlf('PUT / HTTP/1.1', `Content-Length: ${N}`, '', BODY),
  'HTTP OPTIONS': crlf('OPTIONS / HTTP/1.1', `Content-Length: ${N}`, '', BODY),
  'HTTP CONNECT': crlf('CONNECT x:1 HTTP/1.1', `Content-Length: ${N}`, '', BODY),
  'HTTP chunked': crlf('POST / HTTP/1.1', 'Transfer-Encoding: chunked', '', N.toString(16), BODY, '0', '', ''),
  'HTTP/0.9': 'GET /\r\n',
  'HTTP/2 preface': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'TLS hello': Buffer.from('16030100c8010000c40303', 'hex'),
  'WebSocket upgrade': crlf('GET / HTTP/1.1', 'Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Key: x', '', ''),
  'JSON-RPC': '{"method":"RPCServer.State","params":[{}],"id":1}\n',
  'SSH banner': 'SSH-2.0-OpenSSH_9.2\r\n',
  'leading CRLF': `\r\nContent-Length: ${N}\r\n\r\n${BODY}`,
  'leading space': ` Content-Length: ${N}\r\n\r\n${BODY}`,
  'byte order mark': `\ufeffContent-Length: ${N}\r\n\r\n${BODY}`,
  'lower case': `content-length: ${N}\r\n\r\n${BODY}`,
  'upper case': `CONTENT-LENGTH: ${N}\r\n\r\n${BODY}`,
  'no space': `Content-Length:${N}\r\n\r\n${BODY}`,
  'two spaces': `Content-Length:  ${N}\r\n\r\n${BODY}`,
  'space before the colon': `Content-Length : ${N}\r\n\r\n${BODY}`,
  'a tab': `Content-Length:\t${N}\r\n\r\n${BODY}`,
  'plus sign': `Content-Length: +${N}\r\n\r\n${BODY}`,
  'negative': `Content-Length: -1\r\n\r\n${BODY}`,
  'hexadecimal': 'Content-Length: 0x10\r\n\r\n',
  'space behind': `Content-Length: ${N} \r\n\r\n${BODY}`,
  'exponent': 'Content-Length: 1e3\r\n\r\n',
  'fraction': 'Content-Length: 5.0\r\n\r\n',
  'empty length': 'Content-Length: \r\n\r\n',
  'zero': 'Content-Length: 0\r\n\r\n',
  '2^31': 'Content-Length: 2147483648\r\n\r\n',
  '2^63': 'Content-Length: 9223372036854775808\r\n\r\n',
  '2^64 + 5': 'Content-Length: 18446744073709551621\r\n\r\n',
  'forty digits': `Content-Length: ${'9'.repeat(40)}\r\n\r\n`,
  'the same header twice': `Content-Length: ${N}\r\nContent-Length: ${N}\r\n\r\n${BODY}`,
  'two different lengths': `Content-Length: ${N}\r\nContent-Length: 5\r\n\r\n${BODY}`,
  'an unknown header': `Content-Length: ${N}\r\nX-Other: 1\r\n\r\n${BODY}`,
  'Content-Type first': `Content-Type: x\r\nContent-Length: ${N}\r\n\r\n${BODY}`,
  'bare line feeds': `Content-Length: ${N}\n\n${BODY}`,
  'NUL': `Content-Length: 1\0\r\n\r\n${BODY}`,
  'NUL first': '\0',
  'a header of 64 KiB': `Content-Length: ${N}\r\nContent-Type: ${'x'.repeat(65536)}`,
};

// Well framed, but no beginning of a session.
const NO_SESSION = {
  'an array': frame('[1,2,3]'),
  'a number': frame('5'),
  'text': frame('"initialize"'),
  'null': frame('null'),
  'no JSON': frame('hello there'),
  'cut JSON': frame(BODY.slice(0, -1)),
  'two values': frame(`${BODY}${BODY}`),
  'first request not initialize': frame({ seq: 1, type: 'request', command: 'launch', arguments: { mode: 'exec', program: '/bin/true' } }),
  'first message an event': frame({ seq: 1, type: 'event', event: 'initialized' }),
  'first message a response': frame({ seq: 1, type: 'response', request_seq: 1, command: 'initialize', success: true }),
  'a depth bomb': frame(`${'['.repeat(100000)}${']'.repeat(100000)}`),
  'a depth bomb in arguments': frame(`{"seq":1,"type":"request","command":"initialize","arguments":${'['.repeat(100000)}${']'.repeat(100000)}}`),
};

// The transport plays no part before a session begins: the local one is enough.
suite('security', { clients: [], transports: ['local'] }, (w) => {
  for (const [name, bytes] of Object.entries(NOT_DAP)) {
    w.test(`closed without an answer: ${name}`, async () => {
      const raw = await Raw.open(w.port);
      await raw.write(bytes);
      assert.equal(await raw.rest(HEADER_DEADLINE_MS - 1_000), '');
    });
  }

  for (const [name, bytes] of Object.entries(NO_SESSION)) {
    w.test(`starts nothing: ${name}`, async () => {
      const raw = await Raw.open(w.port);
      await raw.write(bytes);
      raw.socket.end();
      await raw.rest();
      for (const m of raw.messages()) assert.equal(m.type === 'response' ? m.success : false, false, JSON.stringify(m));
      assert.equal(w.runDirectories().length, 0);
    });
  }

  w.test('lone surrogates and broken UTF-8 in a request are answered or closed, not passed on as they are', async () => {
    for (const bytes of [frame('{"seq":1,"type":"request","command":"initialize","arguments":{"adapterID":"\\ud800"}}'),
      frame(Buffer.concat([Buffer.from('{"seq":1,"type":"request","command":"init'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]).toString('latin1'))]) {
      const raw = await Raw.open(w.port);
      await raw.write(bytes);
      raw.socket.end();
      await raw.rest();
    }
    const good = await w.session();
    await good.initialize();
    await good.send('disconnect');
    good.close();
  });

  w.test('a header that does not end within 5 s is closed', async () => {
    const began = Date.now();
    const raw = await Raw.open(w.port);
    await raw.write('Content-Length: 10');
    assert.equal(await raw.rest(HEADER_DEADLINE_MS + 3_000), '');
    assert.ok(Date.now() - began >= HEADER_DEADLINE_MS - 500, 'closed too early');
  });

  w.test('a header that comes byte by byte, slower than its deadline, is closed', async () => {
    const raw = await Raw.open(w.port);
    const text = `Content-Length: ${N}\r\n\r\n`;
    let at = 0;
    const timer = setInterval(() => { if (at < text.length && !raw.socket.destroyed) raw.socket.write(text[at++]); }, 400);
    try {
      assert.equal(await raw.rest(HEADER_DEADLINE_MS + 3_000), '');
    } finally {
      clearInterval(timer);
    }
  });

  w.test('a connection that says nothing at all is closed within the deadline of its header', async () => {
    const raw = await Raw.open(w.port);
    assert.equal(await raw.rest(HEADER_DEADLINE_MS + 3_000), '');
  });

  w.test('a refused stranger is in the log, at most once a minute', async () => {
    const own = new World({ transport: 'local' });
    try {
      await own.start();
      for (let i = 0; i < 20; i++) {
        const raw = await Raw.open(own.port);
        await raw.write(crlf('POST / HTTP/1.1', 'Host: evil.example\x1b[31m', '', ''));
        await raw.rest();
      }
      const session = await own.session();
      await session.initialize();
      await session.send('disconnect');
      session.close();
      await until('the log', () => /not DAP|DAP/i.test(own.daemon.stderr));
      const notes = own.daemon.stderr.split('\n').filter((l) => /warning/i.test(l) && /DAP/.test(l));
      assert.equal(notes.length, 1, own.daemon.stderr);
      assert.ok(!own.daemon.stderr.includes('\x1b'), 'control characters in the log');
    } finally {
      await own.stop();
    }
  });

  w.test('a thousand silent connections neither stop others nor burn the processor', { skip: DESCRIPTORS < MANY + 100 && `no more than ${DESCRIPTORS} descriptors are allowed here` }, async () => {
    const silent = [];
    try {
      for (let i = 0; i < MANY; i++) silent.push(net.createConnection(w.port, '127.0.0.1').on('error', () => {}));
      await within('the connections', Promise.all(silent.map((s) => new Promise((resolve) => { s.once('connect', resolve); s.once('error', resolve); }))));
      const s = await w.session();
      await s.initialize();
      await s.send('disconnect');
      s.close();
    } finally {
      for (const s of silent) s.destroy();
    }
  });

  w.test('when descriptors run out it waits instead of spinning, and goes on afterwards', { skip: !have('prlimit') && 'no prlimit' }, async () => {
    const own = new World({ transport: 'local' });
    const silent = [];
    try {
      await own.start();
      const open = 40;
      const { code, stderr } = await run('prlimit', [`--nofile=${open}:${open}`, '--pid', String(own.daemon.pid)]);
      assert.equal(code, 0, stderr);
      for (let i = 0; i < 2 * open; i++) silent.push(net.createConnection(own.port, '127.0.0.1').on('error', () => {}));
      await within('the connections', Promise.all(silent.map((s) => new Promise((resolve) => { s.once('connect', resolve); s.once('error', resolve); }))));
      const before = proc.cpuTicks(own.daemon.pid);
      const end = Date.now() + 1_500;
      await until('a while to pass', () => Date.now() > end); // what is measured is how much of it is spent
      assert.ok(proc.cpuTicks(own.daemon.pid) - before < 75, 'it spins');
      for (const s of silent) s.destroy();
      const s = await own.session();
      await s.initialize();
      await s.send('disconnect');
      s.close();
    } finally {
      for (const s of silent) s.destroy();
      await own.stop();
    }
  });

  const other = process.getuid() !== 0 ? 'needs root' : !have('setpriv') && 'no setpriv';
  // What another user runs: sends a whole session's beginning and says how it was received.
  const STRANGER = `
    const s = require('net').createConnection(Number(process.argv[1]), '127.0.0.1', () => {
      s.write(process.argv[2]);
      if (process.argv[3] === 'closed') process.exit(0);
      if (process.argv[3] === 'half') s.end(() => console.log('half closed'));
    });
    let got = '';
    s.on('data', (d) => { got += d; });
    s.on('error', () => {});
    s.on('close', () => { console.log('received ' + got.length); });
  `;
  const asNobody = (args) => new Child('setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, '-e', STRANGER, ...args], { name: 'stranger', cwd: '/' });

  w.test('another user is refused without an answer', { skip: other }, async () => {
    const child = asNobody([String(w.port), frame(INITIALIZE).toString()]);
    await child.end();
    assert.match(child.stdout, /received 0/, child.text());
    await until('the log', () => /uid 65534|65534/.test(w.daemon.stderr));
  });

  w.test('another user who has closed only its sending side is refused without an answer', { skip: other }, async () => {
    w.daemon.kill('SIGSTOP');
    const child = asNobody([String(w.port), frame(INITIALIZE).toString() + frame({ seq: 2, type: 'request', command: 'disconnect' }).toString(), 'half']);
    try {
      await child.wait(/half closed/, { stream: 'stdout' });
    } finally {
      w.daemon.kill('SIGCONT');
    }
    await child.end();
    assert.match(child.stdout, /received 0/, child.text());
  });

  w.test('another user who has already closed is refused', { skip: other }, async () => {
    const before = w.daemon.stderr.length;
    const launch = frame({ seq: 2, type: 'request', command: 'launch', arguments: { mode: 'exec', program: '/bin/true' } }).toString();
    const child = asNobody([String(w.port), frame(INITIALIZE).toString() + launch, 'closed']);
    await child.end();
    const s = await w.session(); // accepted after the stranger: when it is answered, the stranger was dealt with
    await s.initialize();
    await s.send('disconnect');
    s.close();
    assert.equal(w.runDirectories().length, 0);
    assert.doesNotMatch(w.daemon.stderr.slice(before), /dlv exec/);
  });
});

suite('security on IPv6', { clients: [], transports: ['local'] }, (w) => {
  const six = Object.values(networks()).some((list) => list.some((a) => a.address === '::1'));
  w.test('a listener on ::1 serves, and 127.0.0.1 is not served by it', { skip: !six && 'no IPv6 loopback' }, async () => {
    const port = w.port;
    w.config.targets.main.listen = `[::1]:${port}`;
    w.writeConfig(w.config);
    await w.stopDaemon();
    await w.startDaemon();
    const s = await w.session({ host: '::1' });
    await s.launch({ program: program('tool'), args: ['quiet'] });
    await s.event('terminated', { timeout: 30_000 });
    await s.finish();
    await assert.rejects(Raw.open(port, '127.0.0.1'), { code: 'ECONNREFUSED' });
  });
});
