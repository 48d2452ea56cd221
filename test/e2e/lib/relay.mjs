// A TCP relay on loopback between delvegate's side and sshd: the network, for a test that breaks it.
import net from 'node:net';

export class Relay {
  /** Listens on a port of its own; what connects is carried to target, a port of 127.0.0.1. */
  static async start(target) {
    const relay = new Relay();
    relay.target = target;
    relay.pairs = new Set();
    relay.isSilent = false;
    relay.delay = 0; // ms each way, from the next connection on
    relay.accepted = 0;
    await relay.open();
    return relay;
  }

  /** Listens, on the port that it had before if there was one. */
  open() {
    this.server = net.createServer((near) => this.carry(near));
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(this.port ?? 0, '127.0.0.1', () => {
        this.port = this.server.address().port;
        resolve();
      });
    });
  }

  carry(near) {
    const far = net.createConnection(this.target, '127.0.0.1');
    const pair = [near, far];
    this.accepted++;
    this.pairs.add(pair);
    const { delay } = this;
    const later = delay ? (action) => setTimeout(action, delay) : (action) => action();
    for (const [from, to] of [[near, far], [far, near]]) {
      from.setNoDelay(true);
      from.on('data', (bytes) => later(() => to.write(bytes)));
      from.on('end', () => later(() => to.end()));
      from.on('error', () => to.resetAndDestroy());
      from.on('close', () => { later(() => to.destroy()); this.pairs.delete(pair); });
    }
    if (this.isSilent) for (const socket of pair) socket.pause();
  }

  /** Every connection is reset, at both ends. */
  reset() {
    for (const pair of [...this.pairs]) for (const socket of pair) socket.resetAndDestroy();
  }

  /** From now on nothing passes: the connections stay, and new ones are taken and carry nothing. */
  silence() {
    this.isSilent = true;
    for (const pair of this.pairs) for (const socket of pair) socket.pause();
  }

  /** What was held back passes. */
  speak() {
    this.isSilent = false;
    for (const pair of this.pairs) for (const socket of pair) socket.resume();
  }

  /** Resets what there is and refuses what comes, until open(). */
  async close() {
    const closed = new Promise((resolve) => { this.server.close(resolve); });
    this.reset();
    await closed;
  }

  async stop() {
    if (this.server.listening) await this.close();
  }
}
