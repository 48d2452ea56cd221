// The Go machine: toolchains, the Go installation, the build cache, limits, programs that go needs.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { MAIN_GO, constant, hashOf, program } from '../ground.mjs';

const STRINGS = MAIN_GO.replace('import (\n', 'import (\n\t"strings"\n').replace('println("sum", sum)', 'println(strings.ToLower("SUM"), sum)');
const FUTURE = 'corp.example/future';
const FUTURE_MOD = `module ${FUTURE}\n\ngo 1.99\n`;
// Go itself does not fetch what is for a later one.
const FUTURE_SUM = `${FUTURE} v1.0.0 ${hashOf([[`${FUTURE}@v1.0.0/go.mod`, FUTURE_MOD], [`${FUTURE}@v1.0.0/future.go`, constant('future', 1)]])}
${FUTURE} v1.0.0/go.mod ${hashOf([['go.mod', FUTURE_MOD]])}
`;
const addRequirement = (c, line) => c.replace('go.mod', '\tcorp.example/alpha v1.0.0\n', `\tcorp.example/alpha v1.0.0\n\t${line}\n`);

const toolchain = [
  { name: 'toolchain-line-later', idea: 'a toolchain line that cannot be fetched, where the local Go would do', env: { GOTOOLCHAIN: 'auto' }, acceptable: ['mod-syntax'], make: (c) => c.replace('go.mod', 'go 1.18\n', 'go 1.21\n\ntoolchain go1.99.0\n') },
  { name: 'toolchain-line-bad', idea: 'a toolchain line that names no toolchain', acceptable: ['mod-syntax'], kinds: ['mod-syntax'], make: (c) => c.replace('go.mod', 'go 1.18\n', 'go 1.21\n\ntoolchain newest\n') },
  { name: 'toolchain-go-later-path', idea: 'a go line of the future, with GOTOOLCHAIN=path', env: { GOTOOLCHAIN: 'path' }, acceptable: ['environment'], make: (c) => c.replace('go.mod', 'go 1.18', 'go 1.99') },
  { name: 'toolchain-go-later-offline', idea: 'a go line of the future, GOPROXY is off', env: { GOTOOLCHAIN: 'auto', GOPROXY: 'off' }, acceptable: ['network'], make: (c) => c.replace('go.mod', 'go 1.18', 'go 1.99') },
  { name: 'toolchain-dependency-later', idea: 'a dependency is for a Go of the future', says: 'sum 1', env: { GOTOOLCHAIN: 'local' }, make: async (c) => { addRequirement(c, 'corp.example/future v1.0.0'); c.write('main.go', program('corp.example/future')); fs.appendFileSync(c.file('go.sum'), FUTURE_SUM); } },
  { name: 'toolchain-in-cache-empty', idea: 'the toolchain in the module cache has lost its files', env: { GOTOOLCHAIN: 'go1.99.0' }, acceptable: ['cache-damaged', 'environment'], make: (c) => fs.mkdirSync(path.join(c.mod, 'golang.org/toolchain@v0.0.1-go1.99.0.linux-amd64'), { recursive: true }) },
  { name: 'toolchain-go-line-a-word', idea: 'a go line that is no version', kinds: ['mod-syntax'], acceptable: ['toolchain'], make: (c) => c.replace('go.mod', 'go 1.18', 'go latest') },
  { name: 'toolchain-godebug-unknown', idea: 'a godebug line that no Go knows', kinds: ['mod-syntax'], acceptable: ['toolchain', 'program'], make: (c) => c.add('go.mod', '\ngodebug nosuchsetting=1\n') },
  { name: 'toolchain-tool-not-required', idea: 'a tool line without its requirement', kinds: ['requirement-missing'], acceptable: ['mod-syntax', 'toolchain'], safe: ['tidy-adds'], make: (c) => c.add('go.mod', '\ntool corp.example/tools/cmd/tool\n') },
  { name: 'toolchain-ignore-line', idea: 'an ignore line, which is new in Go 1.25', kinds: ['toolchain'], acceptable: ['mod-syntax'], make: (c) => c.add('go.mod', '\nignore ./attic\n') },
  { name: 'toolchain-language-later', idea: 'the program uses the language of Go 1.22', env: { GOTOOLCHAIN: 'local' }, acceptable: ['program'], make: (c) => { c.replace('go.mod', 'go 1.18', 'go 1.22'); c.add('main.go', '\nfunc count() {\n\tfor range 10 {\n\t}\n}\n'); } },
].map((t) => ({ kinds: ['toolchain'], safe: [], ...t }));

/** The lines of go.sum for what the proxy has: made by go in another directory. */
async function sumOf(c, module, version) {
  const dir = path.join(c.dir, 'sums');
  fs.mkdirSync(dir);
  fs.writeFileSync(path.join(dir, 'go.mod'), 'module sums.example\n');
  const { text } = await c.must(['mod', 'download', '-json', `${module}@${version}`], { cwd: dir });
  const { Sum, GoModSum } = JSON.parse(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1));
  return `${module} ${version} ${Sum}\n${module} ${version}/go.mod ${GoModSum}\n`;
}

