// Broken set-ups of the user's own files: go.mod, go.sum, vendor, go.work, the source. See modgraph-cases.mjs.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { MAIN_GO } from './modgraph.mjs';

const MISSING_SUM = /missing go\.sum entry for module providing package example\.com\//;
const HASH = 'h1:AAAA';

const spoil = (text, line) => text.replace(new RegExp(`^(${line}) h1:....`, 'm'), `$1 ${HASH}`);

/** A module of the user's own beside the program. */
const local = (c) => {
  c.write('local/go.mod', 'module example.com/local\n\ngo 1.18\n');
  c.write('local/local.go', 'package local\n\nfunc Value() int {\n\treturn 5\n}\n');
};

/** go.sum: what lacks is filled in on a copy. */
const sums = [
  { name: 'sum-none', said: MISSING_SUM, ends: 'mended', diff: /^\+ ?example\.com\/dep v1\.0\.0 h1:/m, advice: /go mod (download|tidy)/, make: (c) => c.rm('go.sum') },
  { name: 'sum-empty', said: MISSING_SUM, ends: 'mended', diff: /^\+ ?example\.com\/dep v1\.0\.0 h1:/m, advice: /go mod (download|tidy)/, make: (c) => c.write('go.sum', '') },
  { name: 'sum-lacks-module', said: MISSING_SUM, ends: 'mended', diff: /^\+ ?example\.com\/dep v1\.0\.0 h1:/m, make: (c) => c.drop('go.sum', /^example\.com\/dep v1\.0\.0 h1/) },
  { name: 'sum-lacks-gomod', said: /missing go\.sum entry/, ends: 'mended', diff: /^\+ ?example\.com\/dep v1\.0\.0\/go\.mod h1:/m, make: (c) => c.drop('go.sum', /\/go\.mod h1:/) },
  { name: 'sum-lacks-indirect', said: MISSING_SUM, ends: 'mended', diff: /^\+ ?example\.com\/indirect v1\.0\.0 h1:/m, make: (c) => c.drop('go.sum', /^example\.com\/indirect v1\.0\.0 h1/) },
  { name: 'sum-none-cold', cold: true, said: MISSING_SUM, ends: 'mended', diff: /^\+ ?example\.com\/dep/m, make: (c) => c.rm('go.sum') },
  { name: 'sum-none-cold-off', cold: true, proxy: 'off', said: MISSING_SUM, ends: 'fails', cause: /GOPROXY=off/, make: (c) => c.rm('go.sum') },
  { name: 'sum-none-build-flags', buildFlags: '-tags=extra -v', said: MISSING_SUM, ends: 'mended', make: (c) => c.rm('go.sum') },
  { name: 'sum-none-readonly', buildFlags: '-mod=readonly', said: MISSING_SUM, ends: 'mended', make: (c) => c.rm('go.sum') },
  { name: 'sum-none-goflags', env: { GOFLAGS: '-mod=readonly' }, said: MISSING_SUM, ends: 'mended', make: (c) => c.rm('go.sum') },
  {
    name: 'version-nowhere', said: /missing go\.sum entry|v1\.9\.9/, ends: 'fails', cause: /v1\.9\.9/,
    make: (c) => c.edit('go.mod', (text) => text.replace('example.com/dep v1.0.0', 'example.com/dep v1.9.9')),
  },
  {
    name: 'sum-none-in-a-test', mode: 'test', file: 'main_test.go', said: /missing go\.sum entry/, ends: 'mended', diff: /^\+ ?example\.com\/two\/v2 v2\.0\.0 h1:/m,
    make: (c) => {
      c.write('main.go', 'package main\n\nfunc main() {}\n');
      c.write('main_test.go', 'package main\n\nimport (\n\t"testing"\n\n\ttwo "example.com/two/v2"\n)\n\nfunc TestTwo(t *testing.T) {\n\tt.Log(two.Value()) // BREAK\n}\n');
      c.go(['mod', 'tidy']);
      c.drop('go.sum', /^example\.com\/two\/v2 v2\.0\.0 h1/);
    },
  },
  {
    name: 'sum-none-below', program: 'cmd/tool', said: MISSING_SUM, ends: 'mended', diff: /^\+ ?example\.com\/dep/m,
    make: (c) => {
      c.write('cmd/tool/main.go', MAIN_GO);
      c.rm('main.go');
      c.rm('go.sum');
    },
  },
  { name: 'sum-none-odd-place', said: MISSING_SUM, ends: 'mended', source: "my src's", make: (c) => c.rm('go.sum') },
  {
    name: 'sum-and-require-missing', said: /missing go\.sum entry/, ends: 'mended', advice: /go mod tidy/, diff: /^\+.*example\.com\/two\/v2 v2\.0\.0/m,
    make: (c) => {
      c.drop('go.mod', /two/);
      c.rm('go.sum');
    },
  },
  {
    name: 'sum-hides-missing', said: /missing go\.sum entry|no required module/, ends: 'fails', cause: /example\.com\/nosuch/,
    make: (c) => {
      c.rm('go.sum');
      c.edit('main.go', (text) => text.replace('import (', 'import (\n\t_ "example.com/nosuch"'));
    },
  },
];

