// Damage in the module cache, a table. Of each, in this order: `make` prepares the set-up and breaks it before the first
// build (or `later`, between launch and Restart); `said` is what the user must read of it; `done` the remedy. Then the
// program must stop at its breakpoint with `values`, a Restart must find nothing broken, and the user's own go build
// with the same caches must succeed; `ends: 'fails'`: the launch is refused, with `said`.
// The build cache is shared: go's index is by path, and a set-up's module cache is in a place of its own.
// fresh: the module cache is not changed, another one is used.
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { publish } from './goproxy.mjs';

const DEP = ['example.com/dep', 'v1.0.0'];
const DEEP = ['example.com/deep', 'v1.0.0'];

const overwrite = (bytes) => (dir) => fs.writeFileSync(path.join(dir, 'dep.go'), bytes);
const damaged = (change) => (c) => c.damage(...DEP, change);
const SYNTAX = /dep\.go/;

/** A module that has another version at the proxy, whose package says so. */
function deep(c) {
  for (const version of ['v1.0.0', 'v1.5.0']) publish(c.proxy, 'example.com/deep', version, 'go 1.18\n', { 'deep.go': 'package deep\n', 'sub/sub.go': `package sub\n\nfunc Value() int {\n\treturn ${version === 'v1.0.0' ? 100 : 500}\n}\n` });
  c.edit('main.go', (text) => text.replace('"example.com/dep"', '"example.com/deep/sub"\n\t"example.com/dep"').replace('dep.Value()', 'sub.Value() + dep.Value()'));
  c.go(['get', DEEP.join('@')]);
}

/** As root: nobody may change what is in the directory, whoever asks. */
const immutable = (c, on) => execFileSync('chattr', ['-R', on ? '+i' : '-i', c.mod], { stdio: 'ignore' });
function noImmutable() {
  if (process.getuid() !== 0) return 'only root can make files immutable';
  const file = fs.mkdtempSync('/tmp/delvegate-immutable-');
  const can = spawnSync('chattr', ['+i', file]).status === 0;
  spawnSync('chattr', ['-i', file]);
  fs.rmdirSync(file);
  return !can && 'the file system of /tmp has no immutable files';
}

export const cases = () => [
  // Go's index of the module is made of the damage, and outlives it.
  { name: 'index-lacks-package', said: /example\.com\/dep/, done: /fetched again/, make: damaged((dir) => fs.rmSync(path.join(dir, 'dep.go'))) },
  { name: 'index-of-cut-file', said: /example\.com\/dep/, done: /fetched again/, make: damaged(overwrite('package de')) },
  { name: 'index-of-garbled-file', said: SYNTAX, done: /fetched again/, make: damaged(overwrite('this is no go file\n')) },
  { name: 'index-of-zeros', said: SYNTAX, done: /fetched again/, make: damaged((dir) => fs.writeFileSync(path.join(dir, 'dep.go'), Buffer.alloc(fs.statSync(path.join(dir, 'dep.go')).size))) },
  // The compiler speaks of the user's own file alone: the module's hash tells.
  { name: 'function-lost', said: /undefined: dep\.Value/, done: /fetched again/, make: damaged(overwrite('package dep\n')) },
  { name: 'file-of-another-package', said: /undefined: dep/, done: /fetched again/, make: damaged(overwrite('package other\n')) },
  // What is built must be what go.mod says, not the newest that has the package.
  {
    name: 'package-directory-gone', ownProxy: true, said: /example\.com\/deep/, done: /fetched again/, values: { total: 106 },
    make: (c) => { deep(c); c.damage(...DEEP, (dir) => fs.rmSync(path.join(dir, 'sub'), { recursive: true })); },
  },
  { name: 'zip-cut-without-hash', said: /zip/, done: /fetched again/, make: (c) => {
    const zip = c.entry(...DEP, 'zip');
    fs.writeFileSync(zip, fs.readFileSync(zip).subarray(0, fs.statSync(zip).size / 2));
    fs.rmSync(c.entry(...DEP, 'ziphash'));
    c.unextract(...DEP);
  } },
  { name: 'damage-before-restart', said: /dep\.go/, done: /fetched again/, make: () => {}, later: damaged((dir) => fs.rmSync(path.join(dir, 'dep.go'))) },
  // Not ours to change.
  {
    name: 'cache-closed', fresh: true, skip: noImmutable, said: /operation not permitted/i, done: /fresh module cache/, shown: /can't be used on the Go machine.*\n?.*Permanent fix: run `sudo chattr/, rebuilt: false,
    make: (c) => { c.unextract(...DEP); immutable(c, true); }, undo: (c) => immutable(c, false),
  },
  {
    name: 'cache-closed-and-damaged', fresh: true, skip: noImmutable, said: /example\.com\/dep/, done: /fresh module cache/, shown: /Permanent fix: run `sudo chattr/, rebuilt: false,
    make: (c) => { c.damage(...DEP, overwrite('package de')); immutable(c, true); }, undo: (c) => immutable(c, false),
  },
  // Somebody's own directory that is called as one of go's is.
  {
    name: 'own-closed-directory', ends: 'fails', recover: { cleanModCache: true }, skip: () => process.getuid() !== 0 && 'only root can be another user', said: /permission denied/,
    make: (c) => {
      c.write('cache/cache.go', 'package cache\n');
      c.edit('main.go', (text) => text.replace('import (', 'import (\n\t_ "example.com/app/cache"'));
      fs.chmodSync(c.file('cache'), 0o700);
      // The build, and nothing else, is somebody else's.
      c.asNobody();
    },
  },
].map((t) => ({ ends: 'mended', values: { total: 6 }, ...t }));
