// The user's own go.mod and go.sum: what they lack, what cannot be read, what they would have to become.
import fs from 'node:fs';
import path from 'node:path';
import { GO_MOD, MAIN_GO, constant, program, publish } from '../ground.mjs';

/** main.go with one more import, so that the rest stays as tidy as it was. */
const also = (c, module, name = path.basename(module)) => c.edit('main.go', (text) => text.replace('import (\n', `import (\n\t"${module}"\n`).replace('sum := ', `sum := ${name}.Value() + `));
const require = (c, line) => c.replace('go.mod', '\tcorp.example/alpha v1.0.0\n', `\tcorp.example/alpha v1.0.0\n\t${line}\n`);
const UTF16 = (text) => Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, 'utf16le')]);

const sums = [
  { name: 'sum-lacks-capital', idea: 'go.sum lacks a module whose path has capitals', make: (c) => c.drop('go.sum', /BigCo\/Beta v0\.3\.0 h1/) },
  { name: 'sum-lacks-gomod-of-indirect', idea: 'go.sum lacks the go.mod of an indirect requirement', make: (c) => c.drop('go.sum', /gamma v1\.2\.0\/go\.mod/) },
  { name: 'sum-after-an-edit', idea: 'a requirement was raised by hand', says: 'sum 1105', make: (c) => c.replace('go.mod', 'alpha v1.0.0', 'alpha v1.5.0') },
  { name: 'sum-lacks-offline-warm', idea: 'go.sum lacks entries of what is in the cache, GOPROXY is off', env: { GOPROXY: 'off' }, make: (c) => c.drop('go.sum', /alpha/) },
  { name: 'sum-lacks-for-a-test', idea: 'only a test needs what go.sum lacks', mode: 'test', says: 'PASS', make: async (c) => { c.write('shop_test.go', 'package main\n\nimport (\n\t"testing"\n\n\t"corp.example/extra"\n)\n\nfunc TestExtra(t *testing.T) {\n\tif extra.Value() != 7 {\n\t\tt.Fatal("another version")\n\t}\n}\n'); require(c, 'corp.example/extra v1.0.0'); } },
  { name: 'sum-and-tree-closed', idea: 'go.sum lacks entries, and root has the tree', make: (c) => { c.rm('go.sum'); c.close(c.src); } },
  { name: 'sum-of-another-chain', idea: 'a new requirement whose own requirement go.sum lacks too', says: 'sum 8', make: (c) => { c.write('go.mod', GO_MOD.replace('\tcorp.example/alpha v1.0.0\n', '\tcorp.example/alpha v1.0.0\n\tcorp.example/chain v1.0.0\n').replace('require corp.example/gamma v1.2.0 // indirect', 'require (\n\tcorp.example/extra v1.0.0 // indirect\n\tcorp.example/gamma v1.2.0 // indirect\n)')); c.write('main.go', program('corp.example/alpha', 'corp.example/chain')); } },
].map((t) => ({ kinds: ['sum-missing'], safe: ['download-all', 'tidy-adds', 'mod-mod'], ...t }));

const unreadable = [
  { name: 'sum-conflict', idea: 'a merge has left its marks in go.sum', kinds: ['sum-malformed'], make: (c) => c.edit('go.sum', (text) => `<<<<<<< HEAD\n${text}=======\n>>>>>>> main\n`) },
  { name: 'sum-crlf', idea: 'go.sum has the line ends of Windows', kinds: ['sum-malformed'], acceptable: ['checksum', 'sum-missing'], make: (c) => c.edit('go.sum', (text) => text.replace(/\n/g, '\r\n')) },
  { name: 'sum-line-cut', idea: 'the last line of go.sum is cut', kinds: ['sum-malformed'], acceptable: ['sum-missing'], make: (c) => c.edit('go.sum', (text) => text.slice(0, text.lastIndexOf(' '))) },
  { name: 'sum-is-directory', idea: 'go.sum is a directory', kinds: ['files-closed'], acceptable: ['sum-malformed', 'sum-missing'], make: (c) => { c.rm('go.sum'); fs.mkdirSync(c.file('go.sum')); } },
  { name: 'sum-closed', idea: 'only root may read go.sum', kinds: ['files-closed'], make: (c) => c.close(c.file('go.sum'), { read: false }) },
  { name: 'sum-two-hashes-wrong', blind: true, idea: 'go.sum has another hash of one module', kinds: ['checksum'], make: (c) => c.edit('go.sum', (text) => text.replace(/(alpha v1\.0\.0 h1:)..../, '$1Zm9v')) },
  { name: 'mod-closed', idea: 'only root may read go.mod', kinds: ['files-closed'], make: (c) => c.close(c.file('go.mod'), { read: false }) },
  { name: 'mod-is-directory', idea: 'go.mod is a directory', kinds: ['no-module'], acceptable: ['files-closed', 'mod-syntax'], make: (c) => { c.rm('go.mod'); fs.mkdirSync(c.file('go.mod')); } },
  { name: 'mod-bom', idea: 'an editor has put a byte order mark before go.mod', kinds: ['mod-syntax'], make: (c) => c.edit('go.mod', (text) => `\ufeff${text}`) },
  { name: 'mod-utf16', idea: 'go.mod was saved as UTF-16', kinds: ['mod-syntax'], make: (c) => fs.writeFileSync(c.file('go.mod'), UTF16(GO_MOD)) },
  { name: 'mod-empty', idea: 'go.mod is empty', kinds: ['mod-syntax'], acceptable: ['no-module'], make: (c) => c.write('go.mod', '') },
  { name: 'mod-module-twice', idea: 'go.mod has two module lines', kinds: ['mod-syntax'], make: (c) => c.edit('go.mod', (text) => `module corp.example/other\n${text}`) },
  { name: 'mod-unknown-word', idea: 'a directive that no Go knows', kinds: ['mod-syntax'], make: (c) => c.add('go.mod', '\nrequires corp.example/extra v1.0.0\n') },
  { name: 'mod-major-without-suffix', idea: 'version 3 of a path without /v3', kinds: ['mod-syntax'], acceptable: ['version-missing'], make: (c) => c.replace('go.mod', 'delta/v3 v3.1.4', 'delta v3.1.4') },
  { name: 'mod-replace-without-arrow', idea: 'a replacement is not written out', kinds: ['mod-syntax'], make: (c) => c.add('go.mod', '\nreplace corp.example/alpha ../alpha\n') },
];

