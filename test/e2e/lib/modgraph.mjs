// Set-ups of module graphs, made for real and without a network: a good program with its modules, and the hands to
// break it.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { run } from './children.mjs';
import { HttpProxy, escaped, publish } from './goproxy.mjs';

const MAKE_ENV = { GOSUMDB: 'off', GONOSUMDB: '', GOPRIVATE: '', GOFLAGS: '', GOWORK: '' };

export const GO_MOD = `module example.com/app

go 1.18

require (
	example.com/Lib v1.0.0
	example.com/dep v1.0.0
	example.com/two/v2 v2.0.0
)

require example.com/indirect v1.0.0 // indirect
`;

export const MAIN_GO = `package main

import (
	lib "example.com/Lib"
	"example.com/dep"
	two "example.com/two/v2"
)

func main() {
	total := dep.Value() + lib.Value() + two.Value()
	println("total", total) // BREAK
}
`;

const value = (name, number) => ({ [`${name}.go`]: `package ${name}\n\nfunc Value() int {\n\treturn ${number}\n}\n` });

/** The modules of the proxy in dir. Lib 1.1.0 needs a later dep and so changes what a program needs. */
function modules(dir) {
  publish(dir, 'example.com/dep', 'v1.0.0', 'go 1.18\n', value('dep', 1));
  publish(dir, 'example.com/dep', 'v1.1.0', 'go 1.18\n', value('dep', 11));
  publish(dir, 'example.com/indirect', 'v1.0.0', 'go 1.18\n', value('indirect', 2));
  publish(dir, 'example.com/two/v2', 'v2.0.0', 'go 1.18\n', value('two', 3));
  // example.com/amb/sub is in two modules.
  publish(dir, 'example.com/amb', 'v1.0.0', 'go 1.18\n', { 'sub/sub.go': 'package sub\n' });
  publish(dir, 'example.com/amb/sub', 'v1.0.0', 'go 1.18\n', { 'sub.go': 'package sub\n' });
  const lib = { 'lib.go': 'package lib\n\nimport "example.com/indirect"\n\nfunc Value() int {\n\treturn indirect.Value()\n}\n' };
  publish(dir, 'example.com/Lib', 'v1.0.0', 'go 1.18\n\nrequire example.com/indirect v1.0.0\n', lib);
  publish(dir, 'example.com/Lib', 'v1.1.0', 'go 1.18\n\nrequire (\n\texample.com/dep v1.1.0\n\texample.com/indirect v1.0.0\n)\n', lib);
}

/** Runs go in dir; fails the test when go does, unless told otherwise. */
export function go(dir, env, args, { fails = false } = {}) {
  const how = spawnSync('go', args, { cwd: dir, env: { ...process.env, ...MAKE_ENV, ...env }, encoding: 'utf8' });
  assert.ok(fails || how.status === 0, `go ${args.join(' ')} in ${dir}: ${how.stdout}${how.stderr}`);
  return { code: how.status, text: how.stdout + how.stderr };
}

/** What all set-ups of one directory share: the proxy, a good program, a module cache that holds all it needs. */
export class Graph {
  constructor(root, gocache) {
    this.root = root;
    this.gocache = gocache;
    this.proxy = this.at('proxy');
    this.mod = this.at('good-mod');
    this.src = this.at('good');
    fs.mkdirSync(this.src, { recursive: true });
    modules(this.proxy);
    fs.writeFileSync(path.join(this.src, 'go.mod'), GO_MOD);
    fs.writeFileSync(path.join(this.src, 'main.go'), MAIN_GO);
    go(this.src, { ...this.env, GOFLAGS: '-modcacherw' }, ['mod', 'tidy']); // so that it can be removed like any directory
    assert.equal(fs.readFileSync(path.join(this.src, 'go.mod'), 'utf8'), GO_MOD);
  }

  at(name) {
    return path.join(this.root, name);
  }

  get env() {
    return { GOPROXY: `file://${this.proxy}`, GOMODCACHE: this.mod, GOCACHE: this.gocache };
  }
}

/** Makes everything below dir writable, as the module cache is not, and removes it. */
export function removeAll(dir) {
  if (!fs.existsSync(dir)) return;
  execFileSync('chmod', ['-R', 'u+rwX', dir]);
  fs.rmSync(dir, { recursive: true });
}

/** One set-up: the user's tree `src`, the module cache `mod`, and what the Go machine is configured with. */
export class Setup {
  constructor(graph, test) {
    this.graph = graph;
    this.test = test;
    this.dir = graph.at(test.name);
    this.src = path.join(this.dir, test.source ?? 'src');
    this.mod = path.join(this.dir, 'mod');
    this.proxy = test.ownProxy ? path.join(this.dir, 'proxy') : graph.proxy;
    this.gocache = test.gocache ? path.join(this.dir, 'gocache') : graph.gocache;
  }

