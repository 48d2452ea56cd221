// The user units under the real `systemd --user`: test/systemd/run makes the place for it.
import { after, before, describe } from 'node:test';
import { Manager } from './manager.mjs';
import { Service } from './service.mjs';
import { life } from './life.mjs';
import { activation } from './activation.mjs';

describe(`systemd --user (${process.env.KIND})`, () => {
  const manager = new Manager();
  before(() => manager.start());
  after(() => manager.stop());

  describe('the local transport', () => {
    const w = new Service({ transport: 'local', daemon: false });
    before(() => w.start());
    after(() => w.stop());
    life(w);
    activation(w);
  });
});
