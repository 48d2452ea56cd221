// What a directory holds, to compare before and after.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

function content(file, stat) {
  if (stat.isSymbolicLink()) return `link ${fs.readlinkSync(file)}`;
  if (stat.isFile()) return createHash('sha256').update(fs.readFileSync(file)).digest('hex');
  return 'dir';
}

/** Every path below dir with mode, content and, when asked for, the time of change: { path: text }. */
export function tree(dir, { times = true } = {}) {
  const found = {};
  const walk = (at) => {
    const stat = fs.lstatSync(at, { bigint: true });
    const mode = (Number(stat.mode) & 0o7777).toString(8);
    found[path.relative(dir, at) || '.'] = `${mode} ${content(at, stat)}${times ? ` ${stat.mtimeNs}` : ''}`;
    if (stat.isDirectory()) for (const name of fs.readdirSync(at).sort()) walk(path.join(at, name));
  };
  walk(dir);
  return found;
}
