import { describe, expect, it } from '@jest/globals';
import type { Consumer } from '../../../../../src/kong/declarative/entities';
import type { Exchange } from '../../../../../src/gateway/exchange/exchange';
import { bundled } from '../../../../support/bundled';
import { declared, type Given } from '../../../../support/declared';
import { exchangeOf, pluginHost } from '../../../../support/exchange';

const { consumers } = declared(`
_format_version: '3.0'
consumers: [{ username: ada, acls: [{ group: staff }] }, { username: bob }]
`);
const [ada, bob] = consumers as [Consumer, Consumer];

async function run(
  config: Given,
  prepare: (exchange: Exchange) => void,
): Promise<{ status: number | null; groups: unknown }> {
  const exchange = exchangeOf();
  prepare(exchange);
  const response = await bundled('acl', config, pluginHost({ consumers })).access?.(exchange);
  const groups = exchange.headers.first('x-consumer-groups') ?? exchange.headers.first('x-authenticated-groups');
  return { status: response?.status ?? null, groups };
}

const nobody = (): void => undefined;
const named =
  (...groups: string[]) =>
  ({ shared }: Exchange) =>
    void shared.set('authenticated_groups', groups);
const recognized =
  ({ id }: Consumer) =>
  ({ context }: Exchange) =>
    void context.set('authenticated_consumer', { id });
const credential = ({ context }: Exchange): void => void context.set('authenticated_credential', { id: 'k' });

describe('acl', () => {
  it.each([
    ['nobody', { allow: ['staff'] }, nobody, 401],
    ['nobody, on a deny list', { deny: ['staff'] }, nobody, 401],
    ['a credential without groups', { allow: ['staff'] }, credential, 403],
    ['named groups', { allow: ['staff'] }, named('staff', 'other'), null],
    ['other named groups', { allow: ['staff'] }, named('other'), 403],
    ['named groups that are denied', { deny: ['staff'] }, named('staff'), 403],
    ['named groups that are not denied', { deny: ['staff'] }, named('other'), null],
    ['no named groups at all', { allow: ['staff'] }, named(), 403],
    ['a consumer in the group', { allow: ['staff'] }, recognized(ada), null],
    ['a consumer without groups', { allow: ['staff'] }, recognized(bob), 401],
    ['a consumer without groups, on a deny list', { deny: ['staff'] }, recognized(bob), null],
  ] as [string, Given, (exchange: Exchange) => void, number | null][])(
    '%s with %j',
    async (_, config, prepare, status) => {
      expect((await run(config, prepare)).status).toBe(status);
    },
  );

  it('tells the service the groups, unless they are to be hidden', async () => {
    expect((await run({ allow: ['a'] }, named('a', 'b'))).groups).toBe('a, b');
    expect((await run({ allow: ['staff'] }, recognized(ada))).groups).toBe('staff');
    expect((await run({ allow: ['a'], hide_groups_header: true }, named('a'))).groups).toBeNull();
  });

  it('fails on an empty consumer id, as Kong does', async () => {
    const prepare = ({ context }: Exchange): void =>
      void context.set('authenticated_credential', { id: 'k', consumer_id: '' });
    await expect(run({ allow: ['a'] }, prepare)).rejects.toThrow('empty');
  });
});
