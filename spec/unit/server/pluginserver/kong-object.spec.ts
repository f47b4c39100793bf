import { describe, expect, it } from '@jest/globals';
import { createKongObject } from '../../../../src/server/pluginserver/kong-object';
import { pdkMethods } from '../../../../src/protocol/pdk-methods';

type Namespace = Record<string, unknown>;

describe('the kong object', () => {
  const seen: [string, readonly unknown[]][] = [];
  const kong = createKongObject((call, args) => {
    seen.push([call.name, args]);
    return Promise.resolve(call.name);
  }) as Namespace;
  const method = (path: readonly string[]): unknown =>
    path.reduce<unknown>((within, name) => (within as Namespace | undefined)?.[name], kong);

  it.each(Object.keys(pdkMethods))('has %s under both spellings', async (name) => {
    const path = name.split('.').slice(1);
    const camel = [...path.slice(0, -1), path.at(-1)!.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase())];
    for (const spelling of [path, camel]) {
      const owner = method(spelling.slice(0, -1)) as Namespace;
      await expect((owner[spelling.at(-1)!] as () => Promise<unknown>)()).resolves.toBe(name);
    }
  });

  it('passes the arguments on as they are', async () => {
    const { request } = kong as { request: { getHeaders(...args: unknown[]): Promise<unknown> } };
    await request.getHeaders(1000, 'more');
    expect(seen.at(-1)).toEqual(['kong.request.get_headers', [1000, 'more']]);
  });

  it.each([['kong.request.get_everything'], ['kong.request.call'], ['kong.call'], ['kong.response.error']])(
    'has no %s',
    (name) => {
      expect(method(name.split('.').slice(1))).toBeUndefined();
    },
  );
});
