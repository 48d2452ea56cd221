// The ground of the second set of broken set-ups: modules behind a file proxy, a good program, and for each set-up a
// home of its own with the program and a warm module cache in it. Go runs as who runs this, or as nobody for root, whom
// no permission stops.
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { escaped, publish, zip } from '../e2e/lib/goproxy.mjs';

export { escaped, publish, zip };

const NOBODY = 65534;
const REMOVALS = 20;
const OUTPUT_MAX = 1 << 24;
const GO_TIMEOUT_MS = 300_000;
export const isRoot = process.getuid() === 0;

export const GO_MOD = `module corp.example/shop

go 1.18

require (
	corp.example/BigCo/Beta v0.3.0
	corp.example/alpha v1.0.0
	corp.example/delta/v3 v3.1.4
)

require corp.example/gamma v1.2.0 // indirect
`;

export const MAIN_GO = `package main

import (
	"corp.example/BigCo/Beta"
	"corp.example/alpha"
	"corp.example/alpha/sub"
	"corp.example/delta/v3"
)

func main() {
	sum := alpha.Value() + sub.Value() + beta.Value() + delta.Value()
	println("sum", sum) // BREAK
}
`;

/** What the program prints as long as it is built with the versions of go.mod. */
export const SAYS = 'sum 16';

/** The source of a package with one function: constant('alpha', 1). */
export const constant = (name, number) => `package ${name}\n\nfunc Value() int {\n\treturn ${number}\n}\n`;
/** The same with the value of another package. */
export const borrowed = (name, from) => `package ${name}\n\nimport "${from}"\n\nfunc Value() int {\n\treturn ${/(\w+)$/.exec(from)[1]}.Value()\n}\n`;
/** A program that imports these packages (path, or [name, path]) and prints the sum of their values. */
export const program = (...imports) => `package main\n\nimport (\n${imports.map((i) => (Array.isArray(i) ? `\t${i[0]} "${i[1]}"\n` : `\t"${i}"\n`)).join('')})\n\nfunc main() {\n\tsum := ${
  imports.map((i) => `${Array.isArray(i) ? i[0] : path.basename(i)}.Value()`).join(' + ')}\n\tprintln("sum", sum) // BREAK\n}\n`;

/** The modules of the proxy. Each version has a value of its own, so that a program tells what it was built with. */
function modules(dir) {
  const go = 'go 1.18\n';
  const put = (module, version, gomod, files) => publish(dir, `corp.example/${module}`, version, gomod, files);
  put('alpha', 'v1.0.0', go, { 'alpha.go': constant('alpha', 1), 'sub/sub.go': constant('sub', 10) });
  put('alpha', 'v1.5.0', go, { 'alpha.go': constant('alpha', 100), 'sub/sub.go': constant('sub', 1000), 'late/late.go': constant('late', 5) });
  put('gamma', 'v1.2.0', go, { 'gamma.go': constant('gamma', 2) });
  put('gamma', 'v1.3.0', go, { 'gamma.go': constant('gamma', 20) });
  put('BigCo/Beta', 'v0.3.0', `${go}\nrequire corp.example/gamma v1.2.0\n`, { 'beta.go': borrowed('beta', 'corp.example/gamma') });
  put('BigCo/Beta', 'v0.4.0', `${go}\nrequire corp.example/gamma v1.3.0\n`, { 'beta.go': borrowed('beta', 'corp.example/gamma') });
  put('delta/v3', 'v3.1.4', go, { 'delta.go': constant('delta', 3) });
  put('extra', 'v1.0.0', go, { 'extra.go': constant('extra', 7), 'deep/deep.go': constant('deep', 8) });
  put('extra', 'v1.1.0', go, { 'extra.go': constant('extra', 70), 'deep/deep.go': constant('deep', 80) });
  put('split', 'v1.0.0', go, { 'split.go': constant('split', 1), 'part/part.go': constant('part', 2) });
  put('split/part', 'v1.0.0', go, { 'part.go': constant('part', 2) });
  put('hidden', 'v1.0.0', go, { 'hidden.go': constant('hidden', 1), 'internal/inner/inner.go': constant('inner', 1) });
  put('native', 'v1.0.0', go, { 'native.go': '// Package native calls C.\npackage native\n\n// static int three(void) { return 3; }\nimport "C"\n\nfunc Value() int {\n\treturn int(C.three())\n}\n' });
  put('future', 'v1.0.0', 'go 1.99\n', { 'future.go': constant('future', 1) });
  put('windows', 'v1.0.0', go, { 'windows_windows.go': constant('windows', 1) });
  put('faulty', 'v1.0.0', go, { 'faulty.go': 'package faulty\n\nfunc Value() int {\n\treturn "one"\n}\n' });
  put('tools', 'v1.0.0', go, { 'README': 'no Go here\n', 'cmd/tool/main.go': 'package main\n\nfunc main() {}\n' });
  put('tested', 'v1.0.0', `${go}\nrequire corp.example/extra v1.0.0\n`, { 'tested.go': constant('tested', 4), 'tested_test.go': 'package tested\n\nimport _ "corp.example/extra"\n' });
  put('chain', 'v1.0.0', `${go}\nrequire corp.example/extra v1.0.0\n`, { 'chain.go': borrowed('chain', 'corp.example/extra') });
}

