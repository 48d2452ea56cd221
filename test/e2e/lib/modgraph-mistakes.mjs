// Mistakes of the program and of launch.json that look like a broken module graph: refused at once in the right words,
// and nothing is tried. See modgraph-cases.mjs.

const UNUSED = /imported as x and not used|imported and not used: "example\.com\/dep" as x/;
const NO_FILE = /no such file or directory/;
const IN_LAUNCH = String.raw`\(set in env \(or envFile\) of launch\.json\)`;
const IN_FLAGS = String.raw`\(set in buildFlags of launch\.json[^)]*\)`;
const value = (text, where) => new RegExp(`${text} ${where}: `);

/** What the program itself has wrong comes first, and whole. */
const program = [
  {
    name: 'mistake-alias', said: UNUSED, cause: /undefined: dep/,
    make: (c) => c.edit('main.go', (text) => text.replace(/^\t(?:dep )?"example\.com\/dep"$/m, '\tx "example.com/dep"')),
  },
  {
    name: 'mistake-own-package', proxy: 'http', answers: () => 0, unasked: /example\.com\/app/, said: /example\.com\/app\/internal\/nosuch/,
    cause: /a package of the program's own module is missing/,
    make: (c) => c.edit('main.go', (text) => text.replace('import (', 'import (\n\t_ "example.com/app/internal/nosuch"')),
  },
  {
    name: 'mistake-syntax-and-missing', said: /main\.go:\d+:\d+: (expected |missing import path)/, cause: /main\.go:\d+:\d+: (expected |missing import path)/,
    make: (c) => {
      c.drop('go.mod', /two/);
      c.edit('main.go', (text) => text.replace('import (', 'import (('));
    },
  },
  {
    name: 'mistake-package-of-required', said: /example\.com\/dep\/nosuch/, cause: /its version does not contain the package/,
    make: (c) => c.edit('main.go', (text) => text.replace('import (', 'import (\n\t_ "example.com/dep/nosuch"')),
  },
  {
    name: 'mistake-undefined-of-dep', said: /undefined: dep\.Nosuch/, cause: /undefined: dep\.Nosuch/,
    make: (c) => c.edit('main.go', (text) => text.replace('dep.Value()', 'dep.Nosuch()')),
  },
];

/** Values that go refuses: the place that holds them is named. */
const values = [
  { name: 'mistake-gowork-missing', launchEnv: { GOWORK: '/missing/go.work' }, said: NO_FILE, cause: value(String.raw`GOWORK=/missing/go\.work`, IN_LAUNCH) },
  { name: 'mistake-gowork-relative', launchEnv: { GOWORK: 'go.work' }, said: /GOWORK/, cause: value(String.raw`GOWORK=go\.work`, IN_LAUNCH) },
  { name: 'mistake-modfile', buildFlags: '-modfile=/missing/go.mod', said: NO_FILE, cause: value(String.raw`-modfile=/missing/go\.mod`, IN_FLAGS) },
  { name: 'mistake-goflags-modfile', launchEnv: { GOFLAGS: '-modfile=/missing/go.mod' }, said: NO_FILE, cause: /-modfile=\/missing\/go\.mod \(set in GOFLAGS, in env \(or envFile\) of launch\.json\): / },
  { name: 'mistake-target-modfile', env: { GOFLAGS: '-modfile=/missing/go.mod' }, said: NO_FILE, cause: /-modfile=\/missing\/go\.mod \(set in GOFLAGS, in (go\.env of the target|the environment)/ },
  { name: 'mistake-goflags', launchEnv: { GOFLAGS: '-nosuch' }, said: /parsing \$GOFLAGS/, cause: value('GOFLAGS=-nosuch', IN_LAUNCH) },
  { name: 'mistake-overlay', buildFlags: '-overlay=/missing.json', said: NO_FILE, cause: value(String.raw`-overlay=/missing\.json`, IN_FLAGS) },
  { name: 'mistake-pair', launchEnv: { GOARCH: 'nonsense' }, said: /unsupported GOOS\/GOARCH pair/, cause: value('GOARCH=nonsense', IN_LAUNCH) },
  { name: 'mistake-experiment', launchEnv: { GOEXPERIMENT: 'nonsense' }, said: /unknown GOEXPERIMENT/, cause: value('GOEXPERIMENT=nonsense', IN_LAUNCH) },
].map((t) => ({ make: () => {}, ...t }));

/** What only some versions of go know. */
const byVersion = (minor) => [
  ...(minor < 21 ? [{ name: 'mistake-amd64', launchEnv: { GOAMD64: 'v9' }, said: /invalid GOAMD64/, cause: value('GOAMD64=v9', IN_LAUNCH) }] : []),
  ...(minor >= 21 ? [{ name: 'mistake-toolchain', launchEnv: { GOTOOLCHAIN: 'go1.99.0' }, said: /go1\.99\.0/, cause: value(String.raw`GOTOOLCHAIN=go1\.99\.0`, IN_LAUNCH) }] : []),
  ...(minor >= 24 ? [{ name: 'mistake-cacheprog', launchEnv: { GOCACHEPROG: '/missing/prog' }, said: /GOCACHEPROG/, cause: value('GOCACHEPROG=/missing/prog', IN_LAUNCH) }] : []),
].map((t) => ({ make: () => {}, ...t }));

export const mistakeCases = (minor) => [...program, ...values, ...byVersion(minor)].map((t) => ({ ends: 'fails', plain: true, ...t }));
