// The broken set-ups, a table. Of each: `make` breaks it; `said` is what go says then; `ends` where a session must end:
//   mended  stopped at the breakpoint, with the story of what was done
//   runs    stopped at the breakpoint, nothing was broken for this go
//   fails   launch is refused with `cause`; `plain`: at once, nothing was tried
// proxy: what GOPROXY is (http: a server of the test's); cold: an empty module cache; changes: the files of the user's
// that may change; total: what the program must compute; unasked: what the http proxy must not be asked for; launchEnv: env of launch.json; lost: entries of the cache that may (the damaged ones, when they could be fetched again).
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { escaped, zip } from './goproxy.mjs';
import { fileCases } from './modgraph-files.mjs';
import { mistakeCases } from './modgraph-mistakes.mjs';
import { versionCases } from './modgraph-versions.mjs';
import { workspaceCases } from './modgraph-workspaces.mjs';
import { mayMount } from './mount.mjs';

const DEP = ['example.com/dep', 'v1.0.0'];
const LIB = ['example.com/Lib', 'v1.0.0'];
const TWO = ['example.com/two/v2', 'v2.0.0'];
const NOT_A_ZIP = /zip: not a valid zip file/;

const garble = (file) => fs.writeFileSync(file, 'this is no such file\n');
const empty = (file) => fs.writeFileSync(file, '');
/** Bytes of the same number: go looks at the size. */
const scramble = (file) => fs.writeFileSync(file, Buffer.alloc(fs.statSync(file).size, 'x'));
const cut = (file) => fs.writeFileSync(file, fs.readFileSync(file).subarray(0, fs.statSync(file).size / 2));
/** Damages the zip and removes what was extracted from it, so that go looks at the zip. */
const badZip = (module, how) => (c) => {
  how(c.entry(...module, 'zip'));
  c.unextract(...module);
};

/** One entry of the module cache is damaged: it alone is fetched again. */
const cache = [
  { name: 'zip-garbled', said: NOT_A_ZIP, make: badZip(DEP, garble) },
  { name: 'zip-empty', said: NOT_A_ZIP, make: badZip(DEP, empty) },
  { name: 'zip-cut', said: NOT_A_ZIP, make: badZip(DEP, cut) },
  { name: 'zip-garbled-capital', said: NOT_A_ZIP, lost: [LIB], make: badZip(LIB, garble) },
  { name: 'zip-garbled-v2', said: NOT_A_ZIP, lost: [TWO], make: badZip(TWO, garble) },
  { name: 'zip-garbled-twice', said: NOT_A_ZIP, lost: [LIB, TWO], make: (c) => { badZip(LIB, garble)(c); badZip(TWO, empty)(c); } },
  { name: 'mod-garbled', said: /verifying example\.com\/dep@v1\.0\.0\/go\.mod: checksum mismatch/, make: (c) => garble(c.entry(...DEP, 'mod')) },
  { name: 'mod-empty', said: /verifying example\.com\/dep@v1\.0\.0\/go\.mod: checksum mismatch/, make: (c) => empty(c.entry(...DEP, 'mod')) },
  { name: 'ziphash-wrong', said: /verifying example\.com\/dep@v1\.0\.0: checksum mismatch/, make: (c) => fs.writeFileSync(c.entry(...DEP, 'ziphash'), `h1:${'A'.repeat(43)}=`) },
  { name: 'extracted-lacks-file', said: /open .*example\.com\/dep@v1\.0\.0\/dep\.go: no such file/, make: (c) => { c.build(); c.damage(...DEP, (dir) => fs.rmSync(path.join(dir, 'dep.go'))); } },
  { name: 'extracted-file-cut', said: /dep/, make: (c) => c.damage(...DEP, (dir) => fs.writeFileSync(path.join(dir, 'dep.go'), 'package de')) },
  { name: 'partial-and-garbled', said: NOT_A_ZIP, make: (c) => { badZip(DEP, garble)(c); empty(c.entry(...DEP, 'partial')); } },
  { name: 'clean-not-needed', said: NOT_A_ZIP, recover: { cleanModCache: true }, make: badZip(DEP, garble) },
].map((t) => ({ ends: 'mended', lost: [DEP], ...t })).map((t) => ({ ...t, shown: new RegExp(t.lost.map(([m]) => `${m}|${escaped(m)}`).join('|')) }));

/** Damaged, and nothing can be fetched: all is put back. */
const unfetchable = [
  { name: 'zip-garbled-off', proxy: 'off', said: NOT_A_ZIP, make: badZip(DEP, garble) },
  { name: 'zip-garbled-lacking', ownProxy: true, said: NOT_A_ZIP, make: (c) => { badZip(DEP, garble)(c); fs.rmSync(path.join(c.proxy, 'example.com/dep'), { recursive: true }); } },
  { name: 'zip-garbled-clean-off', proxy: 'off', recover: { cleanModCache: true }, said: NOT_A_ZIP, make: badZip(DEP, garble) },
  { name: 'mod-empty-off', proxy: 'off', said: /checksum mismatch/, make: (c) => empty(c.entry(...DEP, 'mod')) },
  { name: 'extracted-lacks-file-off', proxy: 'off', said: /dep\.go: no such file/, make: (c) => { c.build(); c.damage(...DEP, (dir) => fs.rmSync(path.join(dir, 'dep.go'))); } },
  {
    name: 'tampered-proxy', ownProxy: true, said: NOT_A_ZIP, cause: /checksum mismatch|not a valid zip/,
    make: (c) => {
      badZip(DEP, garble)(c);
      const at = path.join(c.proxy, 'example.com/dep/@v/v1.0.0.zip');
      fs.writeFileSync(at, zip({ 'example.com/dep@v1.0.0/go.mod': 'module example.com/dep\n\ngo 1.18\n', 'example.com/dep@v1.0.0/dep.go': 'package dep\n\nfunc Value() int {\n\treturn 666\n}\n' }));
    },
  },
].map((t) => ({ ends: 'fails', cause: new RegExp(`${t.said.source}|GOPROXY=off|reading file:.*no such file`), ...t }));

