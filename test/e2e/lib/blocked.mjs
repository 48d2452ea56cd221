// A build that waits: a -toolexec program that stops before the linker until it is told to go on. The `go build` that
// runs is the real one.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { LAUNCH_MS } from './session.mjs';

export class BlockedBuild {
  constructor(dir) {
    this.script = path.join(dir, 'block');
    this.fifo = `${this.script}.fifo`;
    execFileSync('mkfifo', [this.fifo]);
    // -V=full asks a tool for its version, which decides what is cached: passed on, so that only the linker runs.
    fs.writeFileSync(this.script, `#!/bin/sh
case "$*" in *-V=full*) exec "$@" ;; esac
case $1 in */link)
    echo waiting >&2
    read -r word <"$0.fifo"
    ;;
esac
exec "$@"
`, { mode: 0o755 });
    this.buildFlags = `-toolexec=${this.script}`;
  }

  /** Waits until the linker waits in world w. Other tools run by the same script and are gone before one can look at them. */
  async waiting(w, options) {
    return w.process('the linker to wait', (args) => {
      const tool = args.indexOf(this.script) + 1;
      return tool > 0 && /\/link$/.test(args[tool] ?? '') && !args.includes('-V=full');
    }, { timeout: LAUNCH_MS, ...options });
  }

  /** Lets one build go on. */
  release() {
    this.fd ??= fs.openSync(this.fifo, 'r+'); // reading and writing: does not wait for the other side
    fs.writeSync(this.fd, 'go\n');
  }

  close() {
    if (this.fd !== undefined) fs.closeSync(this.fd);
  }
}
