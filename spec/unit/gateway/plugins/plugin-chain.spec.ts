import { describe, expect, it } from '@jest/globals';
import { configSchema } from '../../../../src/gateway/plugins/bundled/config-schema';
import type { PluginEntry } from '../../../../src/kong/declarative/entities';
import type { Exchange } from '../../../../src/gateway/exchange/exchange';
import { messageResponse } from '../../../../src/gateway/http/local-response';
import { PluginChain } from '../../../../src/gateway/plugins/plugin-chain';
import type { PluginKind } from '../../../../src/gateway/plugins/plugin-kind';
import { exchangeOf, pluginHost } from '../../../support/exchange';
import { routesOf } from '../../../support/declared';

/** A plugin that writes the ids of its entries down as they run. */
function noting(name: string, priority: number, ran: string[], exits = false): PluginKind {
  return {
    name,
    priority,
    schema: configSchema([]),
    configure: ({ id }) => ({
      access: () => {
        ran.push(id);
        return exits ? messageResponse(418, 'no') : null;
      },
    }),
  };
}

const failing = (): never => {
  throw new Error('no error was expected');
};

describe('which entry of a plugin applies', () => {
  const [route] = routesOf([{ name: 'r', paths: ['/orders'] }]);
  const ids = { routeId: route!.id, serviceId: route!.service!.id, consumerId: 'c' };
  /** Kong's order, the most specific first. */
  const SCOPES: readonly (keyof typeof ids)[][] = [
    ['routeId', 'serviceId', 'consumerId'],
    ['routeId', 'consumerId'],
    ['serviceId', 'consumerId'],
    ['routeId', 'serviceId'],
    ['consumerId'],
    ['routeId'],
    ['serviceId'],
    [],
  ];
  const entries = SCOPES.map((scope): PluginEntry => {
    const bound = Object.fromEntries(scope.map((member) => [member, ids[member]]));
    const none = { routeId: null, serviceId: null, consumerId: null };
    return { id: scope.join() || 'everywhere', name: 'p', instanceName: null, config: {}, ...none, ...bound };
  });

  async function ranFor(given: readonly PluginEntry[], exchange: Exchange): Promise<string[]> {
    const ran: string[] = [];
    await new PluginChain(given, [noting('p', 1, ran)], pluginHost()).access(exchange, failing);
    return ran;
  }

  it.each(SCOPES.map((scope, i) => [scope.join() || 'everywhere', i] as const))(
    '%s, when nothing beats it',
    async (id, i) => {
      const exchange = exchangeOf([], { route: route! });
      exchange.context.set('authenticated_consumer', { id: 'c' });
      expect(await ranFor(entries.slice(i), exchange)).toEqual([id]);
    },
  );

  it('none that is bound to somebody else', async () => {
    const exchange = exchangeOf([], { route: route! });
    expect(await ranFor(entries, exchange)).toEqual(['routeId,serviceId']);
    expect(await ranFor(entries.slice(0, 3), exchange)).toEqual([]);
    expect(await ranFor(entries, exchangeOf())).toEqual(['everywhere']);
  });
});

describe('the plugins of a request', () => {
  const entry = (name: string): PluginEntry => ({
    id: name,
    name,
    instanceName: null,
    config: {},
    routeId: null,
    serviceId: null,
    consumerId: null,
  });

  it('run by priority, and by name from z to a where that is the same', async () => {
    const ran: string[] = [];
    const kinds = [noting('low', 1, ran), noting('a', 5, ran), noting('high', 9, ran), noting('b', 5, ran)];
    await new PluginChain(
      kinds.map(({ name }) => entry(name)),
      kinds,
      pluginHost(),
    ).access(exchangeOf(), failing);
    expect(ran).toEqual(['high', 'b', 'a', 'low']);
  });

  it('end with the first that answers; the others still take part in the later phases', async () => {
    const ran: string[] = [];
    const kinds = [noting('first', 9, ran), noting('second', 5, ran, true), noting('third', 1, ran, true)];
    const chain = new PluginChain(
      kinds.map(({ name }) => entry(name)),
      kinds,
      pluginHost(),
    );
    const { exit, plugins } = await chain.access(exchangeOf(), failing);
    expect(ran).toEqual(['first', 'second']);
    expect(exit).toMatchObject({ plugin: 'second', response: { status: 418 } });
    expect(plugins).toHaveLength(3);
  });

  it('end with an error when one throws, and nothing after it runs', async () => {
    const ran: string[] = [];
    const broken: PluginKind = {
      ...noting('broken', 9, ran),
      configure: () => ({ access: () => Promise.reject(new Error('boom')) }),
    };
    const kinds = [broken, noting('after', 1, ran)];
    const chain = new PluginChain(
      kinds.map(({ name }) => entry(name)),
      kinds,
      pluginHost(),
    );
    const { exit } = await chain.access(exchangeOf(), (plugin, error) =>
      messageResponse(500, `${plugin} ${String(error)}`),
    );
    expect(exit?.response.body.toString()).toBe('{"message":"broken Error: boom"}');
    expect(ran).toEqual([]);
  });

  it('are looked up when their turn comes, so a plugin may say who the consumer is', async () => {
    const ran: string[] = [];
    const authenticating: PluginKind = {
      ...noting('auth', 9, ran),
      configure: () => ({
        access: ({ context }) => {
          context.set('authenticated_consumer', { id: 'ada' });
          return null;
        },
      }),
    };
    const bound = { ...entry('late'), id: 'for ada', consumerId: 'ada' };
    const chain = new PluginChain(
      [entry('auth'), entry('late'), bound],
      [authenticating, noting('late', 1, ran)],
      pluginHost(),
    );
    await chain.access(exchangeOf(), failing);
    expect(ran).toEqual(['for ada']);
  });
});
