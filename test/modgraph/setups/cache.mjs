// The module cache: entries damaged before and after go has made its index of them, entries of somebody else's, caches
// in odd places.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { removeAll, zip } from '../ground.mjs';

const ALPHA = ['corp.example/alpha', 'v1.0.0'];
const BETA = ['corp.example/BigCo/Beta', 'v0.3.0'];
const GAMMA = ['corp.example/gamma', 'v1.2.0'];
const DELTA = ['corp.example/delta/v3', 'v3.1.4'];
const FILES = new Map([[ALPHA, 'alpha.go'], [BETA, 'beta.go'], [GAMMA, 'gamma.go'], [DELTA, 'delta.go']]);

/** Another text in the unpacked file of a module. */
const rewritten = (entry, change, name = FILES.get(entry)) => (c) => c.damage(...entry, (dir) => {
  const at = path.join(dir, name);
  fs.writeFileSync(at, change(fs.readFileSync(at, 'utf8')));
});
const lost = (entry, name) => (c) => c.damage(...entry, (dir) => fs.rmSync(path.join(dir, name), { recursive: true }));
/** The same once go has looked at it. */
const later = (make) => async (c) => {
  await c.must(['build', '-o', '/dev/null', '.']);
  await make(c);
};
const cut = (file, part = 2) => fs.writeFileSync(file, fs.readFileSync(file).subarray(0, fs.statSync(file).size / part));

const damaged = [
  { name: 'cache-package-gone', idea: 'a package directory is missing in the unpacked module; the proxy has a newer version too', make: lost(ALPHA, 'sub') },
  { name: 'cache-package-gone-later', idea: 'the same, after a build', make: later(lost(ALPHA, 'sub')) },
  { name: 'cache-root-package-gone', idea: 'the only file of the module\'s first package is missing', make: lost(ALPHA, 'alpha.go') },
  { name: 'cache-only-file-gone-indirect-later', idea: 'the same, after a build', entry: [GAMMA], make: later(lost(GAMMA, 'gamma.go')) },
  { name: 'cache-file-of-nuls', idea: 'a crash has left NUL bytes', make: rewritten(ALPHA, (text) => '\0'.repeat(text.length)) },
  { name: 'cache-file-cut-in-function', idea: 'a file ends in the middle of a function', make: rewritten(ALPHA, (text) => text.slice(0, text.indexOf('return') + 3)) },
  { name: 'cache-file-cut-later', idea: 'a file ends in the middle of a function, after a build', make: later(rewritten(ALPHA, (text) => text.slice(0, text.indexOf('return') + 3))) },
  { name: 'cache-file-empty', idea: 'a file of no bytes', make: rewritten(ALPHA, () => '') },
  { name: 'cache-file-is-html', idea: 'an error page in place of a file', make: rewritten(ALPHA, () => '<!DOCTYPE html>\n<html><body>503</body></html>\n') },
  { name: 'cache-file-word-cut', idea: 'the package clause is cut', make: rewritten(ALPHA, () => 'pack') },
  { name: 'cache-file-of-another-package', idea: 'a file of another package has taken its place', make: rewritten(ALPHA, () => 'package other\n') },
  { name: 'cache-function-lost', idea: 'a file ends after its package clause', make: rewritten(ALPHA, () => 'package alpha\n') },
  { name: 'cache-bit-flipped', idea: 'one letter is another', make: rewritten(ALPHA, (text) => text.replace('return 1', 'retuzn 1')) },
  { name: 'cache-import-lost', idea: 'the import of a file is gone', entry: [BETA], make: rewritten(BETA, (text) => text.replace(/import .*\n/, '')) },
  { name: 'cache-capital-cut', idea: 'a damaged file of a module whose path has capitals', entry: [BETA], make: rewritten(BETA, (text) => text.slice(0, -5)) },
  { name: 'cache-major-version-empty', idea: 'a damaged file of a module with a major version', entry: [DELTA], make: rewritten(DELTA, () => '') },
  { name: 'cache-directory-empty', idea: 'the unpacked directory is empty', make: (c) => c.damage(...ALPHA, (dir) => { for (const f of fs.readdirSync(dir)) fs.rmSync(path.join(dir, f), { recursive: true }); }) },
  { name: 'cache-directory-is-file', idea: 'a file where the unpacked directory is to be', make: (c) => { c.unextract(...ALPHA); fs.writeFileSync(c.extracted(...ALPHA), 'a file\n'); } },
  { name: 'cache-file-dangling', idea: 'a file is a link that leads nowhere', make: (c) => c.damage(...ALPHA, (dir) => { fs.rmSync(path.join(dir, 'alpha.go')); fs.symlinkSync('/missing/alpha.go', path.join(dir, 'alpha.go')); }) },
  { name: 'cache-zip-cut-hash-gone', idea: 'the zip is cut, its hash file is gone, nothing is unpacked', make: (c) => { c.unextract(...ALPHA); cut(c.entry(...ALPHA, 'zip')); fs.rmSync(c.entry(...ALPHA, 'ziphash')); } },
  { name: 'cache-zip-of-another-hash-gone', idea: 'the zip is another module\'s and its hash file is gone', make: (c) => { c.unextract(...ALPHA); fs.copyFileSync(c.entry(...GAMMA, 'zip'), c.entry(...ALPHA, 'zip')); fs.rmSync(c.entry(...ALPHA, 'ziphash')); }, acceptable: ['checksum'] },
  { name: 'cache-with-blanks-cut', idea: 'a damaged file in a cache whose path has blanks', modcache: 'my go modules/mod', make: rewritten(ALPHA, (text) => text.slice(0, -5)) },
  { name: 'cache-with-blanks-gone', idea: 'a missing file in a cache whose path has blanks, after a build', modcache: 'my go modules/mod', make: later(lost(ALPHA, 'alpha.go')) },
  { name: 'cache-of-another-name-cut', idea: 'a damaged file in a cache that is not called pkg/mod', modcache: 'stash', make: rewritten(ALPHA, () => 'package alpha\n\nfunc Value() int {') },
  {
    name: 'cache-by-a-link-cut', idea: 'a damaged file in a cache that is reached by a link', env: { GOMODCACHE: (c) => path.join(c.home, 'linked') },
    make: (c) => { fs.symlinkSync(c.mod, path.join(c.home, 'linked')); rewritten(ALPHA, (text) => text.slice(0, -5))(c); },
  },
  { name: 'cache-gone-in-a-test', idea: 'a missing package, in a test', mode: 'test', says: 'PASS', make: (c) => { c.write('shop_test.go', 'package main\n\nimport (\n\t"testing"\n\n\t"corp.example/alpha/sub"\n)\n\nfunc TestSub(t *testing.T) {\n\tif sub.Value() != 10 {\n\t\tt.Fatal("another version")\n\t}\n}\n'); lost(ALPHA, 'sub')(c); } },
].map((t) => ({ kinds: ['cache-damaged'], entry: [ALPHA], safe: ['refetch'], ...t }));

