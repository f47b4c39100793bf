import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { KongSide } from '../../../support/kong-side';
import { type LocalServer, startLocalServer } from '../../../support/local-server';

const HEADERS = 'kong.request.get_headers';

/** A promise, and what settles it. */
function held(): { readonly promise: Promise<unknown>; readonly release: (value: unknown) => void } {
  let release: (value: unknown) => void = () => undefined;
  const promise = new Promise((resolve) => (release = resolve));
  return { promise, release };
}

describe('an event server', () => {
  let local: LocalServer;
  let kong: KongSide;
  const others: KongSide[] = [];
  const connect = async (): Promise<KongSide> => {
    const other = await KongSide.connect(local.socketPath);
    others.push(other);
    return other;
  };
  const events = async (count: number): Promise<void> => {
    while (local.server.eventCount !== count) await new Promise(setImmediate);
  };
  beforeEach(async () => {
    local = await startLocalServer();
    kong = await connect();
  });
  afterEach(async () => {
    await Promise.all(others.splice(0).map((other) => other.close()));
    await local.stop();
  });

  it('refuses the events that have run for the deadline, and none that began later', async () => {
    const id = (await kong.start({ behaviour: 'never-settle' }))!;
    const first = kong.event(id);
    await events(1);
    local.advance(999);
    const later = await connect();
    const second = later.event(id);
    await events(2);
    local.advance(1);
    local.server.failOverdue();
    await expect(first).resolves.toMatchObject({ outcome: 'exit', status: 500 });
    expect(local.server.eventCount).toBe(1);
    local.advance(999);
    await expect(second).resolves.toMatchObject({ outcome: 'exit', status: 500 });
  });

  it('closes a connection that serves no call as soon as it is stopped', async () => {
    await kong.start({ behaviour: 'exit' });
    const drained = local.server.drain(60_000);
    await kong.closed;
    await drained;
    expect(local.server.connectionCount).toBe(0);
  });

  it('lets an event end when it is stopped, answers the call, and closes the connection then', async () => {
    const id = (await kong.start({ behaviour: 'set-headers', tag: 't' }))!;
    const { promise, release } = held();
    const end = kong.event(id, { [HEADERS]: () => promise });
    await events(1);
    const drained = local.server.drain(60_000);
    release({ authorization: 'u1' });
    await expect(end).resolves.toMatchObject({
      outcome: 'proceed',
      calls: [{ method: HEADERS }, { args: [{ 'X-User-ID': 'u1', 'X-Tag': 't' }] }],
    });
    await kong.closed;
    await drained;
  });

  it('refuses the requests that are left when the time for its end is over', async () => {
    const id = (await kong.start({ behaviour: 'never-settle' }))!;
    const end = kong.event(id);
    await events(1);
    await local.server.drain(0);
    await expect(end).resolves.toMatchObject({ outcome: 'exit', status: 500 });
    expect(local.logs.join()).toContain('the server was stopped');
  });

  it('accepts no connection once it is stopped', async () => {
    await kong.close();
    await local.server.drain(60_000);
    await expect(KongSide.connect(local.socketPath)).rejects.toThrow();
  });

  it('counts an event that Kong has left as abandoned, and holds nothing of it', async () => {
    const id = (await kong.start({ behaviour: 'never-settle' }))!;
    const outcome = local.nextOutcome();
    void kong.event(id);
    await events(1);
    await kong.close();
    await expect(outcome).resolves.toBe('abandoned');
    await local.isQuiet();
    expect(local.server.eventCount).toBe(0);
  });
});
