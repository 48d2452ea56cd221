// Broken set-ups where what go would do changes the program: never done, and told. See modgraph-cases.mjs.
import fs from 'node:fs';
import path from 'node:path';
import { publish } from './goproxy.mjs';

const NOT_CHANGED = /nothing was changed\. Run `go mod (tidy|download all)` in \S+ on the Go machine if that is what you want/;
const NEWER = ['example.com/a', 'v1.5.0'];
const OLDER = ['example.com/a', 'v1.0.0'];

/** Package a/sub of both versions computes with its own number. */
const files = (number) => ({ 'a.go': 'package a\n', 'sub/sub.go': `package sub\n\nfunc Value() int {\n\treturn ${number}\n}\n` });
const imports = (c, text) => c.edit('main.go', (source) => source.replace('import (', `import (\n\t${text}`));

/** The program uses a@v1.0.0; the proxy has v1.5.0, too. */
function usesA(c, change = () => {}) {
  publish(c.proxy, ...OLDER, 'go 1.18\n', files(10));
  publish(c.proxy, ...NEWER, 'go 1.18\n', files(15));
  imports(c, '"example.com/a/sub"');
  c.edit('main.go', (text) => text.replace('dep.Value() +', 'dep.Value() + sub.Value() +'));
  c.edit('go.mod', (text) => text.replace('require (', 'require (\n\texample.com/a v1.0.0'));
  c.go(['mod', 'download', 'all']);
  change(c);
}

const losePackage = (c) => c.damage(...OLDER, (dir) => fs.rmSync(path.join(dir, 'sub'), { recursive: true }));
const lacksPackage = (c) => usesA(c, () => losePackage(c));

/** The cache has lost the package: it comes back in the version that go.mod names, or not at all. */
const lost = [
  { name: 'package-lost-in-cache', ends: 'mended', shown: /example\.com\/a/, total: 16, make: lacksPackage },
  {
    name: 'package-lost-for-good', ends: 'fails', cause: /example\.com\/a/,
    make: (c) => {
      lacksPackage(c);
      fs.writeFileSync(c.entry(...OLDER, 'zip'), 'no zip\n');
      fs.rmSync(path.join(c.proxy, 'example.com/a/@v/v1.0.0.zip'));
    },
  },
].map((t) => ({ ownProxy: true, lost: [OLDER], said: /no required module provides package example\.com\/a\/sub|module example\.com\/a@latest found/, ...t }));

/** go.mod with Lib 1.1.0 where dep is still 1.0.0, which Lib 1.1.0 does not allow. */
const older = (text) => text.replace('example.com/Lib v1.0.0', 'example.com/Lib v1.1.0');
const MISSING = 'example.com/two/v2';
/** A requirement that is missing, beside what a tidy would change. */
const lacksTwo = (c, change) => {
  c.drop('go.mod', /two/);
  c.edit('go.mod', change);
};

/** What must not be: go.mod would say something else than it does. */
const changed = [
  {
    // The package came with a later version.
    name: 'tidy-would-raise', said: /no required module provides package example\.com\/a\/sub/, cause: /would change example\.com\/a from v1\.0\.0 to v1\.5\.0|its version does not contain the package/, advice: undefined,
    make: (c) => {
      publish(c.proxy, ...OLDER, 'go 1.18\n', { 'a.go': 'package a\n' });
      publish(c.proxy, ...NEWER, 'go 1.18\n', files(15));
      c.edit('go.mod', (text) => text.replace('require (', 'require (\n\texample.com/a v1.0.0'));
      c.go(['mod', 'download', 'all']);
      imports(c, '_ "example.com/a/sub"');
    },
  },
  { name: 'tidy-would-update', said: /updates to go\.mod needed/, cause: /would change example\.com\/dep from v1\.0\.0 to v1\.1\.0 in /, make: (c) => { const sums = c.read('go.sum'); c.edit('go.mod', older); c.go(['mod', 'tidy']); c.edit('go.sum', (text) => text + sums); c.edit('go.mod', (text) => text.replace('example.com/dep v1.1.0', 'example.com/dep v1.0.0')); } },
  { name: 'tidy-would-update-and-sum', said: /missing go\.sum entry/, cause: /would change example\.com\/dep from v1\.0\.0 to v1\.1\.0 in /, make: (c) => c.edit('go.mod', older) },
  { name: 'tidy-would-choose-version', said: /updates to go\.mod needed/, cause: /would change example\.com\/dep from v1(\.0\.0)? to v1\.1\.0 in /, make: (c) => c.edit('go.mod', (text) => text.replace('example.com/dep v1.0.0', 'example.com/dep v1')) },
  {
    // The later dep comes with what is missing.
    name: 'tidy-would-raise-by-another', said: /no required module provides package example\.com\/later/, cause: /would change example\.com\/dep from v1\.0\.0 to v1\.1\.0 in /,
    make: (c) => { publish(c.proxy, 'example.com/later', 'v1.0.0', 'go 1.18\n\nrequire example.com/dep v1.1.0\n', { 'later.go': 'package later\n\nimport _ "example.com/dep"\n' }); imports(c, '_ "example.com/later"'); },
  },
].map((t) => ({ ends: 'fails', ownProxy: true, advice: NOT_CHANGED, ...t }));

