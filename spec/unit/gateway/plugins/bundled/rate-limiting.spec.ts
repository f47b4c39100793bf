import { describe, expect, it } from '@jest/globals';
import { Counters } from '../../../../../src/gateway/plugins/bundled/counters';
import type { Exchange } from '../../../../../src/gateway/exchange/exchange';
import type { ConfiguredPlugin } from '../../../../../src/gateway/plugins/plugin-kind';
import { bundled } from '../../../../support/bundled';
import type { Given } from '../../../../support/declared';
import { exchangeOf, pluginHost } from '../../../../support/exchange';

/** 2023-11-14T22:13:20Z: 20 s into a minute, 800 s into an hour. */
const START_MS = 1_700_000_000_000;

/** A plugin, and the clock that it looks at. */
function limiting(config: Given): { plugin: ConfiguredPlugin; clock: { ms: number } } {
  const clock = { ms: START_MS };
  const host = pluginHost({ now: () => clock.ms, counters: new Counters() });
  return { plugin: bundled('rate-limiting', config, host), clock };
}

async function status(plugin: ConfiguredPlugin, exchange: Exchange = exchangeOf()): Promise<number | null> {
  return (await plugin.access?.(exchange))?.status ?? null;
}

describe('rate-limiting', () => {
  it('lets as many pass as it is told, until the calendar minute is over', async () => {
    const { plugin, clock } = limiting({ minute: 2 });
    expect([await status(plugin), await status(plugin), await status(plugin)]).toEqual([null, null, 429]);
    clock.ms += 39_999;
    expect(await status(plugin)).toBe(429);
    clock.ms += 1;
    expect(await status(plugin)).toBeNull();
  });

  it('tells the client what is left, and when to come again', async () => {
    const { plugin } = limiting({ minute: 1, hour: 5 });
    const passed = exchangeOf();
    await status(plugin, passed);
    expect(Object.fromEntries(passed.responseHeaders.lines)).toEqual({
      'X-RateLimit-Limit-Minute': '1',
      'X-RateLimit-Remaining-Minute': '0',
      'X-RateLimit-Limit-Hour': '5',
      'X-RateLimit-Remaining-Hour': '4',
      'RateLimit-Limit': '1',
      'RateLimit-Remaining': '0',
      'RateLimit-Reset': '40',
    });
    const refused = exchangeOf();
    await status(plugin, refused);
    expect(refused.responseHeaders.first('retry-after')).toBe('40');
  });

  it('says nothing to the client when it is told so', async () => {
    const { plugin } = limiting({ minute: 1, hide_client_headers: true });
    const exchange = exchangeOf();
    await status(plugin, exchange);
    expect(exchange.responseHeaders.lines).toEqual([]);
  });

  it.each([
    [
      'header',
      { limit_by: 'header', header_name: 'X-User-ID' },
      (e: Exchange, who: string) => {
        e.headers.set('X-User-ID', [who]);
      },
    ],
    [
      'credential',
      { limit_by: 'credential' },
      (e: Exchange, who: string) => e.context.set('authenticated_credential', { id: who }),
    ],
    [
      'consumer',
      { limit_by: 'consumer' },
      (e: Exchange, who: string) => e.context.set('authenticated_consumer', { id: who }),
    ],
  ] as [string, Given, (exchange: Exchange, who: string) => void][])('counts by %s', async (_, config, identify) => {
    const { plugin } = limiting({ minute: 1, ...config });
    const from = (who: string): Exchange => {
      const exchange = exchangeOf();
      identify(exchange, who);
      return exchange;
    };
    expect(await status(plugin, from('ada'))).toBeNull();
    expect(await status(plugin, from('bob'))).toBeNull();
    expect(await status(plugin, from('ada'))).toBe(429);
  });

  it('counts by address whom it does not know', async () => {
    const { plugin } = limiting({ minute: 1, limit_by: 'credential' });
    const other = exchangeOf([], { client: { address: '127.0.0.2', port: 1 } });
    expect([await status(plugin), await status(plugin), await status(plugin, other)]).toEqual([null, 429, null]);
  });
});