/** The hash that go.sum has, of files by name: [[name, content]]. */
export function hashOf(files) {
  const lines = files.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, content]) => `${createHash('sha256').update(content).digest('hex')}  ${name}\n`);
  return `h1:${createHash('sha256').update(lines.join('')).digest('base64')}`;
}

/** Makes everything below dir writable, as a module cache is not, and removes it. */
export function removeAll(dir) {
  if (!fs.existsSync(dir)) return;
  execFileSync('chmod', ['-R', 'u+rwX', dir]);
  for (let left = REMOVALS; fs.existsSync(dir); left--) {
    try {
      fs.rmSync(dir, { recursive: true, maxRetries: 10, retryDelay: 100 });
    } catch (error) {
      if (error.code !== 'ENOTEMPTY' || left === 0) throw error; // go may still write there what it has measured of itself
    }
  }
}

/** Runs a program to its end, as this user if there is one: { code, text }. */
function run(user, command, args, options) {
  return new Promise((resolve, reject) => {
    execFile(command, args, { encoding: 'utf8', maxBuffer: OUTPUT_MAX, timeout: GO_TIMEOUT_MS, ...(user && { uid: user, gid: user }), ...options }, (error, stdout, stderr) => {
      if (error && typeof error.code !== 'number') reject(error); // it did not start, or not end
      else resolve({ code: error ? error.code : 0, text: stdout + stderr });
    }).stdin.end();
  });
}

/** The set-up cannot be had: nothing is closed to root. */
export class ClosedToRoot extends Error {}

/** What all set-ups of one go share. */
export class Ground {
  /** root: an empty directory of ours; goroot: of the go to try; user: who runs it, a number, or 0 for who runs this. */
  constructor(root, goroot, user = isRoot ? NOBODY : 0) {
    this.user = user;
    this.root = root;
    this.goroot = fs.realpathSync(goroot);
    this.count = 0;
    this.proxy = this.at('proxy');
    this.gocache = this.at('gocache');
    this.freshGocache = this.at('gocache-fresh'); // knows no directory of a set-up
    this.seed = this.at('gocache-seed'); // has the standard library alone
  }

  at(name) {
    return path.join(this.root, name);
  }

  /** seed: a build cache that has the standard library already; gocache: one that all set-ups may use. */
  async make({ seed, gocache } = {}) {
    fs.chmodSync(this.root, 0o755);
    modules(this.proxy);
    this.good = new Sandbox(this, { name: 'good', cold: true, make: () => {} });
    fs.mkdirSync(this.good.src, { recursive: true });
    fs.writeFileSync(path.join(this.good.src, 'go.mod'), GO_MOD);
    fs.writeFileSync(path.join(this.good.src, 'main.go'), MAIN_GO);
    this.own(this.good.dir);
    this.gocache = gocache ?? this.seed;
    this.version = (await this.good.go(['env', 'GOVERSION'])).text.trim();
    this.minor = Number(/^go1\.(\d+)/.exec(this.version)[1]);
    if (!gocache) await this.makeCaches(seed);
    await this.good.must(['mod', 'tidy']);
    assert.equal(fs.readFileSync(path.join(this.good.src, 'go.mod'), 'utf8'), GO_MOD);
    return this;
  }

  /** A build cache for what all set-ups build, and one for what is built with a fresh one. */
  async makeCaches(seed) {
    await this.seeded(seed);
    for (const to of ['gocache', 'gocache-fresh']) execFileSync('cp', ['-a', this.seed, this.at(to)]);
    this.gocache = this.at('gocache');
  }

  /** Makes the build cache that has the standard library alone: from `from`, or by building a program. */
  seeded(from) {
    this.seeding ??= this.makeSeed(from);
    return this.seeding;
  }

