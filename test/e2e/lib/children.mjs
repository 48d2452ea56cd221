// Processes that a test starts: their output kept, each ended by its pid.
import { spawn, spawnSync } from 'node:child_process';
import { until, within } from './until.mjs';

const OUTPUT_KEPT = 1 << 20;

// A run that is cut short must not leave its daemons behind.
const running = new Set();
process.on('exit', endChildren);
// A second signal, which node's test runner sends, must not end this process in the middle of that.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => process.exit(1));

export class Child {
  constructor(command, args, options = {}) {
    this.name = options.name ?? command;
    this.stdout = '';
    this.stderr = '';
    this.process = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], ...options });
    this.pid = this.process.pid;
    this.process.stdin.on('error', () => {}); // the child may end before it has read all
    for (const stream of ['stdout', 'stderr']) {
      this.process[stream].setEncoding('utf8');
      this.process[stream].on('data', (text) => {
        this[stream] = (this[stream] + text).slice(-OUTPUT_KEPT);
      });
    }
    this.exited = new Promise((resolve) => {
      this.process.once('error', (error) => resolve({ code: null, signal: null, error }));
      this.process.once('close', (code, signal) => resolve({ code, signal }));
    });
    this.running = true;
    running.add(this.process);
    this.exited.then((how) => {
      this.running = false;
      running.delete(this.process);
      this.how = how;
    });
  }

  /** Waits until this stream's text matches, and returns the match. */
  wait(pattern, { stream = 'stderr', timeout = 20_000 } = {}) {
    return until(`${pattern} from ${this.name}`, () => {
      const match = pattern.exec(this[stream]);
      if (match) return match;
      if (!this.running) throw new Error(`${this.name} ended (${JSON.stringify(this.how)}) before ${pattern}\n${this.text()}`);
      return null;
    }, { timeout, explain: () => this.text() });
  }

  kill(signal = 'SIGTERM') {
    if (this.running) this.process.kill(signal);
  }

  end(timeout = 20_000) {
    return within(`the end of ${this.name} (${this.pid})`, this.exited, timeout, () => this.text());
  }

  text() {
    return `--- ${this.name} (${this.pid}) stdout\n${this.stdout}\n--- stderr\n${this.stderr}`;
  }
}

/** Ends what still runs: a child's pipes would keep this process from ending. */
export function endChildren() {
  for (const child of running) child.kill('SIGKILL');
}

/** Runs to the end and returns { code, stdout, stderr }. */
export async function run(command, args, options = {}) {
  const child = new Child(command, args, options);
  child.process.stdin.end(options.input ?? '');
  const { code, signal, error } = await child.end(options.timeout ?? 60_000);
  if (error) throw error;
  return { code, signal, stdout: child.stdout, stderr: child.stderr };
}

/** Whether a program is found in PATH. */
export function have(program) {
  return spawnSync('sh', ['-c', `command -v ${program}`], { env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` } }).status === 0;
}
