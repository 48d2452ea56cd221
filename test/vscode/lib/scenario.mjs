// One scenario: a Go machine behind a real sshd, delvegate, a folder with a program, and VS Code with that folder open. In
// its end nothing may be left on the Go machine, and delvegate must end well.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { REMOVE, World, line } from '../../e2e/harness.mjs';
import { CodeServer, INSTALLED } from './codeserver.mjs';
import { Workbench } from './workbench.mjs';

export const SCENARIO_MS = 300_000;
const SHOTS = path.join(INSTALLED, 'shots');

export const scenarios = [];

/**
 * name: of its own, for SCENARIO=name. title: what is proved. options: those of World, and launch: more of launch.json.
 * body: is given { w, vs, main, dir, at }: the world, the workbench, the program's file and folder, and the line of a mark.
 */
export function scenario(name, title, { source, launch, ...options }, body) {
  scenarios.push({ name, title, source, launch, options, body });
}

/** Files that a Delve would leave in the tree. */
function debugBinaries(dir) {
  return fs.readdirSync(dir, { recursive: true }).filter((file) => path.basename(String(file)).startsWith('__debug_bin'));
}

export async function play({ name, source, launch, options, body }, browser) {
  const w = new World({ transport: 'ssh', ...options });
  const shots = path.join(SHOTS, name);
  let server;
  let vs;
  fs.rmSync(shots, REMOVE);
  fs.mkdirSync(shots, { recursive: true });
  try {
    await w.start();
    const dir = w.at(`src/${name}`);
    const main = path.join(dir, 'main.go');
    fs.mkdirSync(path.join(dir, '.vscode'), { recursive: true });
    fs.writeFileSync(path.join(dir, 'go.mod'), 'module example.com/app\n\ngo 1.18\n');
    fs.writeFileSync(main, source);
    fs.writeFileSync(path.join(dir, '.vscode/launch.json'), JSON.stringify({
      version: '0.2.0',
      configurations: [{
        name: 'on gomachine', type: 'go', request: 'launch', mode: 'debug', program: '${workspaceFolder}', debugServer: w.port, ...launch?.(w),
      }],
    }, null, 2));
    server = await CodeServer.start(fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'code-'))));
    w.spared.add(server.pid);
    vs = await Workbench.open(browser, server, { folder: dir, file: main, shots: process.env.SCENARIO ? shots : undefined });
    await body({ w, vs, dir, main, at: (mark) => line(main, mark) });
    await w.nothingLeft();
    assert.deepEqual(debugBinaries(dir), []);
    assert.deepEqual((await vs.state()).dialogs, [], 'a dialog was shown');
    assert.equal(w.daemon.running, true, 'delvegate has ended');
  } catch (error) {
    const failed = path.join(shots, 'failed.png');
    if (vs) await vs.page.screenshot({ path: failed }).catch((e) => { process.stderr.write(`no picture: ${e.message}\n`); });
    throw new Error(`${error.stack ?? error}\nthe screen: ${failed}\n${w.logs()}\n${server?.child.text() ?? ''}`);
  } finally {
    if (vs) await vs.close();
    if (server) await server.stop();
    await w.stop();
  }
}