/** What go.mod names beside what is missing stays, whatever a tidy would do to it. */
const kept = [
  {
    name: 'tidy-would-drop', make: (c) => { publish(c.proxy, ...OLDER, 'go 1.18\n', files(10)); c.edit('go.mod', (text) => `${text}\nrequire example.com/a v1.0.0\n`); c.go(['mod', 'download', 'all']); c.drop('go.mod', /two/); },
  },
  { name: 'exclude-and-replace-stay', make: (c) => lacksTwo(c, (text) => `${text}\nexclude example.com/dep v1.0.9\n\nreplace example.com/a v1.0.1 => example.com/a v1.5.0\n`) },
].map((t) => ({ ends: 'mended', ownProxy: true, said: /no required module provides package example\.com\/two/, diff: new RegExp(`^\\+.*${MISSING} v2\\.0\\.0`, 'm'), ...t }));

/** A go.mod without a line go keeps its language. */
const noGoLine = (minor) => [
  { name: 'no-go-line', said: /no required module provides package example\.com\/two/, ends: 'mended', diff: /^\+go 1\.16$/m, make: (c) => { c.drop('go.mod', /two/); c.drop('go.mod', /^go /); } },
  { name: 'no-go-line-no-sum', said: /missing go\.sum entry/, ends: 'mended', make: (c) => { c.rm('go.sum'); c.drop('go.mod', /^go /); } },
  { name: 'edit-no-go-line', recover: { modFiles: 'edit' }, changes: ['go.mod'], said: /no required module provides package example\.com\/two/, ends: 'mended', make: (c) => { c.drop('go.mod', /two/); c.drop('go.mod', /^go /); } },
  {
    name: 'tidy-would-raise-go', ownProxy: true, said: /no required module provides package example\.com\/later/, ends: 'fails', cause: /would change go from 1\.18 to 1\.\d+|cannot find module|no required module/,
    skip: () => minor < 21 && 'this go takes no notice of what a module asks for',
    make: (c) => { publish(c.proxy, 'example.com/later', 'v1.0.0', 'go 1.21\n', { 'later.go': 'package later\n' }); imports(c, '_ "example.com/later"'); },
  },
];

const OWN = /example\.com\/app/;
const own = [
  { name: 'own-package-missing', said: /example\.com\/app\/internal\/zz/, make: (c) => imports(c, '_ "example.com/app/internal/zz"') },
  { name: 'own-package-missing-and-requirement', said: /no required module provides package/, make: (c) => { imports(c, '_ "example.com/app/internal/zz"'); c.drop('go.mod', /two/); } },
  { name: 'own-package-missing-beside-sum', said: /missing go\.sum entry|no required module/, make: (c) => { imports(c, '_ "example.com/app/internal/zz"'); c.rm('go.sum'); } },
  { name: 'own-package-missing-vendor', said: /inconsistent vendoring|internal\/zz/, make: (c) => { c.go(['mod', 'vendor']); c.rm('vendor/example.com/dep'); imports(c, '_ "example.com/app/internal/zz"'); c.edit('go.mod', (text) => text.replace('dep v1.0.0', 'dep v1.1.0')); } },
].map((t) => ({ ends: 'fails', cause: /example\.com\/app\/internal\/zz|inconsistent vendoring/, ...t }));
const ownElsewhere = [
  // Only another system's file imports it, only a test, only a program beside: the program itself builds.
  { name: 'own-package-missing-elsewhere', make: (c) => { c.write('other_plan9.go', 'package main\n\nimport _ "example.com/app/plan"\n'); c.write('main_test.go', 'package main\n\nimport z "example.com/app/zz"\n\nvar _ = z.Z\n'); c.write('cmd/x/x.go', 'package main\n\nimport (\n\t"example.com/app/internal/gen" // made by a tool\n)\n\nfunc main() { gen.X() }\n'); c.drop('go.mod', /two/); } },
].map((t) => ({ ends: 'mended', said: /no required module provides package example\.com\/two/, ...t }));
/** What is the program's own is not asked for. */
const unasked = [...own, ...ownElsewhere].map((t) => ({ proxy: 'http', ownProxy: true, answers: () => 0, unasked: OWN, ...t }));

const edited = [...changed, ...lost].map((t) => ({ ...t, name: `edit-${t.name}`, recover: { modFiles: 'edit' } }));

export const versionCases = (minor) => [...changed, ...lost, ...edited, ...unasked, ...noGoLine(minor), ...kept, ...kept.map((t) => ({ ...t, name: `edit-${t.name}`, recover: { modFiles: 'edit' }, changes: ['go.mod'] }))];
