// Broken set-ups that need no change of any file: a workspace, vendor/, a tree that cannot be written to, another Go.
// See modgraph-cases.mjs.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { mayMount } from './mount.mjs';

const WORK = 'go 1.18\n\nuse ./app\n';

/** The program's module as app/ beside go.work. */
function workspace(c, text) {
  fs.mkdirSync(c.file('app'));
  for (const name of ['go.mod', 'go.sum', 'main.go']) fs.renameSync(c.file(name), c.file(`app/${name}`));
  c.write('go.work', text);
}

/** A module beside it. */
function other(c, gomod = 'module example.com/other\n\ngo 1.18\n') {
  c.write('other/go.mod', gomod);
  c.write('other/other.go', 'package other\n\nfunc Value() int {\n\treturn 7\n}\n');
}
const needsOther = (c) => c.edit('app/main.go', (text) => text.replace('import (', 'import (\n\t"example.com/other"').replace('dep.Value()', 'dep.Value() + other.Value()'));

const newer = (c) => workspace(c, WORK.replace('1.18', '1.99'));

/** Whatever is wrong with the workspace, the module alone builds. */
const off = (minor) => [
  { name: 'work-bom', said: /unexpected input character/, make: (c) => workspace(c, `\uFEFF${WORK}`) },
  { name: 'work-unknown-directive', said: /unknown directive: nonsense/, make: (c) => workspace(c, `${WORK}nonsense x\n`) },
  { name: 'work-uses-twice', said: /appears multiple times in workspace/, make: (c) => workspace(c, `${WORK}use ./app\n`) },
  { name: 'work-newer-go', since: 21, env: { GOTOOLCHAIN: 'local' }, said: /go\.work requires go >= 1\.99/, make: newer },
  { name: 'work-newer-go-fetched', since: 21, env: { GOTOOLCHAIN: 'auto' }, said: /download go1\.99/, make: newer },
  { name: 'work-uses-broken', said: /unknown directive: nonsense/, make: (c) => { workspace(c, `${WORK}use ./other\n`); other(c, 'nonsense\n'); } },
  { name: 'work-replaces-used', said: /is replaced at all versions in the go\.work file/, make: (c) => { workspace(c, `${WORK}use ./other\n\nreplace example.com/other => ./third\n`); other(c); } },
  {
    name: 'work-conflicting-replacements', said: /conflicting replacements/,
    make: (c) => {
      workspace(c, `${WORK}use ./other\n`);
      other(c, 'module example.com/other\n\ngo 1.18\n\nreplace example.com/x => ./a\n');
      c.edit('app/go.mod', (text) => `${text}\nreplace example.com/x => ./b\n`);
    },
  },
  { name: 'work-replacement-gone', said: /example\.com\/dep/, make: (c) => workspace(c, `${WORK}\nreplace example.com/dep => ./gone\n`) },
  { name: 'work-with-mod-mod', buildFlags: '-mod=mod', said: /-mod may only be set to readonly/, make: (c) => workspace(c, WORK) },
  { name: 'work-with-modfile', since: 21, env: { GOFLAGS: '-modfile=go.mod' }, said: /-modfile cannot be used in workspace mode/, make: (c) => workspace(c, WORK) },
].filter(({ since = 0 }) => minor >= since).map((t) => ({ program: 'app', ends: 'mended', shown: /^done: (GOWORK=off|a build with -mod=readonly)/m, ...t }));

/** go.work does not use the module: a copy that does, where no module is another version by that. */
const completed = [
  {
    name: 'work-lacks-module-that-needs-it', shown: /go\.work, would change \(Delve builds with a copy\):\n\+use \S+\/app/,
    make: (c) => { workspace(c, 'go 1.18\n\nuse ./other\n'); other(c); needsOther(c); },
  },
  {
    name: 'work-lacks-module-and-raises', shown: /^done: GOWORK=off/m,
    make: (c) => { workspace(c, 'go 1.18\n\nuse ./other\n'); other(c, 'module example.com/other\n\ngo 1.18\n\nrequire example.com/dep v1.1.0\n'); c.build(); }, // go writes go.work.sum
  },
].map((t) => ({ program: 'app', ends: 'mended', said: /contained in a module that is not one of the workspace modules/, ...t }));

const vendor = (c) => c.go(['mod', 'vendor']);
const vendored = (minor) => [
  { name: 'vendor-list-gone', make: (c) => { vendor(c); c.rm('vendor/modules.txt'); } },
  { name: 'vendor-list-garbled', make: (c) => { vendor(c); c.write('vendor/modules.txt', '# x\n'); } },
  {
    name: 'work-vendor-stale', since: 22, program: 'app', shown: /^done: a build with -mod=readonly/m,
    make: (c) => {
      workspace(c, 'go 1.22\n\nuse (\n\t./app\n\t./other\n)\n');
      other(c);
      c.go(['work', 'vendor']);
      other(c, 'module example.com/other\n\ngo 1.18\n\nrequire example.com/dep v1.1.0\n');
    },
  },
].filter(({ since = 0 }) => minor >= since).map((t) => ({ ends: 'mended', said: /inconsistent vendoring|modules\.txt|is explicitly required in go\.mod/, ...t }));

/** The same file system, which takes no writes. */
function readOnly(c) {
  for (const args of [['--bind', c.src, c.src], ['-o', 'remount,ro,bind', c.src]]) spawnSync('mount', args, { stdio: 'inherit' });
}
const unwritable = [
  { name: 'tree-read-only', env: { GOFLAGS: '-mod=mod' }, said: /read-only file system/, diff: /^\+ ?example\.com\/dep v1\.0\.0 h1:/m, make: (c) => { c.rm('go.sum'); readOnly(c); } },
  { name: 'tree-read-only-edit', recover: { modFiles: 'edit' }, env: { GOFLAGS: '-mod=mod' }, said: /read-only file system/, make: (c) => { c.drop('go.sum', /dep v1\.0\.0 h1/); readOnly(c); } },
  { name: 'tree-read-only-edit-sum', recover: { modFiles: 'edit' }, said: /missing go\.sum entry/, shown: /^done: copies of go\.mod and go\.sum/m, make: (c) => { c.drop('go.sum', /dep v1\.0\.0 h1/); readOnly(c); } },
].map((t) => ({ ends: 'mended', skip: () => !mayMount() && 'no file system can be mounted here', undo: (c) => spawnSync('umount', ['-l', c.src]), ...t }));

/** Another Go is asked for than there is. */
const toolchain = (minor) => [
  { name: 'toolchain-not-needed', ends: 'mended', shown: /^done: GOTOOLCHAIN=local/m, make: (c) => c.edit('go.mod', (text) => `${text}\ntoolchain go1.99.0\n`) },
  { name: 'toolchain-needed', ends: 'fails', cause: /go1\.99/, shown: /Go 1\.99 or newer is needed, and was not found on the Go machine/, make: (c) => c.edit('go.mod', (text) => text.replace('go 1.18', 'go 1.99')) },
].filter(() => minor >= 21).map((t) => ({ env: { GOTOOLCHAIN: 'auto' }, said: /download go1\.99/, ...t }));

export const workspaceCases = (minor) => [...off(minor), ...completed, ...vendored(minor), ...unwritable, ...toolchain(minor)];
