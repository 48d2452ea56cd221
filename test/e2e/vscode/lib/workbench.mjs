// The workbench as its user sees it: what is on the screen, and what a hand does there.
import fs from 'node:fs';
import path from 'node:path';
import { until } from '../../harness.mjs';

const LOAD_MS = 180_000;
const SEE_MS = 120_000;
const VIEWPORT = { width: 1400, height: 900 };

// Runs in the page from its beginning: a dialog is a fault wherever it comes from, and may be gone when one looks.
function rememberDialogs() {
  const kinds = { dialogs: '.monaco-dialog-box', toasts: '.notification-toast' };
  const seen = { dialogs: [], toasts: [] };
  globalThis.delvegateSeen = seen;
  const remember = (kind, node) => {
    const at = seen[kind].push('(empty)') - 1;
    requestAnimationFrame(() => { seen[kind][at] = node.textContent || seen[kind][at]; });
  };
  new MutationObserver((records) => {
    for (const { addedNodes } of records) {
      for (const node of addedNodes) {
        if (!(node instanceof Element)) continue;
        for (const [kind, selector] of Object.entries(kinds)) {
          if (node.matches(selector)) remember(kind, node);
          for (const inside of node.querySelectorAll(selector)) remember(kind, inside);
        }
      }
    }
  }).observe(document, { childList: true, subtree: true });
}

// Runs in the page: what is on the screen, as plain data.
function look() {
  const NEAR = 4; // pixels: less than half a line
  const visible = (e) => e.getClientRects().length > 0;
  const all = (selector, root = document) => [...root.querySelectorAll(selector)].filter(visible);
  const text = (e) => (e?.textContent ?? '').replace(/\u00a0/g, ' ');
  const top = (e) => e.getBoundingClientRect().top;
  const numbers = all('.editor-instance .margin-view-overlays .line-numbers').map((e) => ({ line: Number(e.textContent), top: top(e.parentElement) }));
  const lineOf = (e) => numbers.find((n) => Math.abs(n.top - top(e)) < NEAR)?.line;
  const lines = (selector) => [...new Set(all(selector).map(lineOf))];
  const rows = (view) => all(`${view} .monaco-list-row`).sort((a, b) => Number(a.dataset.index) - Number(b.dataset.index));
  return {
    language: text(all('[id="status.editor.mode"]')[0]),
    editor: numbers.length > 0,
    yellow: lines('.editor-instance .debug-top-stack-frame-line'),
    glyphs: all('.editor-instance .glyph-margin-widgets > *').map((e) => ({ line: lineOf(e), icons: [...e.classList].filter((c) => c.startsWith('codicon-debug')) })),
    // As many as the activity bar's badge says: a session has no toolbar before its launch is answered.
    sessions: Number(text(all('.activitybar .action-item').find((e) => e.querySelector('.codicon-run-view-icon'))?.querySelector('.badge-content'))),
    toolbar: all('.debug-toolbar a.action-label').filter((e) => !e.classList.contains('disabled')).map((e) => [...e.classList].find((c) => c.startsWith('codicon-debug-'))),
    callStack: rows('.debug-call-stack').map(text),
    variables: Object.fromEntries(rows('.debug-variables').map((e) => [text(e.querySelector('.name')).replace(/\s*[=:]?\s*$/, ''), text(e.querySelector('.value'))])),
    console: rows('.repl').map((e) => {
      const row = e.cloneNode(true);
      for (const repeated of row.querySelectorAll('.monaco-count-badge')) repeated.remove();
      return text(row).trimEnd();
    }),
    input: all('.repl-input-wrapper .monaco-editor').length > 0,
    dialogs: [...new Set(globalThis.delvegateSeen.dialogs)],
    toasts: [...new Set(globalThis.delvegateSeen.toasts)],
  };
}

export class Workbench {
  /** A window of this server in a browser's context of its own. shots: where pictures go, or nothing. */
  static async open(browser, server, { folder, file, shots }) {
    const vs = new Workbench();
    vs.shots = shots;
    vs.taken = 0;
    vs.context = await browser.newContext({ viewport: VIEWPORT });
    vs.context.setDefaultTimeout(SEE_MS);
    vs.page = await vs.context.newPage();
    vs.page.on('dialog', (dialog) => dialog.accept()); // the browser's question whether to leave the page
    await vs.page.addInitScript(rememberDialogs);
    await vs.page.goto(server.window(folder, file), { timeout: LOAD_MS });
    await vs.loaded();
    return vs;
  }

  /** Waits for the editor, and until VS Code knows of the language's debugger; keys go to the editor then. */
  async loaded() {
    await this.until('the editor', (s) => s.editor && s.language === 'Go', { timeout: LOAD_MS });
    await this.hover(1);
    const box = await this.row(1);
    await this.page.mouse.click(box.x + VIEWPORT.width / 2, box.y + box.height / 2);
  }

