// The go commands of this machine, each with a dlv that fits it: the installed ones, and those that
// test/modgraph/fetch-go.sh has put into build/go.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const BUILD = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../build/go');
const WANTED = ['1.24', '1.27'];

const which = (program) => {
  try {
    return execFileSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).trim();
  } catch {
    return null; // there is none
  }
};

function described(root, dlv) {
  const version = execFileSync(path.join(root, 'bin/go'), ['env', 'GOVERSION'], { encoding: 'utf8', env: { ...process.env, GOTOOLCHAIN: 'local', GOROOT: '', GOFLAGS: '' } }).trim();
  return { root, dlv, version };
}

/** { found: [{ root, dlv, version }], missing: [why] }. all: not only the go that comes first in PATH. */
export async function goes({ all }) {
  const found = [];
  const missing = [];
  const go = which('go');
  const dlv = which('dlv');
  if (go && dlv) found.push(described(execFileSync(go, ['env', 'GOROOT'], { encoding: 'utf8' }).trim(), dlv));
  else missing.push('no go and dlv in PATH');
  for (const minor of all ? WANTED : []) {
    const at = path.join(BUILD, minor, 'usr');
    const root = path.join(at, `lib/go-${minor}`);
    if (found.some(({ version }) => version.startsWith(`go${minor}`))) continue;
    if (fs.existsSync(path.join(root, 'bin/go')) && fs.existsSync(path.join(at, 'bin/dlv'))) found.push(described(root, path.join(at, 'bin/dlv')));
    else missing.push(`Go ${minor} is left out: it is not in build/go (test/modgraph/fetch-go.sh gets it from Debian's archive)`);
  }
  return { found, missing };
}
