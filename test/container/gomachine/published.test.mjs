// The container as it runs by default: sshd behind a port that the engine publishes. Run by test/container/gomachine/run, in
// a network namespace, after gomachine.test.mjs, which has built the image.
import assert from 'node:assert/strict';
import { podman } from './lib/gomachine.mjs';
import { machine, wholeSession } from './lib/machine.mjs';

machine('a container with a published port', { published: true }, (check) => {
  check('a whole session', wholeSession);

  check('it is published on loopback alone', async (m) => {
    const { stdout } = await podman(['port', m.name]);
    assert.match(stdout, /^22\/tcp -> 127\.0\.0\.1:\d+\n$/);
  });
});
