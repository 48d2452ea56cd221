// Workspaces and vendor directories.
import fs from 'node:fs';
import path from 'node:path';
import { constant, program } from '../ground.mjs';

const lib = (c, dir = '../lib', gomod = 'module corp.example/lib\n\ngo 1.18\n') => {
  c.write(`${dir}/go.mod`, gomod);
  c.write(`${dir}/lib.go`, constant('lib', 16));
};
const work = (c, text, go = 'go 1.18') => c.write('../go.work', `${go}\n\n${text}`);
const USES = 'use (\n\t./lib\n\t./shop\n)\n';
const both = (make, text = USES, go) => async (c) => {
  lib(c);
  work(c, text, go);
  await make?.(c);
};

const off = [
  { name: 'work-directory-twice', idea: 'one directory is used twice', make: both(null, 'use (\n\t./shop\n\t./lib\n\t./shop\n)\n') },
  { name: 'work-module-twice', idea: 'two used directories are the same module', make: both((c) => lib(c, '../lib2'), 'use (\n\t./lib\n\t./lib2\n\t./shop\n)\n') },
  { name: 'work-replaces-used-module', idea: 'a used module is replaced by go.work', make: both(null, `${USES}\nreplace corp.example/lib => ./lib2\n`) },
  { name: 'work-unknown-word', idea: 'a directive that no Go knows', kinds: ['work-syntax'], acceptable: ['workspace'], make: both(null, `${USES}\nuses ./other\n`) },
  { name: 'work-bom', idea: 'an editor has put a byte order mark before go.work', kinds: ['work-syntax'], acceptable: ['workspace'], make: both((c) => c.edit('../go.work', (text) => `\ufeff${text}`)) },
  { name: 'work-go-twice', idea: 'go.work has two go lines', kinds: ['work-syntax'], acceptable: ['workspace'], make: both((c) => c.add('../go.work', '\ngo 1.18\n')) },
  { name: 'work-replacements-differ', idea: 'two used modules replace one module by different directories', make: both((c) => { c.write('../a1/go.mod', 'module corp.example/extra\n'); c.write('../a2/go.mod', 'module corp.example/extra\n'); c.add('../lib/go.mod', '\nreplace corp.example/extra => ../a1\n'); c.add('go.mod', '\nreplace corp.example/extra => ../a2\n'); }) },
  { name: 'work-newer-go', idea: 'go.work is for a Go of the future', env: { GOTOOLCHAIN: 'local' }, kinds: ['workspace'], acceptable: ['toolchain'], make: both(null, USES, 'go 1.99') },
  { name: 'work-module-newer-than-work', idea: 'a used module is for a later Go than go.work says', env: { GOTOOLCHAIN: 'local' }, acceptable: ['toolchain'], make: both((c) => c.replace('../lib/go.mod', 'go 1.18', 'go 1.23')) },
  { name: 'work-module-newer-than-go', idea: 'a used module is for a Go of the future', env: { GOTOOLCHAIN: 'local' }, acceptable: ['toolchain'], make: both((c) => c.replace('../lib/go.mod', 'go 1.18', 'go 1.99'), USES) },
  { name: 'work-used-module-broken', idea: 'the go.mod of a used module cannot be read', acceptable: ['mod-syntax'], make: both((c) => c.add('../lib/go.mod', '\n=======\n')) },
  { name: 'work-used-module-closed', idea: 'only root may read the go.mod of a used module', acceptable: ['files-closed'], make: both((c) => c.close(path.join(c.src, '../lib/go.mod'), { read: false })) },
  { name: 'work-used-module-gone-foreign', idea: 'a used module is on another machine', make: both(null, 'use (\n\t./shop\n\t/Users/me/src/lib\n)\n') },
  { name: 'work-uses-a-pattern', idea: 'go.work uses ./lib/...', make: both(null, 'use (\n\t./shop\n\t./lib/...\n)\n') },
  { name: 'work-replacement-gone', idea: 'go.work replaces a module by a directory that is gone', acceptable: ['replace-missing'], make: both(null, `${USES}\nreplace corp.example/alpha => ./alpha\n`) },
  { name: 'work-is-directory', idea: 'go.work is a directory', acceptable: ['files-closed', 'work-syntax'], make: (c) => fs.mkdirSync(path.join(c.src, '../go.work')) },
  { name: 'work-closed', idea: 'only root may read go.work', acceptable: ['files-closed'], make: both((c) => c.close(path.join(c.src, '../go.work'), { read: false })) },
  { name: 'work-in-the-tree-lists-another', idea: 'the tree\'s own go.work uses only a directory of it', make: (c) => { lib(c, 'lib'); c.write('go.work', 'go 1.18\n\nuse ./lib\n'); } },
  { name: 'work-given-a-modfile', idea: '-modfile in launch.json, in a workspace', buildFlags: '-modfile=go.mod', acceptable: ['launch-json'], make: both(null) },
  { name: 'work-given-mod-mod', idea: '-mod=mod in launch.json, in a workspace', buildFlags: '-mod=mod', acceptable: ['launch-json'], make: both(null) },
  { name: 'work-neighbour-version-nowhere', idea: 'a used module requires a version that nobody has', acceptable: ['version-missing', 'sum-missing'], make: both((c) => c.add('../lib/go.mod', '\nrequire corp.example/alpha v1.9.9\n')) },
  { name: 'work-neighbour-replacement-gone', idea: 'a used module replaces what the program needs by a directory that is gone', acceptable: ['replace-missing'], make: both((c) => c.add('../lib/go.mod', '\nrequire corp.example/alpha v1.0.0\n\nreplace corp.example/alpha => ../alpha\n')) },
  { name: 'work-neighbour-raises', says: 'sum 1105', idea: 'a used module needs a later version, whose sums are nowhere', kinds: ['sum-missing'], acceptable: ['workspace'], make: both((c) => c.add('../lib/go.mod', '\nrequire corp.example/alpha v1.5.0\n')) },
  { name: 'work-sum-wrong', blind: true, idea: 'go.work.sum has another hash than the module that only go.work brings in', kinds: ['checksum'], make: both((c) => { c.add('../lib/go.mod', '\nrequire corp.example/extra v1.0.0\n'); c.write('../lib/lib.go', 'package lib\n\nimport "corp.example/extra"\n\nfunc Value() int {\n\treturn extra.Value()\n}\n'); c.write('main.go', program('corp.example/lib')); c.write('../go.work.sum', `corp.example/extra v1.0.0 h1:${'A'.repeat(43)}=\ncorp.example/extra v1.0.0/go.mod h1:${'A'.repeat(43)}=\n`); }), safe: [] },
].map((t) => ({ kinds: ['workspace'], safe: ['work-off'], ...t }));

