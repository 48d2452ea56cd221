// The program's own mistakes, many of which look like a broken module graph: nothing is to be mended, go has said it.
import fs from 'node:fs';
import { MAIN_GO, constant, program, publish } from '../ground.mjs';

const UNFINISHED = MAIN_GO.slice(0, MAIN_GO.indexOf('println') + 4);
const CGO = (lines, call) => `package main\n\n${lines.map((l) => `// ${l}\n`).join('')}import "C"\n\nfunc main() {\n\t${call}\n\tprintln("sum", 16) // BREAK\n}\n`;

const own = [
  { name: 'own-import-by-directory-name', idea: 'a package is used by the name of its directory, not by its own', make: (c) => c.replace('main.go', 'beta.Value', 'Beta.Value') },
  { name: 'own-unused-and-undefined', idea: 'one import is not used, another name is not defined', make: (c) => c.replace('main.go', 'alpha.Value()', 'alhpa.Value()') },
  { name: 'own-function-nowhere', idea: 'a function that a dependency does not have', make: (c) => c.replace('main.go', 'alpha.Value', 'alpha.Missing') },
  { name: 'own-file-cut', idea: 'main.go ends in the middle', make: (c) => c.write('main.go', UNFINISHED) },
  { name: 'own-file-nul', idea: 'main.go has a NUL byte', make: (c) => c.add('main.go', '\0') },
  { name: 'own-file-word-cut', idea: 'a file of the program\'s begins with pack', make: (c) => c.write('more.go', 'pack') },
  { name: 'own-two-packages', idea: 'two packages in one directory', make: (c) => c.write('more.go', 'package shop\n') },
  { name: 'own-words-of-a-checksum', idea: 'a constant that speaks of a checksum mismatch, in a line with a mistake', make: (c) => c.add('main.go', '\nvar _ int = "verifying corp.example/alpha@v1.0.0: checksum mismatch"\n') },
  { name: 'own-words-of-a-sum', idea: 'a message that speaks of go.sum, in a line with a mistake', make: (c) => c.add('main.go', '\nvar _ int = "missing go.sum entry for module providing package corp.example/alpha"\n') },
  { name: 'own-tree-versioned-cut', idea: 'the program\'s directory is called shop@v1.2.3, and main.go is cut', source: 'work/shop@v1.2.3', make: (c) => c.write('main.go', UNFINISHED) },
  { name: 'own-tree-like-a-cache-cut', idea: 'the program is below a directory pkg/mod that is no cache, and main.go is cut', source: 'old/go/pkg/mod/corp.example/shop@v0.1.0', modcache: 'modules', make: (c) => c.write('main.go', UNFINISHED) },
  { name: 'own-tree-like-downloads-empty', idea: 'the program is below a directory cache/download, and a file is empty', source: 'mod/cache/download/shop', make: (c) => c.write('more.go', '') },
  { name: 'own-package-called-cache-cut', idea: 'a package of the program\'s is called cache, and cut', make: (c) => { c.write('cache/cache.go', 'package cache\n\nfunc Value() int {'); c.write('main.go', program('corp.example/shop/cache')); } },
  { name: 'own-package-called-cache-closed', idea: 'a package of the program\'s is called cache, and only root may read it', kinds: ['files-closed'], acceptable: ['program', 'own-package-missing'], make: (c) => { c.write('cache/cache.go', constant('cache', 16)); c.write('main.go', program('corp.example/shop/cache')); c.close(c.file('cache'), { read: false }); } },
  { name: 'own-file-closed', idea: 'only root may read a file of the program\'s', kinds: ['files-closed'], acceptable: ['program'], make: (c) => { c.write('more.go', 'package main\n'); c.close(c.file('more.go'), { read: false }); } },
  { name: 'own-below-src-undefined', idea: 'the program is below a directory src, and a name is not defined', source: 'go/src/shop', modcache: 'go/pkg/mod', make: (c) => c.replace('main.go', 'alpha.Value', 'alpha.Missing') },
  { name: 'own-below-src-file-dangling', idea: 'the program is below a directory src, and a file is a link that leads nowhere', source: 'go/src/shop', make: (c) => fs.symlinkSync('/missing/more.go', c.file('more.go')), acceptable: ['files-closed'] },
  { name: 'own-embed-from-cache', idea: 'an embedded file cache/download/x.zip is missing', make: (c) => { c.replace('main.go', 'import (\n', 'import (\n\t_ "embed"\n'); c.add('main.go', '\n//go:embed cache/download/x.zip\nvar packed string\n'); } },
  { name: 'own-cycle-in-a-test', idea: 'a test imports what imports the package', mode: 'test', make: (c) => { c.write('store/store.go', 'package store\n\nimport _ "corp.example/shop/shelf"\n'); c.write('shelf/shelf.go', 'package shelf\n'); c.write('shelf/shelf_test.go', 'package shelf\n\nimport (\n\t"testing"\n\n\t_ "corp.example/shop/store"\n)\n\nfunc TestNothing(*testing.T) {}\n'); }, program: 'shelf' },
  { name: 'own-internal-of-another', idea: 'an import of another module\'s internal package', make: async (c) => { c.replace('go.mod', '\tcorp.example/alpha v1.0.0\n', '\tcorp.example/alpha v1.0.0\n\tcorp.example/hidden v1.0.0\n'); c.write('main.go', program('corp.example/hidden/internal/inner')); await c.must(['mod', 'download', 'all']); } },
  { name: 'own-import-relative', idea: 'an import by ./', make: (c) => { c.write('store/store.go', constant('store', 1)); c.write('main.go', program(['store', './store'])); }, acceptable: ['own-package-missing'] },
  { name: 'own-only-tests', idea: 'the package has only tests', make: (c) => { c.rm('main.go'); c.write('shop_test.go', 'package main\n'); } },
  { name: 'own-for-a-later-go', idea: 'all files are for a Go of the future', make: (c) => c.edit('main.go', (text) => `//go:build go1.99\n\n${text}`) },
  { name: 'own-not-linked', idea: 'a function of another package that is not there when all is linked', make: (c) => { c.write('more.s', ''); c.add('main.go', '\nfunc other()\n\nfunc init() {\n\tother()\n}\n'); } },
  { name: 'own-directive-unknown', idea: 'a //go:debug setting that no Go knows', make: (c) => c.edit('main.go', (text) => `//go:debug nosuchsetting=1\n${text}`) },
  { name: 'own-cgo-header-missing', idea: 'a C header that is not there', acceptable: ['tool-missing', 'cgo'], make: (c) => c.write('main.go', CGO(['#include <nosuch_header.h>'], 'C.nosuch()')) },
  { name: 'own-cgo-flag-refused', idea: 'a flag that cgo does not allow', acceptable: ['cgo'], make: (c) => c.write('main.go', CGO(['#cgo CFLAGS: -fplugin=nosuch.so', 'static void f(void) {}'], 'C.f()')) },
  { name: 'own-old-language', idea: 'go.mod says a Go before type parameters', acceptable: ['toolchain'], make: (c) => { c.replace('go.mod', 'go 1.18', 'go 1.17'); c.add('main.go', '\nfunc same[T any](t T) T {\n\treturn t\n}\n'); } },
].map((t) => ({ kinds: ['program'], ...t }));

