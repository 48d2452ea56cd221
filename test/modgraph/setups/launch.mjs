// Values that come from launch.json, GOFLAGS, the environment or `go env -w`: the place that holds the value is the
// cause. And healthy set-ups, some of which talk.
import fs from 'node:fs';
import path from 'node:path';
import { MAIN_GO, constant, program } from '../ground.mjs';

const nothing = () => {};
const goenv = (lines) => (c) => {
  const at = path.join(c.home, '.config/go/env');
  fs.mkdirSync(path.dirname(at), { recursive: true });
  fs.writeFileSync(at, lines);
};

const launch = [
  { name: 'launch-modfile-gone', idea: '-modfile names a file that is not there', buildFlags: '-modfile=/missing/go.mod' },
  { name: 'launch-modfile-suffix', idea: '-modfile names a file that does not end in .mod', buildFlags: '-modfile=go.alternative' },
  { name: 'launch-modfile-lacks', idea: 'the file of -modfile lacks all requirements: the newest are added', says: 'sum 1123', buildFlags: '-modfile=alternative.mod', kinds: ['requirement-missing'], acceptable: ['launch-json', 'mod-outdated'], make: (c) => c.write('alternative.mod', 'module corp.example/shop\n\ngo 1.18\n') },
  { name: 'launch-overlay-gone', idea: '-overlay names a file that is not there', buildFlags: '-overlay=/missing/overlay.json' },
  { name: 'launch-overlay-no-json', idea: 'the file of -overlay is no JSON', buildFlags: '-overlay=overlay.json', make: (c) => c.write('overlay.json', 'Replace: {}\n') },
  { name: 'launch-gowork-gone', idea: 'GOWORK in launch.json names a file that is not there', launchEnv: { GOWORK: '/missing/go.work' }, acceptable: ['workspace'], safe: ['work-off'] },
  { name: 'launch-gowork-relative', idea: 'GOWORK in launch.json is a relative path', launchEnv: { GOWORK: 'go.work' }, acceptable: ['workspace'], safe: ['work-off'], make: (c) => c.write('go.work', 'go 1.18\n\nuse .\n') },
  { name: 'launch-platform-pair', idea: 'GOOS and GOARCH in launch.json make no pair', launchEnv: { GOOS: 'darwin', GOARCH: '386' } },
  { name: 'launch-goarch-misspelt', idea: 'GOARCH in launch.json is misspelt', launchEnv: { GOARCH: 'adm64' } },
  { name: 'launch-goamd64', idea: 'GOAMD64 in launch.json is none', launchEnv: { GOAMD64: 'v9', GOARCH: 'amd64' } },
  { name: 'launch-goexperiment', idea: 'GOEXPERIMENT in launch.json is none', launchEnv: { GOEXPERIMENT: 'nosuchexperiment' } },
  { name: 'launch-gotoolchain-bad', idea: 'GOTOOLCHAIN in launch.json is none', launchEnv: { GOTOOLCHAIN: 'newest' }, acceptable: ['toolchain'], safe: ['toolchain-local'] },
  { name: 'launch-gotoolchain-later', idea: 'GOTOOLCHAIN in launch.json names one that cannot be fetched', launchEnv: { GOTOOLCHAIN: 'go1.99.0' }, acceptable: ['toolchain'], safe: ['toolchain-local'] },
  { name: 'launch-gocacheprog', idea: 'GOCACHEPROG in launch.json is not there', launchEnv: { GOCACHEPROG: '/missing/cacheprog' }, acceptable: ['gocache'] },
  { name: 'launch-gotmpdir', idea: 'GOTMPDIR in launch.json, which never reaches the build, and on the machine is not there', launchEnv: { GOTMPDIR: '/missing/tmp' }, env: { GOTMPDIR: '/missing/tmp' }, kinds: ['environment'] },
  { name: 'launch-goflags', idea: 'GOFLAGS in launch.json has a flag that go does not know', launchEnv: { GOFLAGS: '-nosuchflag' }, acceptable: ['goflags'] },
  { name: 'launch-mod-misspelt', idea: '-mod has a value that go does not know', buildFlags: '-mod=readwrite' },
  { name: 'launch-tags-exclude', idea: '-tags leaves no file', buildFlags: '-tags=integration', acceptable: ['program'], make: (c) => c.write('main.go', `//go:build !integration\n\n${MAIN_GO}`), kinds: ['program'] },
  { name: 'launch-ldflags', idea: '-ldflags has a flag that the linker does not know', buildFlags: '-ldflags=-nosuchflag', acceptable: ['program'] },
  { name: 'launch-toolexec-gone', idea: '-toolexec names a program that is not there', buildFlags: '-toolexec=/missing/wrapper' },
  { name: 'launch-gccgo', idea: '-compiler=gccgo, which is not installed', buildFlags: '-compiler=gccgo', acceptable: ['tool-missing'] },
  { name: 'launch-race-without-cgo', idea: '-race, and CGO_ENABLED is 0', buildFlags: '-race', env: { CGO_ENABLED: '0' }, acceptable: ['cgo', 'environment'] },
  { name: 'launch-stray-package', idea: 'a word of the build flags is a package', buildFlags: '-v extra', acceptable: ['std-package-missing'] },
].map((t) => ({ kinds: ['launch-json'], make: nothing, safe: [], ...t }));

