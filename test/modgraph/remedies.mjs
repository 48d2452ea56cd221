// The safe remedies by go commands alone, each tried on a fresh copy of a set-up: what mends is measured, not guessed.
// Safe: nothing that go.mod names changes its version, is replaced or dropped; no check of go's is loosened; the user's
// tree is not written to.
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const FIRST_TO_SWITCH = 21; // Go 1.21 is the first that takes another toolchain

/** The directory of the main module, seen from the program: where go.mod is. */
export function moduleRoot(c) {
  for (let at = c.program; at.length >= c.home.length; at = path.dirname(at)) if (fs.existsSync(path.join(at, 'go.mod'))) return at;
  return null;
}

const read = (file) => (fs.existsSync(file) && fs.statSync(file).isFile() ? fs.readFileSync(file, 'utf8') : '');

/** The directories that a go.work uses. */
export function usedBy(work) {
  return [...read(work).matchAll(/^(?:use)?\s*("?[./][^\s()"]*)"?\s*$/gm)].map(([, dir]) => path.resolve(path.dirname(work), dir.replace(/"/g, '')));
}

/** The go.mod that -modfile names instead of the module's own: of the build flags, else of GOFLAGS; null: none. */
export function modfileOf(c, goflags = c.env.GOFLAGS) {
  for (const flags of [c.buildFlags, goflags ?? '']) {
    const found = [...flags.matchAll(/(?:^|[\s'"])--?modfile[= ]([^\s'"]+)/g)].pop();
    if (found) return path.resolve(c.program, found[1]);
  }
  return null;
}

/** Copies of go.mod and go.sum as the user can make them; the flag that builds with them, or null. */
async function copies(c) {
  const root = moduleRoot(c);
  const to = path.join(c.dir, 'copies');
  fs.mkdirSync(to);
  c.ground.own(to);
  const own = modfileOf(c) ?? (root && path.join(root, 'go.mod'));
  if (!own || (await c.run('/bin/cp', [own, path.join(to, 'go.mod')])).code !== 0) return null;
  // Without the sums that are there, what is fetched would be checked against nothing.
  const sums = own.replace(/mod$/, 'sum');
  if (fs.existsSync(sums) && (await c.run('/bin/cp', [sums, path.join(to, 'go.sum')])).code !== 0) return null;
  await c.run('/bin/chmod', ['-R', 'u+w', to]);
  return { file: path.join(to, 'go.mod'), before: own };
}

async function described(c, file) {
  const { code, text } = await c.go(['mod', 'edit', '-json', file], { env: { GOFLAGS: '', GOTOOLCHAIN: 'local', GOWORK: 'off' } });
  return code === 0 ? JSON.parse(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1)) : null;
}

const list = (value) => value ?? [];

/** Whether the second go.mod says all that the first one says, the same way, and nothing new from below the main module's own
 * path: a package of ours is never a stranger's. */
async function onlyAdds(c, { before, file }) {
  const [was, is] = [await described(c, before), await described(c, file)];
  if (!was || !is) return false;
  const versions = new Map(list(is.Require).map((r) => [r.Path, r.Version]));
  const isOurs = (name) => `${name}/`.startsWith(`${was.Module?.Path}/`) && !list(was.Require).some((r) => r.Path === name);
  if ([...versions.keys()].some(isOurs)) return false;
  const same = (key) => JSON.stringify(list(was[key])) === JSON.stringify(list(is[key]));
  return list(was.Require).every((r) => versions.get(r.Path) === r.Version) && same('Replace') && same('Exclude') && same('Go')
    && JSON.stringify(was.Module) === JSON.stringify(is.Module);
}

/** What a go.mod and its go.sum hold. */
const texts = (file) => [file, file.replace(/mod$/, 'sum')].map((at) => (fs.existsSync(at) ? fs.readFileSync(at, 'utf8') : '')).join('\0');

const withCopies = (command) => async (c) => {
  const of = await copies(c);
  if (!of) return null;
  const before = texts(of.file);
  const done = command ? await c.go(command(of.file), { cwd: c.program }) : { code: 0 };
  if (done.code !== 0 || !(await onlyAdds(c, of))) return null;
  if (command && texts(of.file) === before) return null; // nothing was done
  return { flags: [`-modfile=${of.file}`] };
};

async function modMod(c) {
  const of = await copies(c);
  return of && { flags: ['-mod=mod', `-modfile=${of.file}`], check: () => onlyAdds(c, of) };
}

/** A copy of go.work with absolute paths, the program's module and all sums in it. */
async function workCopy(c) {
  const found = (await c.go(['env', 'GOWORK'], { cwd: c.program })).text.trim();
  const root = moduleRoot(c);
  if (!path.isAbsolute(found) || !root) return null;
  const { code, text } = await c.go(['work', 'edit', '-json', found], { cwd: c.program });
  if (code !== 0) return null;
  const work = JSON.parse(text);
  const absolute = (name) => path.resolve(path.dirname(found), name);
  const used = new Set([...list(work.Use).map((u) => absolute(u.DiskPath)), root]);
  const replaced = list(work.Replace).map(({ Old, New }) => `replace ${Old.Path}${Old.Version ? ` ${Old.Version}` : ''} => ${New.Version ? `${New.Path} ${New.Version}` : absolute(New.Path)}\n`);
  const to = path.join(c.dir, 'work-copy');
  fs.mkdirSync(to);
  fs.writeFileSync(path.join(to, 'go.work'), `${[`go ${work.Go ?? '1.18'}\n`, ...[...used].map((dir) => `use ${JSON.stringify(dir)}\n`), ...replaced].join('\n')}`);
  const sums = path.join(path.dirname(found), 'go.work.sum');
  if (fs.existsSync(sums)) fs.copyFileSync(sums, path.join(to, 'go.work.sum'));
  c.ground.own(to);
  const env = { GOWORK: path.join(to, 'go.work') };
  await c.go(['mod', 'download'], { cwd: c.program, env }); // what it can't fetch, the build may not need
  return { env };
}

/** The cache's entries that the set-up names (else those that go.mod names) fetched again, with a build cache that has no
 * index of them. */
async function refetch(c) {
  const entries = c.test.entry ?? required(c);
  for (const [module, version] of entries) {
    const at = c.entry(module, version, '');
    const gone = [...['zip', 'ziphash', 'mod', 'info', 'lock', 'partial'].map((kind) => `${at}${kind}`), c.extracted(module, version)];
    await c.run('/bin/chmod', ['-R', 'u+w', c.extracted(module, version)]);
    const { code } = await c.run('/bin/rm', ['-rf', ...gone]);
    if (code !== 0) return null;
    const fetched = await c.go(['mod', 'download', `${module}@${version}`], { cwd: c.program });
    if (fetched.code !== 0) return null;
  }
  return entries.length > 0 ? { env: { GOCACHE: c.ground.freshGocache } } : null;
}

/** [module, version] of each requirement in the go.mod of the module, and of those that a workspace has with it. */
function required(c) {
  const root = moduleRoot(c);
  const works = root ? [root, path.dirname(root)].map((dir) => path.join(dir, 'go.work')).filter((file) => read(file)) : [];
  const files = [...new Set([root, ...works.flatMap(usedBy)])].filter(Boolean).map((dir) => path.join(dir, 'go.mod'));
  return files.flatMap((file) => [...read(file).matchAll(/^(?:require)?\s+([a-z][^\s]+\/[^\s]+) (v\d\S*)/gm)].map(([, module, version]) => [module, version]));
}

/** A fresh module cache that takes the old one for a proxy, and is filled with what go.mod names before it is used. */
async function freshModcache(c) {
  const to = path.join(c.dir, 'modcache');
  fs.mkdirSync(to);
  c.ground.own(to);
  const env = { GOMODCACHE: to, GOPROXY: `${pathToFileURL(path.join(c.mod, 'cache/download'))}|${c.env.GOPROXY ?? ''}`.replace(/\|$/, '') };
  const filled = await c.go(['mod', 'download'], { cwd: c.program, env });
  return filled.code === 0 ? { env } : null;
}

/** name: what is done to the set-up; resolves to what the build is given besides, or null when it can't be done: go has
 * refused it, or it would change what go.mod says. */
export const REMEDIES = {
  'download-all': withCopies((file) => ['mod', 'download', `-modfile=${file}`, 'all']),
  'tidy-adds': withCopies((file) => ['mod', 'tidy', `-modfile=${file}`]),
  copies: withCopies(null),
  'mod-mod': modMod,
  'mod-readonly': () => ({ flags: ['-mod=readonly'] }),
  'work-off': () => ({ env: { GOWORK: 'off' } }),
  'work-copy': workCopy,
  refetch,
  'fresh-gocache': (c) => ({ env: { GOCACHE: c.ground.freshGocache } }),
  'fresh-modcache': freshModcache,
  'toolchain-local': () => ({ env: { GOTOOLCHAIN: 'local' } }),
  wait: async (c) => (c.test.heal ? (await c.test.heal(c), {}) : null),
};

/** Whether the remedy can be another build than the one that failed: what is as it was need not be tried. */
function applies(c, name) {
  const given = `${c.buildFlags} ${c.env.GOFLAGS ?? ''}`;
  const inWork = c.env.GOWORK || ['go.work', '../go.work', '../../go.work'].some((at) => fs.existsSync(c.file(at))) || fs.existsSync(path.join(c.home, '.config/go/env'));
  switch (name) {
    case 'work-off': case 'work-copy': return Boolean(inWork);
    case 'mod-readonly': return /-mod/.test(given) || ['vendor', '../vendor'].some((at) => fs.existsSync(c.file(at)));
    case 'copies': return /-mod=mod/.test(given) || c.later.length > 0;
    case 'toolchain-local': return c.minor >= FIRST_TO_SWITCH;
    default: return true;
  }
}

/** Those that build on trial before anything is started with them: what does not build is refused. */
const TRIALS = ['copies', 'mod-mod', 'mod-readonly', 'work-off', 'work-copy', 'toolchain-local'];

/** What comes of the remedy: it `mends` the set-up (it builds, and the program is the one that go.mod names); it is
 * `refused`, by go or for what it would change, or can't be done here, and nothing was done; or it is carried out in `vain`:
 * the build fails after it as before. */
export async function tried(ground, test, name) {
  if (name === 'wait' && !test.heal) return 'refused';
  const c = await ground.sandbox(test);
  try {
    if (!applies(c, name)) return 'refused';
    if (test.entry) await c.build(); // with it the index of a damaged directory is made, as it is on the user's machine
    const given = await REMEDIES[name](c);
    if (!given) return 'refused';
    const { code } = await c.build(given);
    if (code !== 0) return TRIALS.includes(name) ? 'refused' : 'vain';
    if (given.check && !(await given.check())) return 'refused';
    return (await c.says()).includes(test.says) ? 'mends' : 'vain';
  } finally {
    await c.remove();
  }
}
