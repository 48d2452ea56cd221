// Waiting for a condition, never for a length of time: a deadline only says when to give up.

const POLL_MS = 20;
// GDB=1: somebody looks at delvegate with a debugger, and nothing is late.
export const PATIENCE = process.env.GDB ? 1000 : 1;

/**
 * Calls check() until it returns something truthy and resolves with that.
 * Rejects when the deadline has passed; explain() then adds what was seen instead.
 */
export async function until(what, check, { timeout = 20_000, explain } = {}) {
  const end = Date.now() + timeout * PATIENCE;
  for (;;) {
    const value = await check();
    if (value) return value;
    if (Date.now() > end) {
      const seen = explain ? `\n${await explain()}` : '';
      throw new Error(`gave up after ${timeout} ms waiting for ${what}${seen}`);
    }
    await new Promise((wake) => setTimeout(wake, POLL_MS));
  }
}

/** Rejects when promise has not settled within timeout. */
export async function within(what, promise, timeout = 20_000, explain) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => {
      const seen = explain ? `\n${explain()}` : '';
      reject(new Error(`gave up after ${timeout} ms waiting for ${what}${seen}`));
    }, timeout * PATIENCE);
    timer.unref(); // a wait that nobody needs any more does not keep the tests from ending
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