/** go.mod: what a tidy would write is written on a copy. */
const requirements = [
  { name: 'require-missing', said: /no required module provides package example\.com\/dep/, ends: 'mended', advice: /go (mod tidy|get)/, diff: /^\+.*example\.com\/dep v1\.\d\.0/m, make: (c) => c.drop('go.mod', /example\.com\/dep/) },
  { name: 'require-missing-off', proxy: 'off', said: /no required module provides package example\.com\/dep/, ends: 'fails', cause: /no required module provides package|GOPROXY=off/, make: (c) => c.drop('go.mod', /example\.com\/dep/) },
  { name: 'require-missing-nowhere', said: /no required module provides package example\.com\/nosuch/, ends: 'fails', cause: /example\.com\/nosuch/, make: (c) => c.edit('main.go', (text) => text.replace('import (', 'import (\n\t_ "example.com/nosuch"')) },
  { name: 'package-of-ours-missing', said: /example\.com\/app\/internal\/zz/, ends: 'fails', cause: /example\.com\/app\/internal\/zz/, make: (c) => c.edit('main.go', (text) => text.replace('import (', 'import (\n\t_ "example.com/app/internal/zz"')) },
  {
    name: 'replaced-not-required', said: /is replaced but not required|no required module provides package example\.com\/local/, ends: 'mended', diff: /^\+.*example\.com\/local v/m,
    make: (c) => {
      local(c);
      c.edit('go.mod', (text) => `${text}\nreplace example.com/local => ./local\n`);
      c.edit('main.go', (text) => text.replace('import (', 'import (\n\t_ "example.com/local"'));
    },
  },
  {
    name: 'ambiguous', said: /ambiguous import: found package example\.com\/amb\/sub/, ends: 'fails', cause: /ambiguous import/,
    make: (c) => {
      c.edit('main.go', (text) => text.replace('import (', 'import (\n\t_ "example.com/amb/sub"'));
      c.edit('go.mod', (text) => `${text}\nrequire (\n\texample.com/amb v1.0.0\n\texample.com/amb/sub v1.0.0\n)\n`);
      c.go(['mod', 'download', 'all']);
    },
  },
  { name: 'indirect-removed', said: /updates to go\.mod needed/, ends: 'mended', diff: /^\+.*example\.com\/indirect v1\.0\.0/m, make: (c) => c.drop('go.mod', /indirect/) },
];

const vendor = (c) => c.go(['mod', 'vendor']);

/** vendor/ out of step: built without it. */
const vendored = [
  {
    name: 'vendor-inconsistent', said: /inconsistent vendoring in/, ends: 'mended', advice: /go mod vendor/, shown: /vendor/,
    make: (c) => {
      vendor(c);
      c.edit('go.mod', (text) => text.replace('example.com/dep v1.0.0', 'example.com/dep v1.1.0'));
    },
  },
  {
    name: 'vendor-inconsistent-flags', buildFlags: '-mod=vendor', env: { GOFLAGS: '-mod=vendor' }, said: /inconsistent vendoring in/, ends: 'mended',
    make: (c) => {
      vendor(c);
      c.edit('go.mod', (text) => text.replace('example.com/dep v1.0.0', 'example.com/dep v1.1.0'));
    },
  },
  { name: 'vendor-lacks-package', said: /cannot find package "\." in:|cannot find module providing package example\.com\/dep: import lookup disabled by -mod=vendor|inconsistent vendoring/, ends: 'mended', advice: /go mod vendor/, make: (c) => { vendor(c); c.rm('vendor/example.com/dep'); } },
  { name: 'vendor-empty', said: /inconsistent vendoring in/, ends: 'mended', advice: /go mod vendor/, make: (c) => fs.mkdirSync(c.file('vendor')) },
  {
    name: 'vendor-inconsistent-cold-off', cold: true, proxy: 'off', said: /inconsistent vendoring in/, ends: 'fails', cause: /inconsistent vendoring|GOPROXY=off/,
    make: (c) => {
      vendor(c);
      execFileSync('chmod', ['-R', 'u+w', c.mod]);
      fs.rmSync(c.mod, { recursive: true });
      fs.mkdirSync(c.mod);
      c.edit('go.mod', (text) => text.replace('example.com/dep v1.0.0', 'example.com/dep v1.1.0'));
    },
  },
];

