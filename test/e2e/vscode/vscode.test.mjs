// delvegate with the real VS Code, over ssh: each scenario in a workbench and on a Go machine of its own. SCENARIO=name
// plays one of them, or several names, with pictures in build/vscode/shots/name.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { REMOVE } from '../harness.mjs';
import { haveSshd } from '../lib/sshd.mjs';
import { openBrowser } from './lib/codeserver.mjs';
import { SCENARIO_MS, play, scenarios } from './lib/scenario.mjs';
import './scenarios/debugging.mjs';
import './scenarios/endings.mjs';
import './scenarios/restart.mjs';

const wanted = (process.env.SCENARIO ?? '').split(/[\s,]+/).filter(Boolean);
for (const name of wanted) {
  if (!scenarios.some((s) => s.name === name)) throw new Error(`no scenario '${name}': there are ${scenarios.map((s) => s.name).join(', ')}`);
}
const chosen = scenarios.filter(({ name }) => wanted.length === 0 || wanted.includes(name));

describe('VS Code', { skip: haveSshd ? false : 'no sshd on this machine that lets in who runs the tests' }, () => {
  let browser;
  let home;
  before(async () => {
    home = fs.mkdtempSync(path.join(os.tmpdir(), 'browser-'));
    process.on('exit', () => fs.rmSync(home, REMOVE));
    browser = await openBrowser(home);
  });
  after(() => browser?.close());
  for (const one of chosen) test(`${one.name}: ${one.title}`, { timeout: SCENARIO_MS }, () => play(one, browser));
});