  /** What is on the screen; null while the page is loaded anew. */
  async state() {
    try {
      this.last = await this.page.evaluate(look);
      return this.last;
    } catch (error) {
      if (/context was destroyed|Cannot read properties of undefined \(reading 'dialogs'\)|navigation/i.test(error.message)) return null;
      throw error;
    }
  }

  /** Waits until what is on the screen is as check(state) says, and returns the state; a dialog ends the scenario. */
  async until(what, check, { timeout = SEE_MS } = {}) {
    const state = await until(`${what} in the workbench`, async () => {
      const seen = await this.state();
      if (seen?.dialogs.length > 0) throw new Error(`a dialog, while waiting for ${what}: ${seen.dialogs.join('; ')}`);
      return seen && check(seen) ? seen : null;
    }, { timeout, explain: () => `on the screen: ${JSON.stringify(this.last, null, 1)}` });
    await this.shot(what);
    return state;
  }

  /** A picture, when pictures are wanted. */
  async shot(what) {
    if (!this.shots) return;
    this.taken++;
    const name = `${String(this.taken).padStart(2, '0')}-${what.replace(/[^A-Za-z0-9]+/g, '-').slice(0, 60)}.png`;
    await this.page.screenshot({ path: path.join(this.shots, name) });
  }

  press(key) {
    return this.page.keyboard.press(key);
  }

  /** Clicks a button of the debug toolbar: restart, stop, continue, step-over, ... */
  click(button) {
    return this.page.locator(`.debug-toolbar a.action-label.codicon-debug-${button}`).click();
  }

  /** The middle of a line's row in the editor's margin. */
  async row(line) {
    const number = this.page.locator('.editor-instance .margin-view-overlays .line-numbers').getByText(String(line), { exact: true });
    return number.boundingBox();
  }

  /** Moves the mouse into the gutter, left of the line's number, and waits for the hint that a click sets a breakpoint. */
  async hover(line) {
    const box = await this.row(line);
    const at = { x: box.x - 10, y: box.y + box.height / 2 };
    await until(`the gutter's hint at line ${line}`, async () => {
      await this.page.mouse.move(at.x, at.y + box.height);
      await this.page.mouse.move(at.x, at.y);
      return (await this.state())?.glyphs.some((g) => g.line === line && g.icons.includes('codicon-debug-hint'));
    }, { timeout: SEE_MS, explain: () => JSON.stringify(this.last) });
    return at;
  }

  /** Sets a breakpoint with a click in the gutter. */
  async setBreakpoint(line) {
    const at = await this.hover(line);
    await this.page.mouse.click(at.x, at.y);
    await this.hasBreakpoint(line);
  }

  hasBreakpoint(line) {
    return this.until(`a breakpoint at line ${line}`, (s) => s.glyphs.some((g) => g.line === line && g.icons.includes('codicon-debug-breakpoint')));
  }

  /** Writes another text in the place of a line's, but for what it is indented by, and saves. */
  async edit(file, line, text) {
    const box = await this.row(line);
    await this.page.mouse.click(box.x + VIEWPORT.width / 2, box.y + box.height / 2);
    await this.press('End');
    await this.press('Shift+Home');
    await this.page.keyboard.type(text);
    await this.press('Control+s');
    await until(`${file} to be saved`, () => fs.readFileSync(file, 'utf8').split('\n')[line - 1]?.trim() === text, {
      explain: () => fs.readFileSync(file, 'utf8'),
    });
    await this.shot(`saved ${text}`);
  }

  /** Shows the Debug Console before there is a session: VS Code does that by itself when Delve is there. */
  async openConsole() {
    await this.press('Control+Shift+Y');
    await this.until('the Debug Console', (s) => s.input);
  }

  /** Types an expression in the Debug Console. */
  async evaluate(expression) {
    await this.page.locator('.repl-input-wrapper .monaco-editor').click();
    await this.page.keyboard.type(expression);
    await this.press('Enter');
  }

  /** Waits for a stop at this line, with the toolbar of a stopped session, these variables, and whatever else check says. */
  stoppedAt(line, variables = {}, check = () => true) {
    const wanted = Object.entries(variables);
    return this.until(`the yellow line at ${line}${wanted.map(([name, value]) => ` with ${name} = ${value}`).join('')}`, (s) => s.yellow.length === 1
      && s.yellow[0] === line && s.toolbar.includes('codicon-debug-continue') && wanted.every(([name, value]) => s.variables[name] === value) && check(s));
  }

  /** Waits for text in the Debug Console. */
  says(pattern, options) {
    return this.until(`${pattern} in the Debug Console`, (s) => pattern.test(s.console.join('\n')), options);
  }

  /** Waits until no session is shown. */
  ended() {
    return this.until('no session', (s) => s.sessions === 0 && s.toolbar.length === 0 && s.yellow.length === 0);
  }

  /** Stop, by its key: while a launch is pending there is no button. */
  async stop() {
    await this.press('Shift+F5');
    await this.ended();
  }

  async reload() {
    await this.page.reload({ timeout: LOAD_MS });
    await this.loaded();
  }

  close() {
    return this.context.close();
  }
}