/** The program's module as app/ of a workspace. */
function workspace(c, uses) {
  for (const name of ['go.mod', 'go.sum', 'main.go']) {
    fs.mkdirSync(c.file('app'), { recursive: true });
    fs.renameSync(c.file(name), c.file(`app/${name}`));
  }
  c.write('go.work', `go 1.18\n\nuse (\n${uses.map((u) => `\t./${u}\n`).join('')})\n`);
}
/** app/ needs what only the workspace has. */
const needsLocal = (c) => {
  c.edit('app/main.go', (text) => text.replace('import (', 'import (\n\t"example.com/local"').replace('dep.Value()', 'dep.Value() + local.Value()'));
};

const workspaces = [
  { name: 'work-lacks-directory', program: 'app', said: /open .*missing\/go\.mod: no such file|cannot load module .*missing listed in go\.work/, ends: 'mended', shown: /GOWORK=off|go\.work/, make: (c) => workspace(c, ['app', 'missing']) },
  { name: 'work-without-module', program: 'app', said: /contained in a module that is not one of the workspace modules/, ends: 'mended', shown: /GOWORK=off|go work use/, make: (c) => { workspace(c, ['local']); local(c); } },
  {
    name: 'work-lacks-directory-needed', program: 'app', said: /open .*missing\/go\.mod: no such file|cannot load module .*missing listed in go\.work/, ends: 'fails', cause: /missing\/go\.mod|missing listed in go\.work/,
    make: (c) => { workspace(c, ['app', 'local', 'missing']); local(c); needsLocal(c); },
  },
  // go fills in what a workspace's sums lack by itself, in go.work.sum.
  { name: 'work-lacks-sums', program: 'app', ends: 'runs', changes: ['go.work.sum'], make: (c) => { workspace(c, ['app', 'local']); local(c); needsLocal(c); c.rm('app/go.sum'); } },
];

/** What go.sum judges wrong is never built. */
const security = [
  { name: 'sum-wrong-cold', cold: true, said: /verifying example\.com\/dep@v1\.0\.0: checksum mismatch/, ends: 'fails', cause: /checksum mismatch/, make: (c) => c.edit('go.sum', (text) => spoil(text, 'example.com/dep v1.0.0')) },
  { name: 'sum-wrong-warm', said: /verifying example\.com\/dep@v1\.0\.0: checksum mismatch/, ends: 'fails', cause: /checksum mismatch/, make: (c) => c.edit('go.sum', (text) => spoil(text, 'example.com/dep v1.0.0')) },
  { name: 'sum-wrong-gomod', said: /verifying example\.com\/dep@v1\.0\.0\/go\.mod: checksum mismatch/, ends: 'fails', cause: /checksum mismatch/, make: (c) => c.edit('go.sum', (text) => spoil(text, 'example.com/dep v1.0.0/go.mod')) },
];

