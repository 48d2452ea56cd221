// What the tool prints with `print`, checked as it comes: complete and in order.
import assert from 'node:assert/strict';
import { until } from './until.mjs';

const MORE = 100_000; // bytes
const MORE_MS = 60_000;

export class Printed {
  /** From now on session s shows it here. */
  constructor(s) {
    this.texts = { stdout: '', stderr: '' };
    this.next = { stdout: 0, stderr: 0 };
    this.bytes = 0;
    this.wrong = null;
    s.onOutput = (category, text) => {
      if (this.texts[category] === undefined) s.outputs[category] = (s.outputs[category] ?? '') + text;
      else this.take(category, text);
    };
  }

  take(category, text) {
    this.bytes += text.length;
    const lines = (this.texts[category] + text).split('\n');
    this.texts[category] = lines.pop();
    for (const line of lines) {
      if (/^printing/.test(line)) continue;
      const number = this.next[category]++;
      const wanted = category === 'stdout' ? String(number).padStart(99, '0') : String(number);
      if (line !== wanted) this.wrong ??= `${category}: ${line} instead of ${wanted}`;
    }
  }

  /** Waits for more of it. */
  async more() {
    const from = this.bytes;
    await until('more output', () => this.wrong || this.bytes > from + MORE, { timeout: MORE_MS });
    assert.equal(this.wrong, null);
  }
}
