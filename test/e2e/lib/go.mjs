// The go command, with each call of it written down.
import fs from 'node:fs';
import path from 'node:path';
import { run } from './children.mjs';

// What decides which checks Go makes: never to be loosened.
export const CHECKS = { GOSUMDB: 'off', GONOSUMDB: '', GONOSUMCHECK: '', GOINSECURE: '', GOPRIVATE: '' };

/** A go command that writes down each call: the arguments, then the variables that CHECKS names. */
export async function recordedGo(dir) {
  const real = (await run('sh', ['-c', 'command -v go'])).stdout.trim();
  const calls = path.join(dir, 'calls');
  fs.mkdirSync(path.join(dir, 'bin'), { recursive: true });
  fs.writeFileSync(path.join(dir, 'bin/go'), `#!/bin/sh
printf '%s\\t' "$*" ${Object.keys(CHECKS).map((name) => `"$${name}"`).join(' ')} >>'${calls}'
echo >>'${calls}'
exec '${real}' "$@"
`, { mode: 0o755 });
  fs.writeFileSync(calls, '');
  return {
    path: path.join(dir, 'bin/go'),
    forget: () => fs.writeFileSync(calls, ''),
    list: () => fs.readFileSync(calls, 'utf8').split('\n').filter(Boolean).map((l) => {
      const [args, ...values] = l.split('\t');
      return { args, checks: Object.fromEntries(Object.keys(CHECKS).map((name, i) => [name, values[i]])) };
    }),
  };
}
