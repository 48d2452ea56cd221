// The user units under the real `systemd --user`: test/install/systemd/run makes the place for it.
import { after, before, describe } from 'node:test';
import { haveSshd } from '../../e2e/harness.mjs';
import { activation } from './activation.mjs';
import { agents } from './agent.mjs';
import { crash } from './crash.mjs';
import { life } from './life.mjs';
import { confined, log } from './log.mjs';
import { Manager } from './manager.mjs';
import { Service } from './service.mjs';
import { readme } from './readme.mjs';
import { times } from './times.mjs';

describe(`systemd --user (${process.env.KIND})`, () => {
  const manager = new Manager();
  before(() => manager.start());
  after(() => manager.stop());

  for (const [transport, groups] of [['local', [life, activation, crash, log, readme, times]], ['ssh', [confined, agents]]]) {
    describe(`the ${transport} transport`, { skip: transport === 'ssh' && !haveSshd && 'no sshd on this machine' }, () => {
      const w = new Service({ transport, daemon: false });
      before(() => w.start());
      after(() => w.stop());
      for (const group of groups) group(w);
    });
  }
});