/** Nothing mends these: go's words at once, and nothing is tried. */
const plain = [
  { name: 'gomod-malformed', said: /go\.mod:\d+: unknown directive: requiree/, make: (c) => c.edit('go.mod', (text) => text.replace('require example.com/indirect', 'requiree example.com/indirect')) },
  { name: 'gomod-conflict', said: /go\.mod:\d+: unknown directive: <<<<<<</, make: (c) => c.edit('go.mod', (text) => `${text}<<<<<<< HEAD\n=======\n>>>>>>> other\n`) },
  { name: 'replacement-missing', said: /replacement directory \.\.\/nope does not exist|reading \.\.\/nope\/go\.mod/, make: (c) => c.edit('go.mod', (text) => `${text}\nreplace example.com/dep => ../nope\n`) },
  { name: 'replacement-empty', said: /go\.mod: no such file/, make: (c) => { fs.mkdirSync(c.file('empty')); c.edit('go.mod', (text) => `${text}\nreplace example.com/dep => ./empty\n`); } },
  { name: 'modules-off', env: { GO111MODULE: 'off' }, said: /cannot find package "example\.com\/Lib" in/, make: () => {} },
  { name: 'goflags-unknown', launchEnv: { GOFLAGS: '-nosuchflag' }, said: /unknown flag -nosuchflag/, make: () => {} },
  { name: 'no-gomod', said: /go\.mod file not found in current directory or any parent/, make: (c) => { c.rm('go.mod'); c.rm('go.sum'); } },
  { name: 'no-go-files', said: /no Go files in/, make: (c) => c.rm('main.go') },
  { name: 'build-constraints', said: /build constraints exclude all Go files/, make: (c) => c.edit('main.go', (text) => `//go:build nosuchtag\n\n${text}`) },
  { name: 'compile-error', said: /main\.go:\d+:\d+: undefined: undefinedName/, make: (c) => c.edit('main.go', (text) => text.replace('println(', 'println(undefinedName, ')) },
  { name: 'unused-import', said: /main\.go:\d+:\d+: (imported and not used: "os"|"os" imported and not used)/, make: (c) => c.edit('main.go', (text) => text.replace('import (', 'import (\n\t"os"')) },
  { name: 'unused-dependency', said: /(imported and not used: "example\.com\/two\/v2"|"example\.com\/two\/v2" imported)/, make: (c) => c.edit('main.go', (text) => text.replace(' + two.Value()', '')) },
  { name: 'syntax-error', said: /main\.go:\d+:\d+: syntax error/, make: (c) => c.edit('main.go', (text) => text.replace('println(', 'println((}')) },
  { name: 'not-in-std', said: /package notastd\/pkg is not in (GOROOT|std)/, make: (c) => c.edit('main.go', (text) => text.replace('import (', 'import (\n\t_ "notastd/pkg"')) },
  { name: 'embed-missing', said: /pattern missing\.txt: no matching files found/, make: (c) => c.edit('main.go', (text) => text.replace('import (', 'import (\n\t_ "embed"').replace('func main', '//go:embed missing.txt\nvar missing string\n\nfunc main')) },
  { name: 'import-cycle', said: /import cycle not allowed/, make: (c) => { c.write('a/a.go', 'package a\n\nimport _ "example.com/app/b"\n'); c.write('b/b.go', 'package b\n\nimport _ "example.com/app/a"\n'); c.edit('main.go', (text) => text.replace('import (', 'import (\n\t_ "example.com/app/a"')); } },
  {
    name: 'compile-error-that-imitates', said: /undefined: undefinedName/,
    make: (c) => {
      c.write('missing go.sum entry for module providing package example.com.go', 'package main\n\nvar _ = undefinedName\n');
      c.edit('main.go', (text) => text.replace('println(', 'println("main.go:6:2: missing go.sum entry for module providing package example.com/dep; to add it:" + 1, "go: updates to go.mod needed" + 1, "verifying example.com/dep@v1.0.0: checksum mismatch" + 1, '));
    },
  },
].map((t) => ({ ends: 'fails', plain: true, cause: t.said, ...t }));

/** What one version of go minds and another does not. */
const byVersion = (minor) => [
  { name: 'gosum-malformed', minded: minor >= 21, plain: false, said: /malformed go\.sum/, make: (c) => c.edit('go.sum', (text) => `${text}two fields\n`) },
  { name: 'go-too-new', minded: minor >= 21, said: /1\.99/, make: (c) => c.edit('go.mod', (text) => text.replace('go 1.18', 'go 1.99')) },
  { name: 'go-of-three-parts', minded: minor < 21, said: /invalid go version '1\.21\.0'/, make: (c) => c.edit('go.mod', (text) => text.replace('go 1.18', 'go 1.21.0')) },
  { name: 'toolchain-line', minded: minor < 21, said: /unknown directive: toolchain/, make: (c) => c.edit('go.mod', (text) => `${text}\ntoolchain go1.21.0\n`) },
].map(({ minded, ...t }) => (minded ? { plain: true, ...t, ends: 'fails', cause: t.said } : { ...t, ends: 'runs', said: undefined }));

/** What recover.modFiles makes of it. */
const modes = [
  { name: 'edit-sum', recover: { modFiles: 'edit' }, said: MISSING_SUM, ends: 'mended', changes: ['go.sum'], make: (c) => c.rm('go.sum') },
  { name: 'edit-require', recover: { modFiles: 'edit' }, said: /no required module provides package/, ends: 'mended', changes: ['go.mod', 'go.sum'], make: (c) => { c.drop('go.mod', /example\.com\/dep/); c.drop('go.sum', /example\.com\/dep/); } },
  { name: 'never-sum', recover: { modFiles: 'never' }, said: MISSING_SUM, ends: 'fails', plain: true, cause: MISSING_SUM, advice: /go mod (download|tidy)/, make: (c) => c.rm('go.sum') },
  { name: 'never-require', recover: { modFiles: 'never' }, said: /no required module provides package/, ends: 'fails', plain: true, cause: /no required module provides package/, advice: /go (mod tidy|get)/, make: (c) => c.drop('go.mod', /example\.com\/dep/) },
  { name: 'never-cache', recover: { modFiles: 'never' }, said: /zip: not a valid zip file/, ends: 'fails', plain: true, cause: /not a valid zip file/, make: (c) => { fs.writeFileSync(c.entry('example.com/dep', 'v1.0.0', 'zip'), 'x'); c.unextract('example.com/dep', 'v1.0.0'); } },
];

export const fileCases = (minor) => [...sums, ...requirements, ...vendored, ...workspaces, ...security, ...plain, ...byVersion(minor), ...modes];