const completed = [
  { name: 'work-lacks-program-needs-neighbour', idea: 'the program needs a used module, and is not used itself', says: 'sum 16', safe: ['work-copy'], make: (c) => { lib(c); work(c, 'use ./lib\n'); c.write('main.go', program('corp.example/lib')); } },
  { name: 'work-lacks-nested-program', idea: 'the program is a module inside a used one', says: 'sum 16', program: 'cmd/shopd', safe: ['work-copy'], make: (c) => { lib(c); c.write('cmd/shopd/go.mod', 'module corp.example/shop/cmd/shopd\n\ngo 1.18\n'); c.write('cmd/shopd/main.go', program('corp.example/lib')); work(c, USES); } },
  { name: 'work-neighbour-lacks-package', idea: 'a package of a used module is not there', kinds: ['own-package-missing'], safe: [], make: both((c) => c.write('main.go', program('corp.example/lib/nosuch'))) },
  { name: 'work-lacks-neighbour', idea: 'the program needs a module beside it that go.work does not use', kinds: ['requirement-missing'], acceptable: ['workspace', 'version-missing'], safe: [], make: (c) => { lib(c); work(c, 'use ./shop\n'); c.write('main.go', program('corp.example/lib')); } },
  { name: 'work-vendored-stale', idea: 'the workspace\'s vendor/ is older than its go.mod files', kinds: ['vendor'], acceptable: ['workspace'], safe: ['mod-readonly', 'work-off'], make: both((c) => { c.write('../vendor/modules.txt', '## workspace\n# corp.example/alpha v0.9.0\n## explicit; go 1.18\ncorp.example/alpha\n'); }, USES, 'go 1.22') },
  { name: 'work-vendored-lacks-package', idea: 'the workspace\'s vendor/ lacks a package', kinds: ['vendor'], acceptable: ['workspace'], safe: ['mod-readonly', 'work-off'], make: both(async (c) => { if (c.minor >= 22) { await c.must(['work', 'vendor'], { cwd: path.join(c.src, '..') }); fs.rmSync(path.join(c.src, '../vendor/corp.example/gamma'), { recursive: true }); } }, USES, 'go 1.22') },
  { name: 'work-vendor-flag', idea: '-mod=vendor in launch.json, in a workspace without vendor/', kinds: ['vendor'], acceptable: ['workspace', 'launch-json'], buildFlags: '-mod=vendor', safe: [], make: both(null) },
].map((t) => ({ kinds: ['workspace'], ...t }));

