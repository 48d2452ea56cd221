// A module proxy without a network: modules written as the files that GOPROXY=file://DIR reads, and the same over HTTP
// on loopback, where it can fail on request.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import zlib from 'node:zlib';

const GZIP_TRAILER = 8; // the CRC, then the length

/** node 18 has no zlib.crc32, but a gzip stream ends with the same checksum. */
function crc32(data) {
  const stream = zlib.gzipSync(data, { level: 0 });
  return stream.readUInt32LE(stream.length - GZIP_TRAILER);
}

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const VERSION_NEEDED = 20;
const DATE_1980 = 0x21;

/** Fields [bytes, value] one after the other, little-endian. */
function fields(list) {
  const out = Buffer.alloc(list.reduce((sum, [size]) => sum + size, 0));
  let at = 0;
  for (const [size, value] of list) {
    out.writeUIntLE(value, at, size);
    at += size;
  }
  return out;
}

/** A zip file with these files, stored: { name: text }. */
export function zip(files) {
  const parts = [];
  const central = [];
  let offset = 0;
  for (const [name, text] of Object.entries(files)) {
    const data = Buffer.from(text);
    const label = Buffer.from(name);
    const common = [[2, VERSION_NEEDED], [2, 0], [2, 0], [2, 0], [2, DATE_1980], [4, crc32(data)], [4, data.length], [4, data.length], [2, label.length], [2, 0]];
    central.push(fields([[4, CENTRAL], [2, VERSION_NEEDED], ...common, [2, 0], [2, 0], [2, 0], [4, 0], [4, offset]]), label);
    const local = [fields([[4, LOCAL], ...common]), label, data];
    parts.push(...local);
    offset += local.reduce((sum, b) => sum + b.length, 0);
  }
  const directory = Buffer.concat(central);
  const count = Object.keys(files).length;
  return Buffer.concat([...parts, directory, fields([[4, END], [2, 0], [2, 0], [2, count], [2, count], [4, directory.length], [4, offset], [2, 0]])]);
}

/** A module path or version as proxies and the cache write it: a capital letter as ! and the small one. */
export const escaped = (name) => name.replace(/[A-Z]/g, (c) => `!${c.toLowerCase()}`);

/** Adds module@version to the file proxy in dir. files: those beside go.mod. */
export function publish(dir, module, version, gomod, files) {
  const at = path.join(dir, escaped(module), '@v');
  fs.mkdirSync(at, { recursive: true });
  const mod = `module ${module}\n\n${gomod}`;
  const prefixed = Object.fromEntries(Object.entries({ 'go.mod': mod, ...files }).map(([name, text]) => [`${module}@${version}/${name}`, text]));
  fs.writeFileSync(path.join(at, `${version}.info`), JSON.stringify({ Version: version, Time: '2020-01-02T03:04:05Z' }));
  fs.writeFileSync(path.join(at, `${version}.mod`), mod);
  fs.writeFileSync(path.join(at, `${version}.zip`), zip(prefixed));
  fs.appendFileSync(path.join(at, 'list'), `${version}\n`);
}

/** The proxy in dir over HTTP. answer(url, count) may return a status to fail with; count is the number of requests before. */
export class HttpProxy {
  constructor(dir, port, answer = () => 0) {
    this.requests = [];
    this.port = port;
    this.server = http.createServer((request, response) => {
      const status = answer(request.url, this.requests.length);
      this.requests.push(request.url);
      const file = path.join(dir, path.normalize(decodeURIComponent(request.url)));
      const code = status || (fs.existsSync(file) && fs.statSync(file).isFile() ? 200 : 404);
      response.writeHead(code, { 'Content-Type': 'application/octet-stream', Connection: 'close' });
      response.end(code === 200 ? fs.readFileSync(file) : `status ${code}\n`);
    });
  }

  listen() {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(this.port, '127.0.0.1', () => resolve(this));
    });
  }

  close() {
    return new Promise((resolve) => {
      this.server.close(() => resolve());
      this.server.closeAllConnections();
    });
  }
}
