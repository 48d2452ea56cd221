// A connection that sends bytes as they are given: for what no DAP client would send.
import net from 'node:net';
import { within } from './until.mjs';

export const frame = (value) => {
  const body = typeof value === 'string' ? Buffer.from(value) : Buffer.from(JSON.stringify(value));
  return Buffer.concat([Buffer.from(`Content-Length: ${body.length}\r\n\r\n`), body]);
};

export class Raw {
  static open(port, host = '127.0.0.1') {
    const raw = new Raw();
    raw.received = Buffer.alloc(0);
    raw.socket = net.createConnection({ port, host });
    raw.socket.on('data', (data) => { raw.received = Buffer.concat([raw.received, data]); });
    raw.socket.on('error', (error) => { raw.error = error.code; });
    raw.closed = new Promise((resolve) => raw.socket.once('close', () => resolve(true)));
    return new Promise((resolve, reject) => {
      raw.socket.once('connect', () => resolve(raw));
      raw.socket.once('error', reject);
    });
  }

  write(data) {
    return new Promise((resolve) => this.socket.write(data, () => resolve()));
  }

  /** Waits for the other side to close, and returns what it had sent. */
  async rest(timeout = 10_000) {
    await within('the connection to be closed', this.closed, timeout, () => `received: ${JSON.stringify(this.received.toString('latin1').slice(0, 500))}`);
    return this.received.toString('latin1');
  }

  /** The whole messages received so far. */
  messages() {
    const out = [];
    let at = 0;
    for (;;) {
      const end = this.received.indexOf('\r\n\r\n', at);
      if (end < 0) return out;
      const length = Number(/Content-Length: (\d+)/.exec(this.received.toString('latin1', at, end))[1]);
      if (this.received.length < end + 4 + length) return out;
      out.push(JSON.parse(this.received.toString('utf8', end + 4, end + 4 + length)));
      at = end + 4 + length;
    }
  }

  destroy() {
    this.socket.destroy();
  }
}