const packages = [
  { name: 'own-package-gone', idea: 'a package of the program\'s is not in the tree', make: (c) => c.write('main.go', program('corp.example/shop/store')) },
  { name: 'own-package-gone-published', idea: 'the same, and the proxy has a module of that path', ownProxy: true, make: (c) => { publish(c.proxy, 'corp.example/shop/store', 'v1.0.0', '', { 'store.go': constant('store', 16) }); c.write('main.go', program('corp.example/shop/store')); } },
  { name: 'own-package-empty', idea: 'the directory of a package is there, and has no Go file', acceptable: ['program'], make: (c) => { c.write('store/README', 'nothing\n'); c.write('main.go', program('corp.example/shop/store')); } },
  { name: 'own-package-excluded', idea: 'the files of a package are for another system', kinds: ['program'], make: (c) => { c.write('store/store_plan9.go', constant('store', 16)); c.write('main.go', program('corp.example/shop/store')); } },
  { name: 'own-package-cut-off', idea: 'a go.mod in a directory makes it another module', acceptable: ['requirement-missing'], make: (c) => { c.write('store/store.go', constant('store', 16)); c.write('store/go.mod', 'module corp.example/shop/store\n'); c.write('main.go', program('corp.example/shop/store')); } },
  { name: 'own-package-renamed-module', idea: 'the module was renamed, its imports were not', kinds: ['requirement-missing'], acceptable: ['own-package-missing'], make: (c) => { c.write('store/store.go', constant('store', 16)); c.write('main.go', program('corp.example/shop/store')); c.replace('go.mod', 'module corp.example/shop', 'module corp.example/store'); } },
  { name: 'own-package-of-another-case', idea: 'an import of the program\'s own package with a capital too many', make: (c) => { c.write('store/store.go', constant('store', 16)); c.write('main.go', program(['store', 'corp.example/shop/Store'])); } },
  { name: 'own-package-gone-in-a-test', idea: 'a test imports what is not in the tree', mode: 'test', make: (c) => c.write('shop_test.go', 'package main\n\nimport (\n\t"testing"\n\n\t_ "corp.example/shop/fixtures"\n)\n\nfunc TestNothing(*testing.T) {}\n') },
].map((t) => ({ kinds: ['own-package-missing'], ...t }));

const std = [
  { name: 'std-own-without-domain', idea: 'a package of the program\'s is imported without its module', make: (c) => { c.write('store/store.go', constant('store', 16)); c.write('main.go', program('store')); }, kinds: ['program'], acceptable: ['std-package-missing'] },
  { name: 'std-later-package', idea: 'a package that only a later Go has', kinds: ['toolchain'], acceptable: ['std-package-missing', 'program'], make: (c) => { c.replace('main.go', 'import (\n', 'import (\n\t_ "iter"\n'); } },
  { name: 'std-misspelt', idea: 'a package of the standard library is misspelt', acceptable: ['program'], make: (c) => c.replace('main.go', 'import (\n', 'import (\n\t_ "net/htpp"\n') },
].map((t) => ({ kinds: ['std-package-missing'], ...t }));

export const ownSetups = [...own, ...packages, ...std].map((t) => ({ safe: [], ...t }));
