// The facts of the machine as delve/signatures.h names them, found without delvegate: what go is configured with, which
// modules are required and in what state they are in the cache, and in what state each file is that the output names.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { escaped, isRoot } from './ground.mjs';
import { moduleRoot } from './remedies.mjs';

const GO_NAMES = ['GOMODCACHE', 'GOCACHE', 'GOROOT', 'GOFLAGS', 'GOWORK', 'GOMOD', 'GOENV', 'GOTOOLCHAIN', 'GOVERSION', 'GOPROXY', 'GOSUMDB', 'GOPRIVATE',
  'GOVCS', 'GO111MODULE', 'GOPATH', 'GOOS', 'GOARCH', 'GOAMD64', 'GOEXPERIMENT', 'GOTMPDIR', 'GOCACHEPROG', 'CGO_ENABLED', 'CC'];
const GO_LIKE = /^(GO[A-Z0-9]+|CGO_ENABLED|CC)$/;

/** What `go env` says; of a go that refuses, with GOTOOLCHAIN=local and without GOFLAGS. */
async function goSettings(c) {
  for (const env of [{}, { GOTOOLCHAIN: 'local', GOFLAGS: '' }, { GOTOOLCHAIN: 'local', GOFLAGS: '', GOWORK: 'off', GOARCH: '', GOOS: '', GOEXPERIMENT: '', GOAMD64: '' }]) {
    const { code, text } = await c.go(['env', '-json', ...GO_NAMES], { cwd: c.program, env });
    if (code === 0 && text.includes('{')) return JSON.parse(text.slice(text.indexOf('{')));
  }
  return {};
}

function writtenFile(file) {
  if (!file || !fs.existsSync(file) || !fs.statSync(file).isFile()) return {};
  return Object.fromEntries(fs.readFileSync(file, 'utf8').split('\n').filter((l) => l.includes('=')).map((l) => [l.slice(0, l.indexOf('=')), l.slice(l.indexOf('=') + 1)]));
}

const read = (file) => (fs.existsSync(file) && fs.statSync(file).isFile() ? fs.readFileSync(file, 'utf8') : '');

/** The directories of all main modules. */
function mainRoots(c, go) {
  const work = go.GOWORK && go.GOWORK !== 'off' ? go.GOWORK : null;
  const root = moduleRoot(c);
  if (!work) return root ? [root] : [];
  const used = [...read(work).matchAll(/^(?:use)?\s*("?[./][^\s()"]*)"?\s*$/gm)].map(([, dir]) => path.resolve(path.dirname(work), dir.replace(/"/g, '')));
  return [...new Set([...used, ...(root ? [root] : [])])];
}

/** The requirements and replacements that a go.mod names, by its lines. */
function parsed(text) {
  const require = new Map();
  const replace = new Map();
  let block = '';
  for (const line of text.split('\n').map((l) => l.replace(/\/\/.*/, '').trim())) {
    if (/^(\w+ \(|\))$/.test(line)) {
      block = line === ')' ? '' : line.slice(0, line.indexOf(' '));
      continue;
    }
    const words = (block ? `${block} ${line}` : line).split(/\s+/);
    if (words[0] === 'require' && words.length === 3) require.set(words[1], words[2]);
    if (words[0] === 'replace' && words.includes('=>')) replace.set(words[1], words[words.indexOf('=>') + 1]);
  }
  return { name: /^module\s+"?([^\s"]+)/m.exec(text)?.[1], require, replace };
}

/** The hash of a directory as go.sum has it. */
function hashOf(dir, prefix) {
  const lines = [];
  const walk = (at) => {
    for (const name of fs.readdirSync(at).sort()) {
      const file = path.join(at, name);
      if (fs.statSync(file).isDirectory()) walk(file);
      else lines.push([`${prefix}/${path.relative(dir, file)}`, createHash('sha256').update(fs.readFileSync(file)).digest('hex')]);
    }
  };
  walk(dir);
  lines.sort(([a], [b]) => (a < b ? -1 : 1));
  return `h1:${createHash('sha256').update(lines.map(([name, hash]) => `${hash}  ${name}\n`).join('')).digest('base64')}`;
}