/** A Go installation of the set-up's own: links to the real one, but for what is to be broken. */
function ownGo(c, at) {
  const to = path.join(c.home, at);
  const real = c.ground.goroot;
  fs.mkdirSync(path.join(to, 'bin'), { recursive: true });
  fs.mkdirSync(path.join(to, 'src'));
  fs.mkdirSync(path.join(to, 'pkg/tool'), { recursive: true });
  fs.copyFileSync(path.join(real, 'bin/go'), path.join(to, 'bin/go'));
  for (const name of ['VERSION', 'go.env', 'lib', 'api', 'misc', 'test']) if (fs.existsSync(path.join(real, name))) fs.symlinkSync(path.join(real, name), path.join(to, name));
  const link = (dir, except) => {
    for (const name of fs.readdirSync(path.join(real, dir))) if (!except.includes(name)) fs.symlinkSync(fs.realpathSync(path.join(real, dir, name)), path.join(to, dir, name));
  };
  link('pkg', ['tool']);
  link('src', ['strings']);
  execFileSync('cp', ['-rL', path.join(real, 'src/strings'), path.join(to, 'src/strings')]);
  const [platform] = fs.readdirSync(path.join(real, 'pkg/tool'));
  fs.mkdirSync(path.join(to, 'pkg/tool', platform));
  link(`pkg/tool/${platform}`, []);
  c.goroot = to;
  return { to, tool: (name) => path.join(to, 'pkg/tool', platform, name) };
}
const goroot = (at, change) => (c) => {
  c.write('main.go', STRINGS);
  change(ownGo(c, at), c);
};

const installation = [
  { name: 'goroot-package-gone', idea: 'a package of the standard library is missing', make: goroot('go-sdk', ({ to }) => fs.rmSync(path.join(to, 'src/strings'), { recursive: true })), acceptable: ['std-package-missing'] },
  { name: 'goroot-file-gone', idea: 'a file of the standard library is missing', make: goroot('go-sdk', ({ to }) => fs.rmSync(path.join(to, 'src/strings/builder.go'))) },
  { name: 'goroot-file-cut-near', idea: 'a file of a Go beside the program, which go names by a relative path, is cut', make: goroot('work/go', ({ to }) => { const at = path.join(to, 'src/strings/builder.go'); fs.writeFileSync(at, fs.readFileSync(at, 'utf8').slice(0, 900)); }) },
  { name: 'goroot-closed-near', idea: 'only root may read a package of a Go beside the program', make: goroot('work/go', ({ to }, c) => c.close(path.join(to, 'src/strings'), { read: false })) },
  { name: 'goroot-compiler-gone', idea: 'the compiler is missing', acceptable: ['tool-missing'], make: goroot('go-sdk', ({ tool }) => fs.rmSync(tool('compile'))) },
  { name: 'goroot-src-gone', idea: 'the sources of the standard library are not installed', acceptable: ['std-package-missing'], make: goroot('go-sdk', ({ to }) => { fs.rmSync(path.join(to, 'src'), { recursive: true }); fs.mkdirSync(path.join(to, 'src')); }) },
].map((t) => ({ kinds: ['goroot'], safe: [], ...t }));

const walk = (dir, visit) => {
  for (const entry of fs.readdirSync(dir, { withFileTypes: true })) {
    const at = path.join(dir, entry.name);
    if (entry.isDirectory()) walk(at, visit);
    else visit(at);
  }
};

const build = [
  { name: 'gocache-files-empty', idea: 'a crash has emptied the files of the build cache', make: async (c) => { await c.must(['build', '-gcflags', 'all=-N -l', '-o', '/dev/null', '.']); walk(c.gocache, (at) => /-d$/.test(at) && fs.truncateSync(at)); } },
  { name: 'gocache-one-directory-closed', idea: 'root has some directories of the build cache', make: async (c) => { for (const name of fs.readdirSync(c.gocache)) if (/^[0-9a-f]{2}$/.test(name)) c.close(path.join(c.gocache, name)); } },
  { name: 'gocache-files-closed', idea: 'only root may read the files of the build cache', make: async (c) => { await c.must(['build', '-gcflags', 'all=-N -l', '-o', '/dev/null', '.']); c.close(c.gocache, { read: false }); } },
  { name: 'gocache-dangling', idea: 'the build cache is a link that leads nowhere', make: (c) => { fs.rmSync(c.gocache, { recursive: true }); fs.symlinkSync('/missing/cache', c.gocache); } },
  {
    name: 'gocache-remembers-damage', gocache: false, idea: 'the module was damaged at the first build and is whole now: only the build cache still says what was missing',
    acceptable: ['cache-damaged'], entry: [['corp.example/alpha', 'v1.0.0']], safe: ['fresh-gocache', 'refetch'],
    make: async (c) => {
      const dir = c.extracted('corp.example/alpha', 'v1.0.0');
      const aside = path.join(c.dir, 'aside');
      execFileSync('chmod', ['-R', 'u+w', dir]);
      fs.renameSync(path.join(dir, 'sub'), aside);
      c.ground.own(c.dir);
      await c.build();
      fs.renameSync(aside, path.join(dir, 'sub'));
    },
  },
].map((t) => ({ kinds: ['gocache'], gocache: true, safe: ['fresh-gocache'], ...t }));