const vendored = (make) => async (c) => {
  await c.must(['mod', 'vendor']);
  await make(c);
};
const vendor = [
  { name: 'vendor-without-list', idea: 'vendor/ has no modules.txt', make: vendored((c) => c.rm('vendor/modules.txt')) },
  { name: 'vendor-list-garbled', idea: 'modules.txt is something else', make: vendored((c) => c.write('vendor/modules.txt', 'nothing of that\n')) },
  { name: 'vendor-list-conflict', idea: 'a merge has left its marks in modules.txt', make: vendored((c) => c.edit('vendor/modules.txt', (text) => text.replace(/^(# corp\.example\/alpha.*)$/m, '<<<<<<< HEAD\n=======\n>>>>>>> main'))) },
  { name: 'vendor-list-closed', idea: 'only root may read modules.txt', acceptable: ['files-closed'], make: vendored((c) => c.close(c.file('vendor/modules.txt'), { read: false })) },
  { name: 'vendor-closed', idea: 'only root may read vendor/', acceptable: ['files-closed'], make: vendored((c) => c.close(c.file('vendor'), { read: false })) },
  { name: 'vendor-lacks-indirect', idea: 'a package that a vendored package needs is not in vendor/', make: vendored((c) => c.rm('vendor/corp.example/gamma')) },
  { name: 'vendor-package-without-files', idea: 'a package in vendor/ has lost its files (*.go was ignored)', make: vendored((c) => { c.rm('vendor/corp.example/alpha/alpha.go'); c.write('vendor/corp.example/alpha/README', '\n'); }) },
  { name: 'vendor-file-cut', idea: 'a file in vendor/ is cut', acceptable: ['program'], make: vendored((c) => c.write('vendor/corp.example/alpha/alpha.go', 'package alpha\n\nfunc Value() int {')) },
  { name: 'vendor-replacement-not-listed', idea: 'go.mod replaces what vendor/ was made without', make: vendored((c) => { c.write('../gamma/go.mod', 'module corp.example/gamma\n\ngo 1.18\n'); c.write('../gamma/gamma.go', constant('gamma', 2)); c.add('go.mod', '\nreplace corp.example/gamma => ../gamma\n'); }) },
  { name: 'vendor-lists-more', idea: 'a requirement was removed from go.mod, not from vendor/', says: 'sum 13', make: async (c) => { await c.must(['mod', 'vendor']); c.drop('go.mod', /delta/); c.write('main.go', program(['beta', 'corp.example/BigCo/Beta'], 'corp.example/alpha', 'corp.example/alpha/sub')); } },
  { name: 'vendor-lists-another-version', idea: 'go.mod was raised and vendor/ was not', says: 'sum 1105', make: vendored((c) => c.replace('go.mod', 'alpha v1.0.0', 'alpha v1.5.0')) },
  { name: 'vendor-lacks-new-package', idea: 'the program needs another package of a vendored module', says: 'sum 9', make: async (c) => { c.replace('go.mod', '\tcorp.example/alpha v1.0.0\n', '\tcorp.example/alpha v1.0.0\n\tcorp.example/extra v1.0.0\n'); c.write('main.go', program('corp.example/alpha', 'corp.example/extra')); await c.must(['mod', 'download', 'all']); await c.must(['mod', 'tidy']); await c.must(['mod', 'vendor']); c.write('main.go', program('corp.example/alpha', 'corp.example/extra/deep')); } },
  { name: 'vendor-new-import', idea: 'the program needs a module that neither go.mod nor vendor/ has', kinds: ['requirement-missing'], acceptable: ['vendor'], says: 'sum 71', make: vendored((c) => c.write('main.go', program('corp.example/alpha', 'corp.example/extra'))) },
  { name: 'vendor-is-file', idea: 'vendor is a file', acceptable: ['none'], make: (c) => c.write('vendor', 'a file\n') },
  { name: 'vendor-flag-goflags', idea: 'GOFLAGS has -mod=vendor, and there is no vendor/', acceptable: ['goflags'], env: { GOFLAGS: '-mod=vendor' }, make: () => {} },
  { name: 'vendor-flag-launch', idea: 'launch.json has -mod=vendor, and there is no vendor/', acceptable: ['launch-json'], buildFlags: '-mod=vendor', make: () => {} },
].map((t) => ({ kinds: ['vendor'], safe: ['mod-mod'], ...t }));

export const workSetups = [...off, ...completed, ...vendor];