function stateOf(c, cache, sums, module, version) {
  const dir = path.join(cache, `${escaped(module)}@${escaped(version)}`);
  if (!fs.existsSync(dir)) return { dir, state: 'missing' };
  const known = new RegExp(`^${module.replace(/[.]/g, '\\.')} ${version.replace(/[.]/g, '\\.')} (h1:\\S+)$`, 'm').exec(sums)?.[1]
    ?? read(path.join(cache, 'cache/download', escaped(module), '@v', `${escaped(version)}.ziphash`)).trim();
  if (!known) return { dir, state: 'unknown' };
  try {
    return { dir, state: hashOf(dir, `${module}@${version}`) === known ? 'whole' : 'damaged' };
  } catch (error) {
    if (!error.code) throw error;
    return { dir, state: 'damaged' }; // a link that leads nowhere, a file in place of the directory
  }
}

/** Whether the user who runs go may read (and, what is go's own to write, write) the file. */
async function accessOf(c, file) {
  if ((await c.run('test', ['-e', file])).code !== 0 && (await c.run('test', ['-L', file])).code !== 0) {
    for (let at = path.dirname(file); ; at = path.dirname(at)) {
      if (fs.existsSync(at)) return (await c.run('test', ['-x', at])).code === 0 || !fs.existsSync(file) ? 'missing' : 'closed';
    }
  }
  const may = async (what) => (await c.run('test', [what, file])).code === 0;
  if (!(await may('-e'))) return 'missing';
  return (await may('-r')) && (await may('-w')) ? 'open' : 'closed';
}

const ownerOf = (file) => {
  const stat = fs.lstatSync(file, { throwIfNoEntry: false });
  if (!stat) return undefined;
  if (stat.uid === 0) return 'root';
  return isRoot || stat.uid !== os.userInfo().uid ? 'nobody' : os.userInfo().username;
};

/** What in the output may be a path: as it is written there, and what it is. */
function pathsIn(text) {
  const found = new Set(['go.mod', 'go.sum']);
  for (const line of text.split('\n')) {
    for (const part of line.split(/: |\t/)) {
      const words = part.replace(/^(go: |open |mkdir |stat |lstat |unlinkat |fork\/exec |remove |rename |reading |unzip |parsing )+/, '').replace(/:\d+(:\d+)?:?$/, '').replace(/^["(']|["')]$/g, '');
      if (/[/.]/.test(words)) found.add(words);
      for (const word of words.split(/[\s"()]+/)) if (/[/.]/.test(word)) found.add(word.replace(/:(\d+(:\d+)?:?)?$/, ''));
    }
  }
  return [...found].filter((name) => name.length < 300 && !/^https?:/.test(name));
}

/** { facts: {name: text}, main: [path], modules: [{path, version, dir, state}], files: {name: {state, owner}} }; a file that is not
 * among them is missing. */
export async function factsOf(c, output) {
  const go = await goSettings(c);
  const facts = {};
  for (const [name, value] of Object.entries(go)) if (value !== '') facts[`go.${name}`] = value;
  for (const [name, value] of Object.entries(c.env)) if (GO_LIKE.test(name)) facts[`env.${name}`] = value;
  for (const [name, value] of Object.entries(writtenFile(go.GOENV))) facts[`file.${name}`] = value;
  const roots = mainRoots(c, go);
  const mods = roots.map((root) => parsed(read(path.join(root, 'go.mod'))));
  const sums = roots.map((root) => read(path.join(root, 'go.sum'))).join('\n');
  const modules = [];
  for (const { require, replace } of mods) {
    for (const [name, version] of require) {
      if (modules.some((m) => m.path === name)) continue;
      const to = replace.get(name);
      if (to && /^[./]/.test(to)) modules.push({ path: name, version, dir: '', state: 'replaced' });
      else modules.push({ path: name, version, ...stateOf(c, go.GOMODCACHE ?? c.mod, sums, name, version) });
    }
  }
  const files = {};
  for (const name of pathsIn(output)) {
    const at = path.resolve(c.program, name);
    const state = await accessOf(c, at);
    if (state !== 'missing') files[name] = { state, owner: ownerOf(at) };
  }
  return { facts, main: mods.map((m) => m.name).filter(Boolean), modules, files };
}
