import { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { encodeFrames } from '../../src/protocol/frame';
import { encode } from '../../src/protocol/message';
import { rpcCall } from '../../src/protocol/rpc-messages';
import { KongSide, ORDINARY_REQUEST } from '../support/kong-side';
import { type LocalServer, startLocalServer } from '../support/local-server';

const SECRET = 'eyJhbGciOi';

describe('the plugin server, when something breaks', () => {
  let local: LocalServer;
  let kong: KongSide;
  beforeEach(async () => {
    local = await startLocalServer();
    kong = await KongSide.connect(local.socketPath);
  });
  afterEach(async () => {
    await kong.close();
    await local.isQuiet();
    expect(local.server.eventCount).toBe(0);
    await local.stop();
  });

  const startInstance = async (config: object): Promise<number> => (await kong.start(config))!;
  const errors = (): string[] => local.logs.filter((line) => line.startsWith('error:'));

  it.each([['throw'], ['reject'], ['unknown-method'], ['swallow-bad-arguments'], ['forget-to-await']])(
    'refuses with 500 and one log line when the plugin misbehaves: %s',
    async (behaviour) => {
      const id = await startInstance({ behaviour, route_id: 'route-7', __plugin_id: 'plugin-9' });
      const end = await kong.event(id);
      expect(end).toMatchObject({ outcome: 'exit', status: 500 });
      expect(JSON.parse(end.body!)).toMatchObject({ code: 'internal_error' });
      expect(errors()).toHaveLength(1);
      expect(errors()[0]).toMatch(new RegExp(`instance=${id} phase=access route_id=route-7 plugin_id=plugin-9`));
      expect(local.logs.join()).not.toContain(SECRET);
    },
  );

  it('refuses with 500 when the plugin never settles, once the deadline has passed', async () => {
    const id = await startInstance({ behaviour: 'never-settle' });
    const ending = kong.event(id);
    while (local.server.eventCount === 0) await new Promise(setImmediate);
    local.advance(999);
    local.server.failOverdue();
    expect(local.server.eventCount).toBe(1);
    local.advance(1);
    await expect(ending).resolves.toMatchObject({ outcome: 'exit', status: 500 });
    expect(errors()).toEqual([expect.stringContaining('longer than the deadline')]);
  });

  it('refuses with 500 when Kong does not answer, once the deadline has passed', async () => {
    const id = await startInstance({ behaviour: 'set-headers' });
    const ending = kong.event(id, { 'kong.request.get_headers': () => new Promise(() => undefined) });
    void ending;
    while (local.server.eventCount === 0) await new Promise(setImmediate);
    local.advance(1_000);
    await expect(local.nextOutcome()).resolves.toBe('failed');
  });

  it('refuses with 500 when the answer to a read is garbage', async () => {
    const id = await startInstance({ behaviour: 'set-headers' });
    const end = await kong.event(id, { 'kong.request.get_headers': Buffer.from('0aff', 'hex') });
    expect(end).toMatchObject({ outcome: 'exit', status: 500 });
    expect(errors()).toEqual([expect.stringContaining('kong.request.get_headers')]);
  });

  it('refuses with 500 when a frame is announced that is larger than any can be', async () => {
    const id = await startInstance({ behaviour: 'set-headers' });
    kong.send(encode(rpcCall, { sequence: 1, handleEvent: { instanceId: id, eventName: 'access' } }));
    await kong.receive();
    await kong.receive();
    kong.socket.write(Buffer.from([0xff, 0xff, 0xff, 0x7f]));
    expect((await kong.receive())?.toString()).toBe('kong.response.exit');
  });

  it('refuses with 500 when another call comes in the middle of an event', async () => {
    const id = await startInstance({ behaviour: 'never-settle' });
    const call = encode(rpcCall, { sequence: 1, handleEvent: { instanceId: id, eventName: 'access' } });
    kong.send(call, call);
    expect((await kong.receive())?.toString()).toBe('kong.response.exit');
  });

  it('refuses with 500 when Kong calls a phase that the plugin does not have', async () => {
    const id = await startInstance({ behaviour: 'return-nothing' });
    await expect(kong.event(id, {}, 'constructor')).resolves.toMatchObject({ outcome: 'exit', status: 500 });
  });

  it('closes the connection for an instance that nobody started, so that Kong starts it', async () => {
    await expect(kong.event(12345)).resolves.toEqual({ outcome: 'closed', calls: [] });
  });

  it('closes the connection for an instance that was closed', async () => {
    const id = await startInstance({ behaviour: 'return-nothing' });
    await expect(kong.call({ closeInstance: { instanceId: id } })).resolves.toMatchObject({
      instanceStatus: { instanceId: id },
    });
    expect(local.registry.size).toBe(0);
    await expect(kong.event(id)).resolves.toMatchObject({ outcome: 'closed' });
  });

  it.each([
    ['a configuration that the plugin does not accept', { behaviour: 'refuse-config' }, 'scripted'],
    ['another plugin', { behaviour: 'return-nothing' }, 'other'],
  ])('closes the connection when Kong starts %s, and keeps nothing of it', async (_, config, name) => {
    await expect(kong.start(config, name)).resolves.toBeUndefined();
    expect(local.registry.size).toBe(0);
    expect(local.server.instances.size).toBe(0);
    expect(local.logs.join()).not.toContain(SECRET);
  });

  it('takes no more calls of a Kong that does not read what it is told', async () => {
    const id = await startInstance({ behaviour: 'set-tag', tag: 'x'.repeat(400_000) });
    kong.socket.pause();
    const call = encode(rpcCall, { sequence: 1, handleEvent: { instanceId: id, eventName: 'access' } });
    const reply = new Uint8Array();
    for (let turn = 0; turn < 10 && local.server.connectionCount > 0; turn++) {
      const outcome = local.nextOutcome();
      kong.send(call, reply);
      await Promise.race([outcome, local.isQuiet()]);
    }
    expect(local.server.connectionCount).toBe(0);
    expect(local.logs.at(-1)).toMatch(/connection closed reason="Kong sent something that cannot be read" error=Error/);
  });

  it('closes the connection when a call is no call', async () => {
    kong.send(Buffer.from('ffff', 'hex'));
    await expect(kong.receive()).resolves.toBeUndefined();
  });

  it('sends nothing more after exit, and ignores what still arrives', async () => {
    const id = await startInstance({ behaviour: 'exit-then-more' });
    kong.send(encode(rpcCall, { sequence: 1, handleEvent: { instanceId: id, eventName: 'access' } }));
    const said = [await kong.receive(), await kong.receive(), await kong.receive(), await kong.receive()];
    expect(said.filter((_, index) => index % 2 === 0).map(String)).toEqual([
      'kong.service.request.set_headers',
      'kong.response.exit',
    ]);
    kong.send(new Uint8Array(), encode(rpcCall, { sequence: 2, handleEvent: { instanceId: id, eventName: 'access' } }));
    // Another connection is served meanwhile, so this one was heard too.
    const other = await KongSide.connect(local.socketPath);
    await expect(other.event(id)).resolves.toMatchObject({ outcome: 'exit', status: 403 });
    kong.socket.end();
    await expect(kong.receive()).resolves.toBeUndefined();
  });

  it('serves the next call of a connection after replies that came late', async () => {
    const id = await startInstance({ behaviour: 'set-headers', tag: 'one' });
    for (let turn = 0; turn < 3; turn++) {
      const end = await kong.event(id, ORDINARY_REQUEST);
      expect(end.outcome).toBe('proceed');
      expect(end.calls.at(-1)?.args).toEqual([{ 'X-User-ID': 'Bearer good', 'X-Tag': 'one' }]);
    }
  });

  it('ends an event in order whose instance Kong closes meanwhile, as it does after a reload', async () => {
    const id = await startInstance({ behaviour: 'set-headers', tag: 'old' });
    const reloading = await KongSide.connect(local.socketPath);
    const end = await kong.event(id, {
      'kong.request.get_headers': async () => {
        expect(await reloading.start({ behaviour: 'set-headers', tag: 'new' })).toBe(id + 1);
        await reloading.call({ closeInstance: { instanceId: id } });
        return { authorization: 'Bearer good' };
      },
    });
    expect(end).toMatchObject({ outcome: 'proceed', calls: [{}, { args: [{ 'X-Tag': 'old' }] }] });
    await expect(reloading.event(id + 1)).resolves.toMatchObject({ calls: [{}, { args: [{ 'X-Tag': 'new' }] }] });
    await expect(kong.event(id)).resolves.toMatchObject({ outcome: 'closed' });
    await reloading.close();
  });

  it.each([
    ['lets a request through', 'set-headers', 2],
    ['decides without reading', 'set-tag', 1],
    ['refuses', 'exit', 1],
  ])('writes to the socket as seldom as can be when the plugin %s', async (_, behaviour, writes) => {
    const id = await startInstance({ behaviour, tag: 'one' });
    const write = jest.spyOn(Socket.prototype, 'write');
    try {
      await kong.event(id);
      // Kong's end of the connection is in this process too.
      expect(write.mock.contexts.filter((socket) => socket !== kong.socket)).toHaveLength(writes);
    } finally {
      write.mockRestore();
    }
  });

  it('takes a header with bytes that are no UTF-8', async () => {
    const id = await startInstance({ behaviour: 'set-headers' });
    const name = Buffer.from('authorization');
    const value = Buffer.from([0x1a, 4, 0x63, 0x61, 0x66, 0xe9]);
    const entry = Buffer.concat([Buffer.from([0x0a, name.length]), name, Buffer.from([0x12, value.length]), value]);
    const struct = Buffer.concat([Buffer.from([0x0a, entry.length]), entry]);
    const end = await kong.event(id, { 'kong.request.get_headers': struct });
    expect(end.outcome).toBe('proceed');
    expect(end.calls.at(-1)?.args).toEqual([{ 'X-User-ID': 'caf\u{fffd}', 'X-Tag': 'none' }]);
  });

  it('forgets an event whose connection Kong closed', async () => {
    const id = await startInstance({ behaviour: 'never-settle' });
    const outcome = local.nextOutcome();
    kong.send(encode(rpcCall, { sequence: 1, handleEvent: { instanceId: id, eventName: 'access' } }));
    while (local.server.eventCount === 0) await new Promise(setImmediate);
    await kong.close();
    await expect(outcome).resolves.toBe('abandoned');
    expect(errors()).toEqual([]);
  });

  it('holds nothing after many events of every kind', async () => {
    const behaviours = ['return-nothing', 'set-headers', 'exit', 'throw', 'exit-then-more', 'forget-to-await'];
    const ids = await Promise.all(
      behaviours.map(async (behaviour) => {
        const connection = await KongSide.connect(local.socketPath);
        const id = (await connection.start({ behaviour }))!;
        await connection.close();
        return id;
      }),
    );
    for (let turn = 0; turn < 50; turn++) {
      await Promise.all(
        ids.map(async (id) => {
          const connection = await KongSide.connect(local.socketPath);
          await connection.event(id);
          await connection.close();
        }),
      );
    }
    await kong.close();
    await local.isQuiet();
    expect(local.server.eventCount).toBe(0);
    expect(local.server.instances.size).toBe(ids.length);
    expect(local.registry.size).toBe(ids.length);
  });

  it('refuses what is going on when it is stopped and has waited long enough', async () => {
    const id = await startInstance({ behaviour: 'never-settle' });
    const ending = kong.event(id);
    while (local.server.eventCount === 0) await new Promise(setImmediate);
    await local.server.drain(0);
    await expect(ending).resolves.toMatchObject({ outcome: 'exit', status: 500 });
  });

  it('lets what is going on end when it is stopped, and accepts nothing new', async () => {
    const id = await startInstance({ behaviour: 'set-headers' });
    let answer: (headers: object) => void = () => undefined;
    const asked = new Promise<void>((resolve) => {
      answer = (): void => {
        resolve();
      };
    });
    const end = kong.event(id, {
      'kong.request.get_headers': async () => {
        const draining = local.server.drain(60_000);
        await expect(KongSide.connect(local.socketPath)).rejects.toThrow();
        answer({});
        void draining;
        return { authorization: 'Bearer good' };
      },
    });
    await asked;
    await expect(end).resolves.toMatchObject({ outcome: 'proceed' });
    await kong.closed;
  });

  it('survives a frame that is split at any byte', async () => {
    const id = await startInstance({ behaviour: 'exit' });
    const bytes = encodeFrames([
      encode(rpcCall, { sequence: 1, handleEvent: { instanceId: id, eventName: 'access' } }),
    ]);
    for (let at = 1; at < bytes.length; at++) {
      const connection = await KongSide.connect(local.socketPath);
      connection.socket.setNoDelay();
      connection.socket.write(bytes.subarray(0, at));
      await new Promise(setImmediate);
      connection.socket.write(bytes.subarray(at));
      expect((await connection.receive())?.toString()).toBe('kong.response.exit');
      await connection.close();
    }
  });
});
