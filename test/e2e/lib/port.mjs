import net from 'node:net';

const given = new Set(); // the kernel may choose the same port again as long as nobody listens on it

/** A TCP port that was free a moment ago, chosen by the kernel; never the same one twice. */
export async function freePort(host = '127.0.0.1') {
  let port;
  do port = await choose(host);
  while (given.has(port));
  given.add(port);
  return port;
}

function choose(host) {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', reject);
    server.listen(0, host, () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