const NATIVE = async (c) => {
  addRequirement(c, 'corp.example/native v1.0.0');
  c.write('main.go', program('corp.example/native'));
  fs.appendFileSync(c.file('go.sum'), await sumOf(c, 'corp.example/native', 'v1.0.0'));
};
const onlyGo = { PATH: (c) => `${c.goroot}/bin` };
const REPOSITORY = (c) => {
  c.replace('go.mod', '\tcorp.example/alpha v1.0.0\n', '\tcorp.example/alpha v1.0.0\n\tcorp.example/repo.git v1.0.0\n');
  c.write('main.go', program(['repo', 'corp.example/repo.git']));
  fs.appendFileSync(c.file('go.sum'), `corp.example/repo.git v1.0.0 h1:${'A'.repeat(43)}=\ncorp.example/repo.git v1.0.0/go.mod h1:${'A'.repeat(43)}=\n`);
};

const needed = [
  { name: 'tool-no-git', idea: 'git is not installed, and a module comes straight from its repository', acceptable: ['vcs'], env: { ...onlyGo, GOPROXY: 'direct' }, make: REPOSITORY },
  { name: 'tool-git-not-allowed', idea: 'GOVCS does not allow git', kinds: ['vcs'], acceptable: ['environment'], env: { GOPROXY: 'direct', GOVCS: '*:off' }, make: REPOSITORY },
  { name: 'tool-git-repository-gone', idea: 'the repository is not there', kinds: ['vcs'], acceptable: ['network', 'version-missing'], env: { GOPROXY: 'direct', GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'url.file:///missing/.insteadOf', GIT_CONFIG_VALUE_0: 'https://corp.example/', GIT_ALLOW_PROTOCOL: 'file' }, make: REPOSITORY },
  { name: 'tool-no-gcc', idea: 'a dependency needs a C compiler, and there is none', env: onlyGo, acceptable: ['cgo'], make: NATIVE },
  { name: 'tool-cc-elsewhere', idea: 'CC in launch.json names a compiler that is not there', kinds: ['launch-json'], acceptable: ['tool-missing', 'cgo'], launchEnv: { CC: '/missing/bin/cc' }, make: NATIVE },
  { name: 'tool-cgo-off', idea: 'a dependency needs cgo, and CGO_ENABLED is 0 on the machine', kinds: ['cgo'], acceptable: ['environment'], env: { CGO_ENABLED: '0' }, make: NATIVE },
  {
    name: 'tool-cgo-off-behind', idea: 'a package of the program\'s imports what needs cgo, and CGO_ENABLED is 0', kinds: ['cgo'], acceptable: ['environment'], env: { CGO_ENABLED: '0' },
    make: async (c) => { await NATIVE(c); c.write('store/store.go', 'package store\n\nimport "corp.example/native"\n\nfunc Value() int {\n\treturn native.Value()\n}\n'); c.write('main.go', program('corp.example/shop/store')); },
  },
  {
    name: 'tool-no-pkg-config', idea: 'a package asks pkg-config, and there is none', acceptable: ['cgo', 'program'], env: { PATH: (c) => `${c.goroot}/bin:${path.join(c.home, 'bin')}` },
    make: (c) => { fs.mkdirSync(path.join(c.home, 'bin')); for (const name of ['gcc', 'as', 'ld']) fs.symlinkSync(`/usr/bin/${name}`, path.join(c.home, 'bin', name)); c.write('main.go', '// Package main\npackage main\n\n// #cgo pkg-config: zlib\n// static void f(void) {}\nimport "C"\n\nfunc main() {\n\tC.f()\n}\n'); },
  },
  { name: 'tool-vcs-stamp-no-git', idea: 'the program is stamped, and git is not installed', kinds: ['vcs'], acceptable: ['tool-missing', 'launch-json'], buildFlags: '-buildvcs=true', env: onlyGo, make: (c) => fs.mkdirSync(c.file('.git')) },
].map((t) => ({ kinds: ['tool-missing'], safe: [], ...t }));

const limits = [
  { name: 'limit-descriptors', idea: 'a process may have too few open files', limit: '--nofile=13', make: () => {} },
  { name: 'limit-file-size', idea: 'a file may not be as large as what go writes', limit: '--fsize=20000', make: () => {} },
].map((t) => ({ kinds: ['limits'], safe: [], ...t }));

export const machineSetups = [...toolchain, ...installation, ...build, ...needed, ...limits];

