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

/** Copies of go.mod and go.sum as the user can make them; the flag that builds with them, or null. */
async function copies(c) {
  const root = moduleRoot(c);
  const to = path.join(c.dir, 'copies');
  fs.mkdirSync(to);
  c.ground.own(to);
  if (!root || (await c.run('/bin/cp', [path.join(root, 'go.mod'), path.join(to, 'go.mod')])).code !== 0) return null;
  // Without the sums that are there, what is fetched would be checked against nothing.
  if (fs.existsSync(path.join(root, 'go.sum')) && (await c.run('/bin/cp', [path.join(root, 'go.sum'), path.join(to, 'go.sum')])).code !== 0) return null;
  await c.run('/bin/chmod', ['-R', 'u+w', to]);
  return { file: path.join(to, 'go.mod'), before: path.join(root, 'go.mod') };
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

const withCopies = (command) => async (c) => {
  const of = await copies(c);
  if (!of) return null;
  const done = command ? await c.go(command(of.file), { cwd: c.program }) : { code: 0 };
  if (done.code !== 0 || !(await onlyAdds(c, of))) return null;
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

/** The cache's entries that the set-up names fetched again, with a build cache that has no index of them. */
async function refetch(c) {
  if (!c.test.entry) return null;
  for (const [module, version] of c.test.entry) {
    const at = c.entry(module, version, '');
    const gone = [...['zip', 'ziphash', 'mod', 'info', 'lock', 'partial'].map((kind) => `${at}${kind}`), c.extracted(module, version)];
    await c.run('/bin/chmod', ['-R', 'u+w', c.extracted(module, version)]);
    const { code } = await c.run('/bin/rm', ['-rf', ...gone]);
    if (code !== 0) return null;
  }
  return { env: { GOCACHE: c.ground.freshGocache } };
}

/** A fresh module cache that takes the old one for a proxy. */
function freshModcache(c) {
  const to = path.join(c.dir, 'modcache');
  fs.mkdirSync(to);
  c.ground.own(to);
  return { env: { GOMODCACHE: to, GOPROXY: `${pathToFileURL(path.join(c.mod, 'cache/download'))},${c.env.GOPROXY ?? ''}`.replace(/,$/, '') } };
}

/** name: what is done to the set-up; resolves to what the build is given besides, or null when it can't be done. */
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

/** Whether the remedy mends the set-up: it builds, and the program is the one that go.mod names. */
export async function mends(ground, test, name) {
  if ((name === 'wait' && !test.heal) || (name === 'refetch' && !test.entry)) return false;
  const c = await ground.place(test);
  try {
    if (!applies(c, name)) return false;
    if (test.entry) await c.build(); // with it the index of a damaged directory is made, as it is on the user's machine
    const given = await REMEDIES[name](c);
    if (!given) return false;
    const { code } = await c.build(given);
    if (code !== 0 || (given.check && !(await given.check()))) return false;
    return (await c.says()).includes(test.says);
  } finally {
    await c.remove();
  }
}
