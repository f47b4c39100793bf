import { afterEach, describe, expect, it } from '@jest/globals';
import { encode } from '../../../../src/protocol/message';
import { rpcCall } from '../../../../src/protocol/rpc-messages';
import { HANDLER_MEMBER } from '../../../../src/protocol/verdict';
import type { InstanceSource } from '../../../../src/server/pluginserver/instances';
import { loadPlugin, type PluginInstance } from '../../../../src/server/pluginserver/plugin-module';
import { routeDecisionChannel } from '../../../../src/telemetry/channels';
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

  it('carries one call after the other, and each is answered by its number', async () => {
    await start({});
    const id = (await kong.start({ behaviour: 'set-tag', tag: 'a' }))!;
    const other = (await kong.start({ behaviour: 'set-tag', tag: 'b' }))!;
    for (const [instance, tag] of [
      [id, 'a'],
      [other, 'b'],
      [id, 'a'],
    ] as const) {
      await expect(kong.event(instance)).resolves.toMatchObject({
        outcome: 'proceed',
        calls: [{ method: 'kong.service.request.set_headers', args: [{ 'X-Tag': tag }] }],
      });
    }
    expect(local.logs).toHaveLength(2);
  });

  it('is closed for an instance that nobody knows, so that Kong starts it anew', async () => {
    await start({});
    const outcome = local.nextOutcome();
    await expect(kong.event(99)).resolves.toEqual({ outcome: 'closed', calls: [] });
    await expect(outcome).resolves.toBe('abandoned');
    expect(local.logs.join()).toContain('unknown instance');
  });

  it('is told that an instance was closed, and closed itself when that instance is asked for', async () => {
    await start({});
    const instanceId = (await kong.start({ behaviour: 'exit' }))!;
    const answer = await kong.call({ closeInstance: { instanceId } });
    expect(answer).toMatchObject({ instanceStatus: { name: 'scripted', instanceId } });
    expect([local.registry.size, local.server.instances.size]).toEqual([0, 0]);
    await expect(kong.event(instanceId)).resolves.toMatchObject({ outcome: 'closed' });
  });

  it('is closed when it starts an instance of another plugin', async () => {
    await start({});
    await expect(kong.start({ behaviour: 'exit' }, 'other')).resolves.toBeUndefined();
    expect(local.registry.size).toBe(0);
  });

  it.each([
    ['what is no call', Buffer.from('0aff', 'hex')],
    ['a call that is none of Kong’s', encode(rpcCall, { sequence: 1 })],
    ['a report that is none', encode(rpcCall, { sequence: 1, report: 'x' })],
  ])('is closed when it says %s', async (_, payload) => {
    await start({});
    kong.send(payload);
    await expect(kong.receive()).resolves.toBeUndefined();
    expect(local.logs.join()).toContain('Kong sent something that cannot be read');
  });

  it.each([
    ['a frame that no call asked for', (): unknown => kong.socket.write(Buffer.from('0100000078', 'hex'))],
    ['a frame of a length that no frame has', (): unknown => kong.socket.write(Buffer.alloc(4, 0xff))],
  ])('is refused its request when it sends %s during an event', async (_, send) => {
    await start({});
    const id = (await kong.start({ behaviour: 'never-settle' }))!;
    const end = kong.event(id);
    while (local.server.eventCount === 0) await new Promise(setImmediate);
    send();
    await expect(end).resolves.toMatchObject({ outcome: 'exit', status: 500 });
    expect(local.logs.join()).toContain('Kong sent something that cannot be read');
  });

  it('is closed when it goes on to call and reads no answer', async () => {
    await start({ plugin: { ...scripted, name: 'x'.repeat(200_000) } });
    kong.socket.pause();
    for (let sequence = 1; sequence <= 20; sequence += 1) {
      kong.send(encode(rpcCall, { sequence, getPluginNames: {} }));
    }
    await local.isQuiet();
    expect(local.logs.join()).toContain('Kong sent something that cannot be read');
  });

  it('tells a health check the handler of each instance, and once why instances refuse every request', async () => {
    const access = (): undefined => undefined;
    const instantiate = (config: unknown): PluginInstance => ({ access, ...(config as object) });
    await start({ plugin: { ...scripted, instantiate } });
    for (const config of [{ problem: 'p' }, { problem: 'p', [HANDLER_MEMBER]: '1.2.3' }, { problem: 7 }]) {
      await kong.start(config);
    }
    for (let i = 0; i < 30; i += 1) await kong.start({ problem: `q${i}` });
    const { names, handlers, problems } = (await kong.call({ getPluginNames: {} }))!.pluginNames!;
    expect(names).toEqual(['scripted']);
    expect(handlers!.slice(0, 4)).toEqual(['', '1.2.3', '', '']);
    expect(problems!.slice(0, 2)).toEqual(['p', 'q0']);
    expect(problems).toHaveLength(20);
  });

  it('is answered when the handler in Kong’s worker reports what it repeated', async () => {
    await start({});
    const counted: unknown[] = [];
    const note = (message: unknown): void => void counted.push(message);
    routeDecisionChannel.subscribe(note);
    const answer = await kong.call({ report: JSON.stringify([['proceed', 3, 'orders', 'shop']]) });
    routeDecisionChannel.unsubscribe(note);
    expect(answer).toBeDefined();
    expect(counted).toMatchObject([{ route: 'orders', count: 3 }]);
  });

  it('names the plugin entry and its route in the log of a refused request', async () => {
    await start({});
    const id = (await kong.start({ behaviour: 'throw', route_id: 'r1', service_id: 's1', __plugin_id: 'p1' }))!;
    await expect(kong.event(id)).resolves.toMatchObject({ outcome: 'exit', status: 500 });
    expect(local.logs.at(-1)).toMatch(/request refused .*route_id=r1 service_id=s1 plugin_id=p1/);
    expect(local.logs.join()).not.toContain('secret');
  });
});