const closed = [
  { name: 'cache-entry-closed', idea: 'an unpacked directory that only root may read', make: (c) => c.close(c.extracted(...ALPHA), { read: false }) },
  { name: 'cache-file-closed', idea: 'a file in the unpacked directory that only root may read', make: (c) => c.close(path.join(c.extracted(...ALPHA), 'alpha.go'), { read: false }) },
  { name: 'cache-closed-not-unpacked', idea: 'root has the cache, and a module is not unpacked yet', make: (c) => { c.unextract(...ALPHA); c.close(c.mod); } },
  { name: 'cache-closed-lacks-entry', idea: 'root has the cache, and it lacks a module', make: (c) => { c.unextract(...ALPHA); for (const kind of ['zip', 'ziphash', 'lock', 'info']) fs.rmSync(c.entry(...ALPHA, kind), { force: true }); c.close(c.mod); } },
  { name: 'cache-closed-damaged', idea: 'root has a damaged entry', acceptable: ['cache-damaged'], make: (c) => { c.unextract(...ALPHA); cut(c.entry(...ALPHA, 'zip')); c.close(c.mod); } },
  { name: 'cache-file-cut-closed', idea: 'a damaged file in a directory that root has', kinds: ['cache-damaged'], acceptable: ['cache-closed'], make: (c) => { rewritten(ALPHA, (text) => text.slice(0, -5))(c); c.close(c.mod); } },
  { name: 'cache-parent-closed', idea: 'a cache that does not exist yet, in a directory that root has', cold: true, env: { GOMODCACHE: (c) => path.join(c.home, 'shared/mod') }, make: (c) => { fs.mkdirSync(path.join(c.home, 'shared')); c.close(path.join(c.home, 'shared')); } },
].map((t) => ({ kinds: ['cache-closed'], entry: [ALPHA], safe: ['fresh-modcache'], ...t }));

const other = [
  { name: 'cache-lacks-mod-offline', idea: 'a .mod file is gone and GOPROXY is off', kinds: ['network'], acceptable: ['cache-damaged'], env: { GOPROXY: 'off' }, entry: [ALPHA], make: (c) => { fs.rmSync(c.entry(...ALPHA, 'mod')); fs.rmSync(c.entry(...ALPHA, 'info'), { force: true }); } },
  { name: 'cache-lacks-module-offline', idea: 'one module is not in the cache and GOPROXY is off', kinds: ['network'], acceptable: ['cache-damaged'], env: { GOPROXY: 'off' }, make: (c) => { c.unextract(...ALPHA); removeAll(path.dirname(c.entry(...ALPHA, 'zip'))); } },
  {
    name: 'cache-zip-tampered', idea: 'the cache, its hash and all, is another module\'s content than go.sum says', kinds: ['checksum'], acceptable: ['cache-damaged'], entry: [ALPHA], safe: ['refetch'],
    make: (c) => {
      c.unextract(...ALPHA);
      const at = `${ALPHA[0]}@${ALPHA[1]}`;
      fs.writeFileSync(c.entry(...ALPHA, 'zip'), zip({ [`${at}/go.mod`]: `module ${ALPHA[0]}\n`, [`${at}/alpha.go`]: 'package alpha\n\nfunc Value() int {\n\treturn 666\n}\n' }));
      fs.rmSync(c.entry(...ALPHA, 'ziphash'));
    },
  },
  { name: 'cache-partial-left', idea: 'unpacking was cut short', kinds: ['none'], make: (c) => { rewritten(ALPHA, () => '')(c); fs.writeFileSync(c.entry(...ALPHA, 'partial'), ''); } },
  { name: 'cache-unpacked-gomod-garbled', idea: 'the unpacked go.mod, which go does not read, is damaged', kinds: ['none'], make: rewritten(ALPHA, () => 'garbled\n', 'go.mod') },
  { name: 'cache-zip-gone-offline', idea: 'the zip is gone, what was unpacked is there', kinds: ['none'], env: { GOPROXY: 'off' }, make: (c) => fs.rmSync(c.entry(...ALPHA, 'zip')) },
  { name: 'cache-closed-whole', idea: 'root has the cache, and it lacks nothing', kinds: ['none'], make: (c) => c.close(c.mod) },
];

export const cacheSetups = [...damaged, ...closed, ...other];