const required = [
  { name: 'requirement-new', idea: 'an import that go.mod does not have yet', says: 'sum 86', make: (c) => also(c, 'corp.example/extra') },
  { name: 'requirement-new-two', idea: 'two such imports', says: 'sum 156', make: (c) => { also(c, 'corp.example/extra'); also(c, 'corp.example/chain'); } },
  { name: 'requirement-new-in-own-package', idea: 'a package of the program\'s own has such an import, and other requirements are not needed any more', says: 'sum 70', make: (c) => { c.write('store/store.go', 'package store\n\nimport "corp.example/extra"\n\nfunc Value() int {\n\treturn extra.Value()\n}\n'); c.write('main.go', program('corp.example/shop/store')); }, safe: ['mod-mod'] },
  { name: 'requirement-new-for-a-test', idea: 'a test has such an import', mode: 'test', says: 'PASS', make: (c) => c.write('shop_test.go', 'package main\n\nimport (\n\t"testing"\n\n\t"corp.example/extra"\n)\n\nfunc TestExtra(t *testing.T) {\n\tif extra.Value() == 0 {\n\t\tt.Fatal()\n\t}\n}\n') },
  { name: 'requirement-indirect-dropped', idea: 'go.mod has lost an indirect requirement', kinds: ['mod-outdated'], acceptable: ['requirement-missing'], make: (c) => c.drop('go.mod', /gamma/) },
  { name: 'requirement-newer-only', idea: 'only a newer version of a required module has the package', safe: [], make: (c) => also(c, 'corp.example/alpha/late') },
  { name: 'requirement-nowhere', blind: true, idea: 'an import that nobody has', safe: [], acceptable: ['version-missing'], make: (c) => also(c, 'corp.example/nosuch') },
  { name: 'requirement-new-offline', idea: 'an import that go.mod does not have yet, GOPROXY is off', safe: [], env: { GOPROXY: 'off' }, acceptable: ['network'], make: (c) => also(c, 'corp.example/extra') },
  { name: 'requirement-in-a-nested-module', idea: 'the program is a module of its own inside the tree, and lacks a requirement', program: 'cmd/shopd', says: 'sum 70', make: (c) => { c.write('cmd/shopd/go.mod', 'module corp.example/shop/cmd/shopd\n\ngo 1.18\n'); c.write('cmd/shopd/main.go', program('corp.example/extra')); } },
].map((t) => ({ kinds: ['requirement-missing'], safe: ['tidy-adds', 'mod-mod'], ...t }));

const changes = [
  { name: 'mod-raised-by-a-neighbour', idea: 'a replaced module needs a later version of an indirect one', make: (c) => { c.write('../alpha/go.mod', 'module corp.example/alpha\n\ngo 1.18\n\nrequire corp.example/gamma v1.3.0\n'); c.write('../alpha/alpha.go', 'package alpha\n\nimport "corp.example/gamma"\n\nfunc Value() int {\n\treturn gamma.Value()\n}\n'); c.write('../alpha/sub/sub.go', constant('sub', 10)); c.add('go.mod', '\nreplace corp.example/alpha => ../alpha\n'); } },
  { name: 'mod-raised-by-hand', idea: 'a requirement was raised whose own requirement is later', acceptable: ['sum-missing'], make: (c) => c.replace('go.mod', 'Beta v0.3.0', 'Beta v0.4.0') },
  { name: 'mod-excludes-what-it-requires', idea: 'a required version is excluded', make: (c) => c.add('go.mod', '\nexclude corp.example/alpha v1.0.0\n') },
  { name: 'mod-required-twice', idea: 'one module is required in two versions', acceptable: ['sum-missing'], make: (c) => require(c, 'corp.example/alpha v1.5.0') },
  { name: 'mod-required-by-branch', idea: 'a requirement names a branch', kinds: ['mod-outdated'], acceptable: ['mod-syntax', 'version-missing'], make: (c) => c.replace('go.mod', 'alpha v1.0.0', 'alpha main') },
  { name: 'mod-tree-closed-mod-mod', idea: 'GOFLAGS asks for changes of go.mod, and root has the tree', kinds: ['files-closed'], env: { GOFLAGS: '-mod=mod' }, safe: ['copies'], make: (c) => { c.rm('go.sum'); c.close(c.src); } },
].map((t) => ({ kinds: ['mod-outdated'], safe: [], ...t }));