  async makeSeed(from) {
    const dir = this.at('std');
    if (from) execFileSync('cp', ['-a', from, this.seed]);
    else fs.mkdirSync(this.seed);
    fs.mkdirSync(dir);
    fs.writeFileSync(path.join(dir, 'main.go'), 'package main\n\nimport _ "fmt"\n\nfunc main() {}\n');
    fs.writeFileSync(path.join(dir, 'go.mod'), 'module std.example\n\ngo 1.18\n');
    this.own(this.seed);
    this.own(dir);
    const env = { ...this.good.env, GOCACHE: this.seed };
    const { code, text } = await this.run(this.good.goCommand, ['build', '-gcflags=all=-N -l', '-o', '/dev/null', '.'], { cwd: dir, env });
    assert.equal(code, 0, text);
  }

  run(command, args, options) {
    return run(this.user, command, args, options);
  }

  /** Gives what was made to the user who runs go. */
  own(dir) {
    if (this.user) execFileSync('chown', ['-R', '-h', `${this.user}:${this.user}`, dir]);
  }

  /** A fresh copy of a set-up, broken. */
  async sandbox(test) {
    const c = new Sandbox(this, test);
    await c.prepare();
    return c;
  }
}

/** A set-up: a home with the user's tree `src` and the module cache `mod` in it. */
export class Sandbox {
  constructor(ground, test) {
    this.ground = ground;
    this.test = test;
    this.dir = ground.at(`h${++ground.count}`);
    this.home = path.join(this.dir, test.home ?? 'home');
    this.src = path.join(this.home, test.source ?? 'work/shop');
    this.mod = path.join(this.home, test.modcache ?? 'go/pkg/mod');
    this.proxy = test.ownProxy ? path.join(this.dir, 'proxy') : ground.proxy;
    this.goroot = ground.goroot;
    this.later = [];
  }

  get gocache() {
    return this.test.gocache ? path.join(this.home, '.cache/go-build') : this.ground.gocache;
  }

  get minor() {
    return this.ground.minor;
  }

  get goCommand() {
    return path.join(this.goroot, 'bin/go');
  }

  get goproxy() {
    return this.port ? `http://127.0.0.1:${this.port}` : `file://${this.proxy}`;
  }

  /** What is set on the machine. A value may depend on where the set-up is. */
  get machineEnv() {
    const { env = {}, modcache } = this.test;
    return {
      PATH: `${this.goroot}/bin:/usr/bin:/bin`, HOME: this.home, GOCACHE: this.gocache, GOPROXY: this.goproxy, GOSUMDB: 'off',
      ...(modcache && { GOMODCACHE: this.mod }), ...this.valued(env),
    };
  }

  get launchEnv() {
    return this.valued(this.test.launchEnv ?? {});
  }

  get env() {
    return this.dropped({ ...this.machineEnv, ...this.launchEnv });
  }

  valued(env) {
    return Object.fromEntries(Object.entries(env).map(([name, v]) => [name, typeof v === 'function' ? v(this) : v]));
  }

  /** Without those that are to be unset. */
  dropped(env) {
    return Object.fromEntries(Object.entries(env).filter(([, v]) => v !== null));
  }

  get buildFlags() {
    const { buildFlags = '' } = this.test;
    return typeof buildFlags === 'function' ? buildFlags(this) : buildFlags;
  }

  get program() {
    return path.join(this.src, this.test.program ?? '.');
  }

  /** Puts the good program and cache in place, then breaks them. */
  async prepare() {
    fs.mkdirSync(path.dirname(this.src), { recursive: true });
    execFileSync('cp', ['-a', this.ground.good.src, this.src]);
    if (!this.test.cold) {
      fs.mkdirSync(path.dirname(this.mod), { recursive: true });
      execFileSync('cp', ['-a', this.ground.good.mod, this.mod]);
    }
    if (this.test.gocache) {
      await this.ground.seeded();
      fs.mkdirSync(path.dirname(this.gocache), { recursive: true });
      execFileSync('cp', ['-a', this.ground.seed, this.gocache]);
    }
    if (this.test.ownProxy) execFileSync('cp', ['-a', this.ground.proxy, this.proxy]);
    if (this.test.serve) await this.test.serve(this);
    await this.test.make(this);
    this.ground.own(this.dir);
    for (const change of this.later) change(this);
  }

  /** Done last, when the rest belongs to the user who runs go. */
  finally(change) {
    this.later.push(change);
  }

