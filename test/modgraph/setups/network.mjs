// The proxy and the way to it; and modules that are at fault themselves, whoever fetches them.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { constant, program, publish, zip } from '../ground.mjs';

const CLOSED_PORT = 1; // nothing listens below the ports that a user may have
const ALPHA_ZIP = /alpha\/@v\/v1\.0\.0\.zip$/;

/** Serves the file proxy over HTTP on a port that the kernel chooses; answer(request, response, c) may take a request. */
const served = (answer) => async (c) => {
  c.healed = false;
  c.server = http.createServer((request, response) => {
    if (!c.healed && answer(request, response, c)) {
      if (c.healsItself) c.healed = true;
      return;
    }
    const file = path.join(c.proxy, path.normalize(decodeURIComponent(request.url)));
    const found = fs.existsSync(file) && fs.statSync(file).isFile();
    response.writeHead(found ? 200 : 404, { Connection: 'close' });
    response.end(found ? fs.readFileSync(file) : 'not found\n');
  });
  await new Promise((resolve) => { c.server.listen(c.port ?? 0, '127.0.0.1', resolve); });
  c.port = c.server.address().port;
};
const stop = (c) => new Promise((resolve) => {
  c.server.close(resolve);
  c.server.closeAllConnections();
});
const status = (code, match = /./) => (request, response) => {
  if (!match.test(request.url)) return false;
  response.writeHead(code, { Connection: 'close' });
  response.end(`status ${code}\n`);
  return true;
};
const heal = (c) => { c.healed = true; };
const BLANK_PROXY = { HTTPS_PROXY: null, https_proxy: null, HTTP_PROXY: null, NO_PROXY: '127.0.0.1' };

const proxies = [
  { name: 'network-forbidden', idea: 'the proxy answers 403', serve: served(status(403)) },
  { name: 'network-gone-one', idea: 'the proxy answers 410 for one module', acceptable: ['version-missing'], serve: served(status(410, /alpha/)) },
  { name: 'network-bad-gateway', idea: 'the proxy answers 502 for zips', heal, safe: ['wait'], serve: served(status(502, /\.zip$/)) },
  { name: 'network-redirect-loop', idea: 'the proxy redirects to itself for ever', serve: served((request, response) => { response.writeHead(302, { Location: request.url, Connection: 'close' }); response.end(); return true; }) },
  { name: 'network-cut-short', idea: 'the connection ends in the middle of a zip', heal, safe: ['wait'], serve: served((request, response, c) => { if (!ALPHA_ZIP.test(request.url)) return false; const whole = fs.readFileSync(path.join(c.proxy, request.url)); response.writeHead(200, { 'Content-Length': whole.length }); response.write(whole.subarray(0, 50), () => response.destroy()); return true; }) },
  { name: 'network-reset', idea: 'the proxy ends each connection without an answer', heal, safe: ['wait'], serve: served((request) => { request.socket.destroy(); return true; }) },
  { name: 'network-portal', idea: 'a page that asks for a log-in in place of each answer', acceptable: ['checksum'], serve: served((request, response) => { response.writeHead(200, { 'Content-Type': 'text/html', Connection: 'close' }); response.end('<html><body>Please log in</body></html>\n'); return true; }) },
  { name: 'network-tls-on-plain', idea: 'GOPROXY says https where plain HTTP answers', acceptable: ['environment'], env: { GOPROXY: (c) => `https://127.0.0.1:${c.port}` }, serve: served(() => false) },
  { name: 'network-http-proxy-dead', idea: 'HTTPS_PROXY names a port where nothing listens', acceptable: ['environment'], env: { GOPROXY: 'https://proxy.corp.example', HTTPS_PROXY: `http://127.0.0.1:${CLOSED_PORT}` } },
  { name: 'network-directory-closed', idea: 'only root may read the directory that GOPROXY names', acceptable: ['files-closed'], ownProxy: true, make: (c) => c.close(c.proxy, { read: false }) },
  { name: 'network-private-dead', idea: 'GOPRIVATE takes the module past the proxy, to where nothing answers', acceptable: ['vcs', 'environment'], env: { GOPRIVATE: 'corp.example/*', HTTPS_PROXY: `http://127.0.0.1:${CLOSED_PORT}` } },
  { name: 'network-sumdb-dead', idea: 'the checksum database cannot be reached', acceptable: ['checksum', 'environment'], env: { GOSUMDB: `sum.golang.org http://127.0.0.1:${CLOSED_PORT}`, GOFLAGS: '-mod=mod' }, make: (c) => c.rm('go.sum') },
].map((t) => ({ kinds: ['network'], cold: true, make: () => {}, safe: [], ...t, env: { ...BLANK_PROXY, ...t.env }, ...(t.serve && { undo: stop }) }));