const replaced = [
  { name: 'replace-foreign', idea: 'a replacement on another machine', make: (c) => c.add('go.mod', '\nreplace corp.example/alpha => /Users/me/src/alpha\n') },
  { name: 'replace-one-version-gone', idea: 'a replacement of one version, to a directory that is gone', make: (c) => c.add('go.mod', '\nreplace corp.example/gamma v1.2.0 => ./third_party/gamma\n') },
  { name: 'replace-is-file', idea: 'the replacement directory is a file', make: (c) => { c.write('../alpha', 'a file\n'); c.add('go.mod', '\nreplace corp.example/alpha => ../alpha\n'); } },
  { name: 'replace-without-gomod', idea: 'the replacement directory has no go.mod', make: (c) => { c.write('../alpha/alpha.go', constant('alpha', 1)); c.add('go.mod', '\nreplace corp.example/alpha => ../alpha\n'); } },
  { name: 'replace-gomod-broken', idea: 'the replacement\'s go.mod cannot be read', kinds: ['mod-syntax'], acceptable: ['replace-missing'], make: (c) => { c.write('../alpha/go.mod', 'module corp.example/alpha\n\nrequire (\n<<<<<<< HEAD\n'); c.write('../alpha/alpha.go', constant('alpha', 1)); c.write('../alpha/sub/sub.go', constant('sub', 10)); c.add('go.mod', '\nreplace corp.example/alpha => ../alpha\n'); } },
  { name: 'replace-lacks-package', idea: 'the replacement directory lacks a package', kinds: ['own-package-missing'], acceptable: ['requirement-missing', 'replace-missing'], make: (c) => { c.write('../alpha/go.mod', 'module corp.example/alpha\n\ngo 1.18\n'); c.write('../alpha/alpha.go', constant('alpha', 1)); c.add('go.mod', '\nreplace corp.example/alpha => ../alpha\n'); } },
  { name: 'replace-version-nowhere', blind: true, idea: 'a replacement version that nobody has', kinds: ['version-missing'], acceptable: ['sum-missing', 'network'], make: (c) => c.add('go.mod', '\nreplace corp.example/alpha => corp.example/alpha v1.9.9\n') },
  { name: 'module-declares-another', blind: true, idea: 'a module was renamed, and is required by its old path', kinds: ['module-path'], ownProxy: true, make: async (c) => { publish(c.proxy, 'corp.example/oldname', 'v1.0.0', '', { 'x.go': constant('newname', 1) }); const at = path.join(c.proxy, 'corp.example/oldname/@v/v1.0.0.mod'); fs.writeFileSync(at, 'module corp.example/newname\n'); require(c, 'corp.example/oldname v1.0.0'); c.write('main.go', program(['newname', 'corp.example/oldname'])); }, acceptable: ['sum-missing'] },
  { name: 'replace-declares-another', idea: 'the fork in a replacement has kept its own path, which go allows; go.sum lacks it', kinds: ['sum-missing'], safe: ['download-all'], says: 'sum 7', ownProxy: true, make: (c) => { publish(c.proxy, 'corp.example/fork', 'v1.0.0', '', { 'alpha.go': constant('alpha', 1) }); require(c, 'corp.example/fork v1.0.0'); c.add('go.mod', '\nreplace corp.example/fork => corp.example/extra v1.0.0\n'); c.write('main.go', program(['extra', 'corp.example/fork'])); } },
].map((t) => ({ kinds: ['replace-missing'], safe: [], ...t }));

const missing = [
  { name: 'no-mod-in-an-archive', idea: 'the tree was copied without go.mod and go.sum', kinds: ['no-module'], make: (c) => { c.rm('go.mod'); c.rm('go.sum'); } },
  { name: 'no-mod-dangling', idea: 'go.mod is a link that leads nowhere', kinds: ['no-module'], acceptable: ['files-closed'], make: (c) => { c.rm('go.mod'); fs.symlinkSync('/missing/go.mod', c.file('go.mod')); } },
].map((t) => ({ safe: [], ...t }));

export const fileSetups = [...sums, ...unreadable, ...required, ...changes, ...replaced, ...missing];