/** Damage that go sees over, or mends itself. */
const healthy = [
  { name: 'as-it-should-be', make: () => {} },
  { name: 'info-garbled', make: (c) => garble(c.entry(...DEP, 'info')) },
  { name: 'ziphash-empty', make: (c) => empty(c.entry(...DEP, 'ziphash')) },
  { name: 'zip-garbled-extracted', make: (c) => garble(c.entry(...DEP, 'zip')) },
  { name: 'cold', cold: true, make: () => {} },
].map((t) => ({ ends: 'runs', lost: [DEP], ...t }));

const refused = /connection refused/;
const status = (code) => new RegExp(`${code} `);

/** The proxy: waited for when the network is why, not when the answer is no. */
const network = [
  { name: 'cold-off', cold: true, proxy: 'off', said: /module lookup disabled by GOPROXY=off/, ends: 'fails', plain: true, cause: /GOPROXY=off/, make: () => {} },
  { name: 'cold-lacking', cold: true, ownProxy: true, said: /reading file:.*no such file/, ends: 'fails', plain: true, cause: /no such file/, make: (c) => fs.rmSync(path.join(c.proxy, 'example.com/dep'), { recursive: true }) },
  { name: 'cold-bad-zip', cold: true, ownProxy: true, said: NOT_A_ZIP, ends: 'fails', cause: NOT_A_ZIP, make: (c) => garble(path.join(c.proxy, 'example.com/dep/@v/v1.0.0.zip')) },
  { name: 'cold-404', cold: true, proxy: 'http', answers: () => 404, said: /404 Not Found/, ends: 'fails', plain: true, cause: /404/, make: () => {} },
  { name: 'modcache-is-a-file', cold: true, said: /not a directory/, ends: 'mended', shown: /fresh module cache.*\n?.*Permanent fix: set GOMODCACHE/, make: (c) => { fs.rmdirSync(c.mod); fs.writeFileSync(c.mod, 'a file\n'); } },
  { name: 'cold-refused', cold: true, proxy: 'http', said: refused, ends: 'fails', retried: true, cause: refused, make: () => {} },
  { name: 'cold-refused-then-there', cold: true, proxy: 'http', appears: true, said: refused, ends: 'mended', retried: true, shown: refused, make: () => {} },
  { name: 'cold-503-then-well', cold: true, proxy: 'http', answers: (url, count) => (count < 2 ? 503 : 0), said: status(503), ends: 'mended', retried: true, shown: status(503), make: () => {} },
];

/** A file system without a free byte as the build cache, where the test may mount one. */
function mountFull(c) {
  c.edit('main.go', (text) => text.replace('import (', 'import (\n\t_ "errors"'));
  fs.mkdirSync(c.gocache);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', c.gocache]);
  // Ends when the file system is full.
  spawnSync('dd', ['if=/dev/zero', `of=${path.join(c.gocache, 'fill')}`, 'bs=1k'], { stdio: 'ignore' });
}
function walk(dir, visit) {
  for (const entry of fs.readdirSync(dir, { withFileTypes: true })) {
    const at = path.join(dir, entry.name);
    if (entry.isDirectory()) walk(at, visit);
    else visit(at);
  }
}

/** The build cache: a fresh one takes its place. */
const builds = [
  { name: 'gocache-unwritable', gocache: true, said: /failed to initialize build cache at/, make: (c) => fs.writeFileSync(c.gocache, 'a file, not a directory\n') },
  { name: 'gocache-garbled', gocache: true, said: /corrupt index|is not in (GOROOT|std)/, make: (c) => { c.build(); walk(c.gocache, (at) => /-d$/.test(at) && scramble(at)); } },
  { name: 'gocache-full', gocache: true, skip: () => !mayMount() && 'no file system can be mounted here', said: /no space left on device|is not in (GOROOT|std)/, make: mountFull, undo: (c) => spawnSync('umount', ['-l', c.gocache]) },
].map((t) => ({ ends: 'mended', shown: /GOCACHE|build cache/, ...t }));

/** A lock that another process holds, as go does while it downloads. */
const locks = [
  { name: 'lock-held', ends: 'runs', lock: [...DEP, 'lock'], make: (c) => { c.unextract(...DEP); fs.rmSync(c.entry(...DEP, 'zip')); } },
];

export const cases = (minor) => [...fileCases(minor), ...versionCases(minor), ...workspaceCases(minor), ...mistakeCases(minor), ...cache, ...unfetchable, ...healthy, ...network, ...builds, ...locks];