  /** The environment that the target has: GOPROXY is the file proxy unless the set-up says otherwise. */
  get proxyUrl() {
    const { proxy } = this.test;
    if (proxy === 'http') return `http://127.0.0.1:${this.port}`;
    return proxy ?? `file://${this.proxy}`;
  }

  get goEnv() {
    return { GOPROXY: this.proxyUrl, GOSUMDB: 'off', GOFLAGS: '', ...this.test.env };
  }

  get env() {
    return { ...this.goEnv, ...this.test.launchEnv, GOMODCACHE: this.mod, GOCACHE: this.gocache };
  }

  /** Puts the good program and cache in place, then breaks them. */
  async make() {
    fs.mkdirSync(this.dir);
    execFileSync('cp', ['-a', this.graph.src, this.src]);
    if (this.test.cold) fs.mkdirSync(this.mod);
    else this.warm();
    if (this.test.ownProxy) execFileSync('cp', ['-a', this.graph.proxy, this.proxy]);
    await this.test.make(this);
    return this;
  }

  /** A module cache as go leaves it, what is extracted read-only. */
  warm() {
    execFileSync('cp', ['-a', this.graph.mod, this.mod]);
    execFileSync('find', [this.mod, '-path', path.join(this.mod, 'cache'), '-prune', '-o', '-path', '*@v*', '-exec', 'chmod', 'a-w', '{}', '+']);
  }

  /** The arguments of a launch. */
  get launchArgs() {
    const { mode = 'debug', buildFlags, launchEnv } = this.test;
    return { mode, program: this.program, ...(buildFlags && { buildFlags }), ...(launchEnv && { env: launchEnv }) };
  }

  get program() {
    return path.join(this.src, this.test.program ?? '.');
  }

  /** The file with the line to stop at. */
  get main() {
    return path.join(this.program, this.test.file ?? 'main.go');
  }

  file(name) {
    return path.join(this.src, name);
  }

  read(name) {
    return fs.readFileSync(this.file(name), 'utf8');
  }

  write(name, text) {
    fs.mkdirSync(path.dirname(this.file(name)), { recursive: true });
    fs.writeFileSync(this.file(name), text);
  }

  /** Changes a file by text; one that stays as it was would break nothing. */
  edit(name, change) {
    const before = this.read(name);
    const after = change(before);
    assert.notEqual(after, before, `${name} was not changed`);
    this.write(name, after);
  }

  /** Removes the lines that match. */
  drop(name, pattern) {
    this.edit(name, (text) => text.split('\n').filter((l) => !pattern.test(l)).join('\n'));
  }

  rm(name) {
    fs.rmSync(this.file(name), { recursive: true });
  }

  go(args, options) {
    return go(this.src, { ...this.env, GOPROXY: `file://${this.proxy}` }, args, options);
  }

  /** A file of the cache's downloads: entry('example.com/dep', 'v1.0.0', 'zip'). */
  entry(module, version, kind) {
    return path.join(this.mod, 'cache/download', escaped(module), '@v', `${escaped(version)}.${kind}`);
  }

  /** The extracted directory. */
  extracted(module, version) {
    return path.join(this.mod, `${escaped(module)}@${escaped(version)}`);
  }

  /** Removes an extracted directory, so that the zip is looked at again. */
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

  get buildArgs() {
    const verb = this.test.mode === 'test' ? ['test', '-c'] : ['build'];
    const flags = this.test.buildFlags ? this.test.buildFlags.split(' ') : [];
    return [...verb, '-gcflags', 'all=-N -l', '-o', path.join(this.dir, 'built'), ...flags, '.'];
  }

  /** Builds as Delve does, whether go can or not. */
  build() {
    return go(this.program, this.env, this.buildArgs, { fails: true });
  }

  /** The same for a set-up whose proxy lives in this process. Returns { code, text }. */
  async says() {
    const { code, stdout, stderr } = await run('go', this.buildArgs, { cwd: this.program, env: { ...process.env, ...MAKE_ENV, ...this.env } });
    return { code, text: stdout + stderr };
  }

  /** Starts the HTTP proxy, if there is to be one from the start (`answers`) or now. */
  async serve(now = this.test.answers !== undefined) {
    if (this.test.proxy !== 'http' || !now) return;
    this.server = await new HttpProxy(this.proxy, this.port, this.test.answers).listen();
  }

  async close() {
    if (this.server) await this.server.close();
    this.server = undefined;
    this.test.undo?.(this);
    removeAll(this.dir);
  }
}
