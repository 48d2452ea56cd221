// The facts of the machine as delve/signatures.h names them, found without delvegate: what go is configured with, which
// modules are required and in what state they are in the cache, and in what state each file is that the output names.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { escaped, hashOf, isRoot } from './ground.mjs';
import { modfileOf, moduleRoot, usedBy } from './remedies.mjs';

const GO_NAMES = ['GOMODCACHE', 'GOCACHE', 'GOROOT', 'GOFLAGS', 'GOWORK', 'GOMOD', 'GOENV', 'GOTOOLCHAIN', 'GOVERSION', 'GOPROXY', 'GOSUMDB', 'GOPRIVATE',
  'GOVCS', 'GO111MODULE', 'GOPATH', 'GOOS', 'GOARCH', 'GOAMD64', 'GOEXPERIMENT', 'GOTMPDIR', 'GOCACHEPROG', 'CGO_ENABLED', 'CC'];
const GO_LIKE = /^(GO[A-Z0-9]+|CGO_ENABLED|CC)$/;

/** What `go env` says; of a go that refuses, with GOTOOLCHAIN=local and without GOFLAGS. */
async function goSettings(c) {
  for (const env of [{}, { GOTOOLCHAIN: 'local', GOFLAGS: '' }, { GOTOOLCHAIN: 'local', GOFLAGS: '', GOWORK: 'off', GOARCH: '', GOOS: '', GOEXPERIMENT: '', GOAMD64: '' }]) {
    const { code, text } = await c.go(['env', '-json', ...GO_NAMES], { cwd: c.program, env });
    if (code === 0 && text.includes('{')) return JSON.parse(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1));
  }
  return {};
}

function writtenFile(file) {
  if (!file || !fs.existsSync(file) || !fs.statSync(file).isFile()) return {};
  return Object.fromEntries(fs.readFileSync(file, 'utf8').split('\n').filter((l) => l.includes('=')).map((l) => [l.slice(0, l.indexOf('=')), l.slice(l.indexOf('=') + 1)]));
}

const read = (file) => (fs.existsSync(file) && fs.statSync(file).isFile() ? fs.readFileSync(file, 'utf8') : '');

/** Of go.sum: missing, closed (the user can't read it), malformed (a line has not three fields), else open. */
async function sumStateOf(c, file) {
  if (!fs.existsSync(file)) return 'missing';
  if (!fs.statSync(file).isFile() || (await c.run('/usr/bin/test', ['-r', file])).code !== 0) return 'closed';
  const fields = read(file).split('\n').map((line) => line.split(/\s+/).filter(Boolean).length);
  return fields.every((n) => n === 0 || n === 3) ? 'open' : 'malformed';
}

/** What names like NAME.X stand for in a file: {name: import path}, of the names that the output speaks of; and of paths that
 * it says are not used {path: what the file calls it}, - where that is left to the package. */
function importsIn(file, output) {
  const head = read(file).split(/^(?:func|type|var|const)\b/m)[0];
  const found = {};
  for (const [, alias, name] of head.matchAll(/^\s*(?:import\s+)?(?:([\w.]+)\s+)?"([^"]+)"/gm)) {
    const called = alias ?? path.basename(name.replace(/\/v\d+$/, '')).replace(/\.v\d+$/, '').toLowerCase();
    if (new RegExp(`\\b${called.replace(/\W/g, '\\$&')}\\.\\w`).test(output)) found[called] = name;
    if (output.includes(`"${name}" imported as`) || output.includes(`imported and not used: "${name}"`)) found[name] = alias ?? '-';
  }
  return found;
}