  /** Nobody's but root's, and closed to the others; where this is not root, closed to its owner too. */
  close(file, { read = true } = {}) {
    this.finally(() => {
      if (isRoot && !this.ground.user) throw new ClosedToRoot();
      if (isRoot) execFileSync('chown', ['-R', '-h', 'root:root', file]);
      execFileSync('chmod', ['-R', `${isRoot ? 'go' : 'a'}-w${read ? '' : 'rx'}`, file]);
    });
  }

  file(name) {
    return path.join(this.src, name);
  }

  read(name) {
    return fs.readFileSync(this.file(name), 'utf8');
  }

  write(name, text) {
    const at = path.resolve(this.src, name);
    fs.mkdirSync(path.dirname(at), { recursive: true });
    fs.writeFileSync(at, text);
  }

  /** Changes a file by text; one that stays as it was would break nothing. */
  edit(name, change) {
    const before = this.read(name);
    const after = change(before);
    assert.notEqual(after, before, `${name} was not changed`);
    this.write(name, after);
  }

  replace(name, from, to) {
    this.edit(name, (text) => text.replace(from, to));
  }

  add(name, text) {
    this.edit(name, (before) => before + text);
  }

  /** Removes the lines that match. */
  drop(name, pattern) {
    this.edit(name, (text) => text.split('\n').filter((l) => !pattern.test(l)).join('\n'));
  }

  rm(name) {
    fs.rmSync(this.file(name), { recursive: true });
  }

  /** A file of the cache's downloads: entry('corp.example/alpha', 'v1.0.0', 'zip'). */
  entry(module, version, kind) {
    return path.join(this.mod, 'cache/download', escaped(module), '@v', `${escaped(version)}.${kind}`);
  }

  extracted(module, version) {
    return path.join(this.mod, `${escaped(module)}@${escaped(version)}`);
  }

  unextract(module, version) {
    removeAll(this.extracted(module, version));
  }

  /** Changes something in an extracted directory, which go makes read-only. */
  damage(module, version, change) {
    const dir = this.extracted(module, version);
    execFileSync('chmod', ['-R', 'u+w', dir]);
    change(dir);
    execFileSync('chmod', ['-R', 'a-w', dir]);
  }

  /** Runs a program as the user of the set-up, with its environment. */
  run(command, args, { cwd = this.src, env = {} } = {}) {
    return this.ground.run(command, args, { cwd, env: this.dropped({ ...this.env, ...env }) });
  }

  go(args, options) {
    return this.run(this.goCommand, args, options);
  }

  /** go for the making of a set-up: with the good environment, and it must do. */
  async must(args, { cwd = this.src } = {}) {
    this.ground.own(this.dir);
    const env = { PATH: `${this.goroot}/bin:/usr/bin:/bin`, HOME: this.home, GOCACHE: this.gocache, GOMODCACHE: this.mod, GOPROXY: `file://${this.proxy}`, GOSUMDB: 'off', GOFLAGS: '' };
    const how = await this.ground.run(this.goCommand, args, { cwd, env });
    assert.equal(how.code, 0, `${this.test.name}: go ${args.join(' ')}: ${how.text}`);
    return how;
  }

  get binary() {
    return path.join(this.dir, 'built');
  }

  /** What `dlv debug` and `dlv test` run. */
  buildArgs(flags = []) {
    const verb = this.test.mode === 'test' ? ['test', '-c'] : ['build'];
    const own = this.buildFlags ? this.buildFlags.match(/'[^']*'|\S+/g).map((word) => word.replace(/'/g, '')) : [];
    return [...verb, '-o', this.binary, '-gcflags', 'all=-N -l', ...own, ...flags, ...(this.test.package ? [this.test.package] : ['.'])];
  }

  /** Builds as Delve does. */
  build({ flags = [], env = {} } = {}) {
    fs.rmSync(this.binary, { force: true });
    if (isRoot) fs.chmodSync(this.dir, 0o777);
    const args = this.buildArgs(flags);
    if (this.test.limit) return this.run('/usr/bin/prlimit', [this.test.limit, this.goCommand, ...args], { cwd: this.program, env });
    return this.go(args, { cwd: this.program, env });
  }

  /** What the program says that was built. */
  async says() {
    const args = this.test.mode === 'test' ? ['-test.v'] : [];
    return (await this.ground.run(this.binary, args, { cwd: this.program, env: { PATH: '/usr/bin:/bin', HOME: this.home } })).text;
  }

  async remove() {
    await this.test.undo?.(this);
    removeAll(this.dir);
  }
}
