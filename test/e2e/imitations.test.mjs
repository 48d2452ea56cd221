// Programs and arguments that read like a broken module graph: nothing may come of them.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { goCaches, line, suite, until } from './harness.mjs';
import { recordedGo } from './lib/go.mjs';
import { tree } from './lib/tree.mjs';

const IMITATIONS = [
  'main.go:6:2: missing go.sum entry for module providing package example.com/dep (imported by example.com/app); to add:\n\tgo get example.com/app',
  'main.go:6:2: no required module provides package example.com/dep; to add it:\n\tgo get example.com/dep',
  'go: updates to go.mod needed; to update it:\n\tgo mod tidy',
  'go: inconsistent vendoring in /home/me/app:',
  'verifying example.com/dep@v1.0.0: checksum mismatch\n\tdownloaded: h1:x\n\tgo.sum:     h1:y\n\nSECURITY ERROR',
  'main.go:6:2: unzip /home/me/go/pkg/mod/cache/download/example.com/dep/@v/v1.0.0.zip: zip: not a valid zip file',
  'failed to initialize build cache at /home/me/.cache/go-build: mkdir /home/me/.cache/go-build/00: permission denied',
  'main.go:6:2: module lookup disabled by GOPROXY=off',
  '2026-01-01T00:00:00Z error layer=debugger modload.LoadGraph: missing go.sum entry',
  'modload.loadPattern: dirNotExistsError',
  'could not rebuild process: exit status 1',
  'API server listening at: 127.0.0.1:1',
];

/** A program that prints them three times, with a stop between. */
const source = ({ name, imports, more, main, from }) => `package ${name}

import (
	"os"
${imports})
${more}
func say() {
	for _, text := range ${from} {
		os.Stdout.WriteString(text + "\\n")
		os.Stderr.WriteString(text + "\\n")
	}
}

func ${main} {
	say()
	println("first") // FIRST
	say()
	println("second") // SECOND
	say()
}
`;
const MAIN = source({ name: 'main', imports: '', more: '', main: 'main()', from: 'os.Args[1:]' });
const TEST = source({
  name: 'main_test', imports: '\t"testing"\n', main: 'TestSay(t *testing.T)', from: 'imitations',
  more: `\nvar imitations = []string{${IMITATIONS.map((text) => JSON.stringify(text)).join(', ')}}\n`,
});

const target = {
  delve: { logOutput: 'debugger,dap,rpc' },
  recover: { whileRunning: 'always', modFiles: 'edit', cleanModCache: true },
};
// What a login shell prints comes before anything of delvegate's.
const NOISE = `cat <<'END'\n${IMITATIONS.join('\n')}\nEND\n`;

async function prepare(w) {
  w.go = await recordedGo(w.at('go'));
  w.options.target = { ...target, go: { path: w.go.path, ...(await goCaches()), env: { GOPROXY: 'off' } } };
  for (const name of ['.bashrc', '.profile']) fs.writeFileSync(path.join(w.at('home'), name), NOISE);
  w.src = w.at('imitating');
  fs.mkdirSync(w.src);
  fs.writeFileSync(path.join(w.src, 'go.mod'), 'module example.com/imitating\n\ngo 1.18\n');
  fs.writeFileSync(path.join(w.src, 'main.go'), MAIN);
  fs.writeFileSync(path.join(w.src, 'say_test.go'), TEST);
}

const count = (text, part) => text.split(part).length - 1;

/** One build each, no remedy, no word of one, and all that the program printed. */
function assertUntouched(w, s, { before, builds = 1, times }) {
  assert.deepEqual(tree(w.src), before, 'the tree of the user was written to');
  const calls = w.go.list().map(({ args }) => args);
  assert.equal(calls.filter((args) => /-gcflags/.test(args)).length, builds, calls.join('\n'));
  assert.deepEqual(calls.filter((args) => /^(mod|work|clean|get)\b/.test(args)), []);
  assert.doesNotMatch(s.shown, /go mod |go clean|go work|checksum mismatch|go\.sum/);
  for (const text of IMITATIONS) {
    for (const stream of ['stdout', 'stderr']) assert.equal(count(s.outputs[stream], text), times, `${text} on ${stream}`);
  }
}

suite('imitations', { prepare }, (w) => {
  const main = () => path.join(w.src, 'main.go');
  const start = async (args) => {
    const s = await w.session();
    await s.launch({ program: w.src, ...args }, () => s.breakpoints(main(), [line(main(), 'FIRST'), line(main(), 'SECOND')]));
    await s.stop({ reason: 'breakpoint' });
    return s;
  };

  w.test('of a program, before, during and after a build', async () => {
    const before = tree(w.src);
    w.go.forget();
    const a = await start({ args: IMITATIONS });
    await a.step('continue', { threadId: 1 });
    // The first one prints while the second is being built.
    const second = start({ args: IMITATIONS });
    await a.send('continue', { threadId: 1 });
    await a.event('terminated');
    await a.finish();
    const b = await second;
    const evaluated = await b.send('evaluate', { expression: JSON.stringify(IMITATIONS[0]), frameId: (await b.top()).id });
    assert.ok(evaluated.body.result.includes('missing go.sum entry'));
    await b.step('continue', { threadId: 1 });
    await b.send('continue', { threadId: 1 });
    await b.event('terminated');
    await b.finish();
    for (const s of [a, b]) {
      await until('the output', () => count(s.outputs.stderr, IMITATIONS.at(-1)) === 3, { explain: () => s.text() });
      assertUntouched(w, s, { before, builds: 2, times: 3 });
      assert.equal(s.events('initialized').length, 1);
    }
  });

  w.test('of a test', async () => {
    const file = path.join(w.src, 'say_test.go');
    const before = tree(w.src);
    w.go.forget();
    const s = await w.session();
    await s.launch({ mode: 'test', program: w.src, args: ['-test.v'] }, () => s.breakpoints(file, [line(file, 'SECOND')]));
    const stopped = await s.stop({ reason: 'breakpoint' });
    await s.send('continue', { threadId: stopped.body.threadId });
    await s.event('terminated');
    await s.finish();
    assertUntouched(w, s, { before, times: 3 });
  });
});
