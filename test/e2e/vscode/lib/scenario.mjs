// One scenario: a Go machine behind a real sshd, delvegate, a folder with a program, and VS Code with that folder open. In
// its end nothing may be left on the Go machine, and delvegate must end well.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { BlockedBuild, LAUNCH_MS, REMOVE, World, line, proc } from '../../harness.mjs';
import { CodeServer, INSTALLED } from './codeserver.mjs';
import { Workbench } from './workbench.mjs';

export const SCENARIO_MS = 600_000;
const SHOTS = path.join(INSTALLED, 'shots');

export const scenarios = [];

/**
 * name: of its own, for SCENARIO=name. title: what is proved. source: of main.go. held: whether builds wait until they are
 * told to go on. The other options are those of World. body: is given { w, vs, main, at, stopped, build }: the world, the
 * workbench, the path of main.go, the line of a mark in it, and what is below.
 */
export function scenario(name, title, { source, held = false, ...options }, body) {
  scenarios.push({ name, title, source, held, options, body });
}

/** Builds that wait before they link. */
class HeldBuild {
  constructor(w) {
    this.w = w;
    this.block = new BlockedBuild(w.at('tmp'));
    this.launch = { buildFlags: this.block.buildFlags };
  }

  /** Waits for a linker that waits, another one than before, and returns its pid. */
  waits(before) {
    const { script } = this.block;
    const isLinker = (args) => args.includes(script) && args.some((a) => a.endsWith('/link')) && !args.includes('-V=full');
    return this.w.process('the linker to wait', (args, pid) => pid !== before && isLinker(args), { timeout: LAUNCH_MS });
  }

  /** Lets it go on. */
  release() {
    this.block.release();
  }

  close() {
    this.block.close();
  }
}

/**
 * Waits for a stop at this line with these variables, in a program other than `before` that shows its pid in a variable,
 * and returns that pid: a stop that is still shown and no more there is none.
 */
async function stopped({ w, vs }, line, variables, before) {
  const { variables: { pid } } = await vs.stoppedAt(line, variables, (s) => Number(s.variables.pid) !== before
    && proc.exe(s.variables.pid).startsWith(`${w.runDirs}/`));
  return Number(pid);
}

/** Files that a Delve would leave in the tree. */
function debugBinaries(dir) {
  return fs.readdirSync(dir, { recursive: true }).filter((file) => path.basename(String(file)).startsWith('__debug_bin'));
}

export async function play({ name, source, held, options, body }, browser) {
  const w = new World({ transport: 'ssh', ...options });
  const shots = path.join(SHOTS, name);
  let build;
  let server;
  let vs;
  fs.rmSync(shots, REMOVE);
  fs.mkdirSync(shots, { recursive: true });
  try {
    await w.start();
    if (held) build = new HeldBuild(w);
    const dir = w.at(`src/${name}`);
    const main = path.join(dir, 'main.go');
    fs.mkdirSync(path.join(dir, '.vscode'), { recursive: true });
    fs.writeFileSync(path.join(dir, 'go.mod'), 'module example.com/app\n\ngo 1.18\n');
    fs.writeFileSync(main, source);
    fs.writeFileSync(path.join(dir, '.vscode/launch.json'), JSON.stringify({
      version: '0.2.0',
      configurations: [{
        name: 'on gomachine', type: 'go', request: 'launch', mode: 'debug', program: '${workspaceFolder}', debugServer: w.port, ...build?.launch,
      }],
    }, null, 2));
    server = await CodeServer.start(fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'code-'))));
    w.spared.add(server.pid);
    vs = await Workbench.open(browser, server, { folder: dir, file: main, shots: process.env.SCENARIO ? shots : undefined });
    await body({ w, vs, main, at: (mark) => line(main, mark), stopped: (...which) => stopped({ w, vs }, ...which), build });
    await w.nothingLeft();
    assert.deepEqual(debugBinaries(dir), []);
    if (!vs.page.isClosed()) assert.deepEqual((await vs.state()).dialogs, [], 'a dialog was shown');
    assert.equal(w.daemon.running, true, 'delvegate has ended');
  } catch (error) {
    const failed = path.join(shots, 'failed.png');
    if (vs) await vs.page.screenshot({ path: failed }).catch((e) => { process.stderr.write(`no picture: ${e.message}\n`); });
    throw new Error(`${error.stack ?? error}\nthe screen: ${failed}\n${w.logs()}\n${server?.child.text() ?? ''}`);
  } finally {
    if (vs) await vs.close();
    if (server) await server.stop();
    build?.close();
    await w.stop();
  }
}
