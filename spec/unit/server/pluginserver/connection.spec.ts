import { afterEach, describe, expect, it } from '@jest/globals';
import { encode } from '../../../../src/protocol/message';
import { rpcCall } from '../../../../src/protocol/rpc-messages';
import type { InstanceSource } from '../../../../src/server/pluginserver/instances';
import { loadPlugin } from '../../../../src/server/pluginserver/plugin-module';
import { KongSide } from '../../../support/kong-side';
import { type LocalServer, startLocalServer } from '../../../support/local-server';
import { SCRIPTED_PLUGIN } from '../../../support/server-process';

const scripted = loadPlugin(SCRIPTED_PLUGIN);
const NEVER = new Promise<never>(() => undefined);

describe('a connection from Kong', () => {
  let local: LocalServer;
  let kong: KongSide;
  const start = async (options: Parameters<typeof startLocalServer>[0]): Promise<void> => {
    local = await startLocalServer(options);
    kong = await KongSide.connect(local.socketPath);
  };
  const sourceWith = (source: Partial<InstanceSource>): InstanceSource => ({
    register: () => 1,
    find: () => undefined,
    close: () => undefined,
    ...source,
  });
  afterEach(async () => {
    await kong.close();
    await local.stop();
  });

  it.each(['helper', 'constructor', 'toString', '__proto__', ''])(
    'is refused a phase that the plugin does not announce, and its method is not called: %j',
    async (phase) => {
      let calls = 0;
      const access = (): void => void (calls += 1);
      const instance = { access, helper: access };
      await start({ plugin: { ...scripted, instantiate: () => instance } });
      const id = (await kong.start({}))!;
      await expect(kong.event(id, {}, phase)).resolves.toMatchObject({ outcome: 'exit', status: 500 });
      expect(calls).toBe(0);
      expect(local.logs.join()).toContain('the plugin has no such phase');
    },
  );

  it('is closed some time after its last word when Kong does not close it', async () => {
    await start({ deadlineMs: 50 });
    const id = (await kong.start({ behaviour: 'exit' }))!;
    kong.send(encode(rpcCall, { sequence: 1, handleEvent: { instanceId: id, eventName: 'access' } }));
    expect((await kong.receive())?.toString()).toBe('kong.response.exit');
    await kong.closed;
    await local.isQuiet();
  });

  it('is refused when the configuration of an instance cannot be had', async () => {
    await start({ source: sourceWith({ find: () => Promise.reject(new Error('the supervisor does not answer')) }) });
    await expect(kong.event(7)).resolves.toMatchObject({ outcome: 'exit', status: 500, calls: [{}] });
    expect(local.logs.join()).toContain('the instance could not be made');
  });

  it('is refused by the deadline when nobody answers for the configuration of an instance', async () => {
    await start({ source: sourceWith({ find: () => NEVER }) });
    const end = kong.event(7);
    while (local.server.eventCount === 0) await new Promise(setImmediate);
    local.advance(1_000);
    await expect(end).resolves.toMatchObject({ outcome: 'exit', status: 500 });
    expect(local.logs.join()).toContain('the plugin took longer than the deadline');
  });

  it('is closed when an instance cannot be registered, and the instance is not kept', async () => {
    await start({
      source: sourceWith({ register: () => Promise.reject(new Error('the supervisor does not answer')) }),
    });
    await expect(kong.start({ behaviour: 'exit' })).resolves.toBeUndefined();
    expect(local.server.instances.size).toBe(0);
  });
});