/** A module whose zip has these files; go.sum has its true hashes where go can tell them. */
const faulty = (module, files, gomod = 'go 1.18\n') => async (c) => {
  publish(c.proxy, `corp.example/${module}`, 'v1.0.0', gomod, { [`${module}.go`]: constant(module, 16) });
  const at = `corp.example/${module}@v1.0.0`;
  const all = { [`${at}/go.mod`]: `module corp.example/${module}\n\n${gomod}`, [`${at}/${module}.go`]: constant(module, 16), ...Object.fromEntries(Object.entries(files).map(([name, text]) => [name.replace('@', at), text])) };
  fs.writeFileSync(path.join(c.proxy, `corp.example/${module}/@v/v1.0.0.zip`), zip(all));
  c.replace('go.mod', '\tcorp.example/alpha v1.0.0\n', `\tcorp.example/alpha v1.0.0\n\tcorp.example/${module} v1.0.0\n`);
  c.write('main.go', program(`corp.example/${module}`));
  c.ground.own(c.dir);
  await c.run(c.goCommand, ['mod', 'download', `corp.example/${module}@v1.0.0`], { env: { GOFLAGS: '-mod=mod' } });
  if (!c.read('go.sum').includes(`corp.example/${module} v1.0.0 h1:`)) c.add('go.sum', `corp.example/${module} v1.0.0 h1:${'A'.repeat(43)}=\n`);
  if (!c.read('go.sum').includes(`corp.example/${module} v1.0.0/go.mod`)) await c.run(c.goCommand, ['mod', 'download'], { env: { GOFLAGS: '-mod=mod' } });
};
const bigger = (module) => (c) => {
  c.replace('go.mod', '\tcorp.example/alpha v1.0.0\n', `\tcorp.example/alpha v1.0.0\n\tcorp.example/${module} v1.0.0\n`);
  c.write('main.go', program(`corp.example/${module}`));
  return c.must(['mod', 'download', 'all']);
};

const modules = [
  { name: 'module-case-collision', idea: 'two files of a module differ only in capitals', ownProxy: true, make: faulty('clash', { '@/README': 'a\n', '@/readme': 'b\n' }) },
  { name: 'module-outside-itself', idea: 'a file in the zip is not below the module', ownProxy: true, make: faulty('outside', { 'elsewhere/x.go': 'package x\n' }) },
  { name: 'module-does-not-compile', idea: 'a module has a mistake, and is what go.sum says', acceptable: ['program'], make: bigger('faulty') },
  { name: 'module-for-windows', idea: 'a module has files for Windows alone', acceptable: ['program'], make: bigger('windows') },
  { name: 'module-gomod-broken', blind: true, idea: 'the go.mod of a version cannot be read', ownProxy: true, kinds: ['module-fault'], acceptable: ['mod-syntax', 'module-path', 'sum-missing'], make: faulty('broken', {}, '<<<<<<< HEAD\n') },
].map((t) => ({ kinds: ['module-fault'], safe: [], ...t }));

export const networkSetups = [...proxies, ...modules];