const machine = [
  { name: 'environment-gowork-gone', idea: 'GOWORK on the machine names a file that is not there', env: { GOWORK: '/missing/go.work' }, acceptable: ['workspace'], safe: ['work-off'] },
  { name: 'environment-goarch', idea: 'GOARCH on the machine is misspelt', env: { GOARCH: 'x86_64' } },
  { name: 'environment-gotoolchain', idea: 'GOTOOLCHAIN on the machine names one that cannot be fetched', env: { GOTOOLCHAIN: 'go1.99.0' }, acceptable: ['toolchain'], safe: ['toolchain-local'] },
  { name: 'environment-goproxy-empty', idea: 'GOPROXY on the machine is a comma', env: { GOPROXY: ',' }, cold: true, acceptable: ['network'] },
  { name: 'environment-gosumdb', idea: 'GOSUMDB on the machine is none, and go.sum lacks entries', env: { GOSUMDB: 'nosuchdb.example', GOFLAGS: '-mod=mod' }, cold: true, acceptable: ['checksum', 'network'], make: (c) => c.rm('go.sum') },
  { name: 'environment-goflags-modfile', idea: 'GOFLAGS on the machine has a -modfile that is not there', env: { GOFLAGS: '-modfile=/missing/go.mod' }, kinds: ['goflags'] },
  { name: 'environment-goflags-mod', idea: 'GOFLAGS on the machine has a -mod that go does not know', env: { GOFLAGS: '-mod=readwrite' }, kinds: ['goflags'] },
  { name: 'goenv-goflags', idea: 'go env -w has written a flag that go does not know', kinds: ['goenv-file'], acceptable: ['goflags'], make: goenv('GOFLAGS=-nosuchflag\n') },
  { name: 'goenv-gowork', idea: 'go env -w has written a GOWORK that is not there', kinds: ['goenv-file'], acceptable: ['workspace'], safe: ['work-off'], make: goenv('GOWORK=/missing/go.work\n') },
  { name: 'goenv-goarch', idea: 'go env -w has written a GOARCH that is none', kinds: ['goenv-file'], make: goenv('GOARCH=amd65\n') },
].map((t) => ({ kinds: ['environment'], make: nothing, safe: [], ...t }));

const wrapper = (c) => {
  fs.writeFileSync(path.join(c.home, 'wrapper'), '#!/bin/sh\necho "go: verifying corp.example/alpha@v1.0.0: checksum mismatch" >&2\necho "missing go.sum entry for module providing package corp.example/alpha" >&2\nexec "$@"\n', { mode: 0o755 });
};
const healthy = [
  { name: 'healthy', idea: 'all is well' },
  { name: 'healthy-c-warning', idea: 'the C compiler warns in words of go\'s', make: (c) => c.write('main.go', 'package main\n\n// #warning missing go.sum entry for module providing package corp.example/alpha\n// static int sixteen(void) { return 16; }\nimport "C"\n\nfunc main() {\n\tprintln("sum", C.sixteen()) // BREAK\n}\n') },
  { name: 'healthy-toolexec-talks', idea: 'a wrapper of the tools talks in words of go\'s', buildFlags: (c) => `-toolexec=${path.join(c.home, 'wrapper')}`, make: wrapper },
  { name: 'healthy-commands-shown', idea: 'GOFLAGS has -x', env: { GOFLAGS: '-x' } },
  { name: 'healthy-gopath-is-goroot', idea: 'GOPATH is GOROOT, of which go warns', env: { GOPATH: (c) => c.goroot }, modcache: 'modules' },
  { name: 'healthy-unused-replacement-gone', idea: 'a replacement that nothing needs is gone', make: (c) => c.add('go.mod', '\nreplace corp.example/unused => ../unused\n') },
  { name: 'healthy-fork', idea: 'a module is replaced by a directory that is called otherwise', says: 'sum 55', make: (c) => { c.write('../fork/go.mod', 'module example.org/fork\n\ngo 1.18\n'); c.write('../fork/alpha.go', constant('alpha', 40)); c.write('../fork/sub/sub.go', constant('sub', 10)); c.add('go.mod', '\nreplace corp.example/alpha => ../fork\n'); } },
  { name: 'healthy-old-vendor', idea: 'a directory vendor/ that a go line before 1.14 leaves alone', make: (c) => { c.replace('go.mod', 'go 1.18', 'go 1.13'); c.write('vendor/README', 'nothing\n'); } },
  { name: 'healthy-two-sums', idea: 'go.sum has a second hash, of another kind', make: (c) => c.add('go.sum', `corp.example/alpha v1.0.0 h2:${'A'.repeat(43)}=\n`) },
  { name: 'healthy-workspace', idea: 'a workspace as it should be', make: (c) => { c.write('../lib/go.mod', 'module corp.example/lib\n\ngo 1.18\n'); c.write('../lib/lib.go', constant('lib', 16)); c.write('../go.work', 'go 1.18\n\nuse (\n\t./lib\n\t./shop\n)\n'); c.write('main.go', program('corp.example/lib')); } },
  { name: 'healthy-vendored', idea: 'a tree with vendor/, and no cache', make: async (c) => { await c.must(['mod', 'vendor']); c.finally(() => fs.renameSync(c.mod, `${c.mod}.aside`)); } },
  { name: 'healthy-odd-tree', idea: 'the tree and the cache have blanks and other signs in their paths', source: "my work/it's (the) shop", modcache: 'my modules/a b' },
].map((t) => ({ kinds: ['none'], make: nothing, safe: [], ...t }));

export const launchSetups = [...launch, ...machine, ...healthy];