/** The same of each Go file that the compiler has named. */
function importsOf(c, output) {
  const of = {};
  if (!/^# /m.test(output)) return of;
  for (const [, name] of output.matchAll(/^(\S+\.go):\d+:/gm)) {
    const found = importsIn(path.resolve(c.program, name), output);
    if (Object.keys(found).length > 0) of[name] = found;
  }
  return of;
}

/** The directories of all main modules. */
function mainRoots(c, go) {
  const work = go.GOWORK && go.GOWORK !== 'off' ? go.GOWORK : null;
  const root = moduleRoot(c);
  if (!work) return root ? [root] : [];
  return [...new Set([...usedBy(work), ...(root ? [root] : [])])];
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

/** The files of a directory as go.sum's hash has them. */
function filesOf(dir, prefix) {
  const names = fs.readdirSync(dir, { recursive: true }).filter((name) => !fs.statSync(path.join(dir, name)).isDirectory());
  return names.map((name) => [`${prefix}/${name}`, fs.readFileSync(path.join(dir, name))]);
}

/** The directories of a module that have Go files, as paths in it; '' is the first. */
function packagesIn(dir) {
  if (!fs.existsSync(dir) || !fs.statSync(dir).isDirectory()) return [];
  const names = fs.readdirSync(dir, { recursive: true, withFileTypes: true }).filter((e) => e.name.endsWith('.go'));
  return [...new Set(names.map((e) => path.relative(dir, e.parentPath ?? e.path)))].sort();
}

function stateOf(c, cache, sums, module, version) {
  const dir = path.join(cache, `${escaped(module)}@${escaped(version)}`);
  if (!fs.existsSync(dir)) return { dir, state: 'missing' };
  const known = new RegExp(`^${module.replace(/[.]/g, '\\.')} ${version.replace(/[.]/g, '\\.')} (h1:\\S+)$`, 'm').exec(sums)?.[1]
    ?? read(path.join(cache, 'cache/download', escaped(module), '@v', `${escaped(version)}.ziphash`)).trim();
  if (!known) return { dir, state: 'unknown' };
  try {
    return { dir, state: hashOf(filesOf(dir, `${module}@${version}`)) === known ? 'whole' : 'damaged' };
  } catch (error) {
    if (!error.code) throw error;
    return { dir, state: 'damaged' }; // a link that leads nowhere, a file in place of the directory
  }
}

/** Whether the user who runs go may read (and, what is go's own to write, write) the file. */
async function accessOf(c, file) {
  if ((await c.run('/usr/bin/test', ['-e', file])).code !== 0 && (await c.run('/usr/bin/test', ['-L', file])).code !== 0) {
    for (let at = path.dirname(file); ; at = path.dirname(at)) {
      if (fs.existsSync(at)) return (await c.run('/usr/bin/test', ['-x', at])).code === 0 || !fs.existsSync(file) ? 'missing' : 'closed';
    }
  }
  const may = async (what) => (await c.run('/usr/bin/test', [what, file])).code === 0;
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

/** A directory as it is called; with what it is without links, where that is another. */
function resolved(dir) {
  if (!dir || !fs.existsSync(dir)) return dir;
  const real = fs.realpathSync(dir);
  return real === dir ? dir : [dir, real];
}

/** { facts: {name: text or [text]}, main: [path], modules: [{path, version, dir, state, zip, packages}],
 * imports: {file: {name: path}}, files: {name: {state, owner}} }; a file that is not among them is missing. */
export async function factsOf(c, output) {
  const go = await goSettings(c);
  const facts = {};
  for (const [name, value] of Object.entries(go)) if (value !== '') facts[`go.${name}`] = value;
  for (const name of ['go.GOMODCACHE', 'go.GOCACHE', 'go.GOROOT']) facts[name] = resolved(facts[name]);
  facts.dir = resolved(c.program);
  for (const [name, value] of Object.entries(c.env)) if (GO_LIKE.test(name)) facts[`env.${name}`] = value;
  for (const [name, value] of Object.entries(writtenFile(go.GOENV))) facts[`file.${name}`] = value;
  const roots = mainRoots(c, go);
  const inWork = go.GOWORK && go.GOWORK !== 'off';
  const used = roots.filter((root) => root !== moduleRoot(c) || !inWork || usedBy(go.GOWORK).includes(root));
  const modfile = inWork ? null : modfileOf(c, go.GOFLAGS);
  const gomods = modfile ? [modfile] : roots.map((root) => path.join(root, 'go.mod'));
  const mods = gomods.map((file) => parsed(read(file)));
  const sums = gomods.map((file) => read(file.replace(/mod$/, 'sum'))).join('\n');
  const own = modfile ?? (moduleRoot(c) && path.join(moduleRoot(c), 'go.mod'));
  if (own) facts['sum.state'] = await sumStateOf(c, own.replace(/mod$/, 'sum'));
  if (inWork && moduleRoot(c)) facts['work.use'] = used.includes(moduleRoot(c)) ? 'there' : 'missing';
  const modules = [];
  for (const [i, { require, replace }] of mods.entries()) {
    for (const [name, version] of require) {
      if (modules.some((m) => m.path === name)) continue;
      const to = replace.get(name);
      if (to && /^[./]/.test(to)) {
        const dir = path.resolve(modfile ? moduleRoot(c) : path.dirname(gomods[i]), to);
        modules.push({ path: name, version, dir, state: 'replaced', packages: packagesIn(dir) });
      }
      else {
        const cache = go.GOMODCACHE ?? c.mod;
        const found = stateOf(c, cache, sums, name, version);
        const zip = fs.existsSync(path.join(cache, 'cache/download', escaped(name), '@v', `${escaped(version)}.zip`)) ? 'there' : 'missing';
        modules.push({ path: name, version, ...found, zip, packages: packagesIn(found.dir) });
      }
    }
  }
  const files = {};
  for (const name of pathsIn(output)) {
    const at = path.resolve(c.program, name);
    const state = await accessOf(c, at);
    if (state !== 'missing') files[name] = { state, owner: ownerOf(at) };
  }
  return { facts, main: mods.map((m) => m.name).filter(Boolean), modules, imports: importsOf(c, output), files };
}
