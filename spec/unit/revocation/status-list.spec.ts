import { deflateSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { readStatusList, statusAt, statusReference, type StatusList } from '../../../src/revocation/status-list';
import { examples, vectors } from '../../fixtures/status-list-vectors.json';

const URI = 'https://auth.example.com/statuslists/1';
const NOW = 1_800_000_000;
const claims = (changes: object = {}): object => ({
  sub: URI,
  iat: NOW,
  status_list: { bits: 1, lst: 'eNrbuRgAAhcBXQ' },
  ...changes,
});
const read = async (value: unknown, maxBytes = 1_048_576): Promise<StatusList> =>
  (await readStatusList(JSON.stringify(value), URI, maxBytes, NOW)).value;
const listOf = (bits: number, lst: string): Promise<StatusList> => read(claims({ status_list: { bits, lst } }));

describe('a status list', () => {
  it.each(examples)('is read as in the example of the draft with $bits bits', async ({ bits, lst, statuses }) => {
    const list = await listOf(bits, lst);
    expect(statuses.map((_, index) => statusAt(list, index))).toEqual(statuses);
    expect(statusAt(list, (list.bytes.length * 8) / bits)).toBeUndefined();
  });

  it.each(vectors)(
    'is read as in the test vector of the draft with $bits bits',
    async ({ bits, lst, size, statuses }) => {
      const list = await listOf(bits, lst);
      const expected = new Map(statuses.map(([index, status]) => [index!, status!]));
      let wrong = 0;
      for (let index = 0; index < size; index += 1)
        if (statusAt(list, index) !== (expected.get(index) ?? 0)) wrong += 1;
      expect(wrong).toBe(0);
      expect(statusAt(list, size)).toBeUndefined();
    },
  );

  it('is read with its times', async () => {
    const text = JSON.stringify(claims({ exp: NOW + 1000, ttl: 600 }));
    const { value, ...times } = await readStatusList(text, URI, 100, NOW);
    expect(value.bits).toBeDefined();
    expect(times).toEqual({ issuedAtSeconds: NOW, lifetimeSeconds: 600, expiresAtMs: (NOW + 1000) * 1000 });
  });

  it.each<readonly [string, unknown, string]>([
    ['is no object', [], 'the status list token is not an object'],
    ['is about another URI', claims({ sub: `${URI}/` }), 'its sub is not the URI'],
    ['has no time', claims({ iat: undefined }), 'it has no iat'],
    ['is from the future', claims({ iat: NOW + 301 }), 'in the future'],
    ['has no list', claims({ status_list: undefined }), 'status_list is not an object'],
    [
      'has another size of statuses',
      claims({ status_list: { bits: 3, lst: 'eNrbuRgAAhcBXQ' } }),
      'bits is not 1, 2, 4 or 8',
    ],
    ['is not encoded', claims({ status_list: { bits: 1, lst: 'a+b' } }), 'lst is not base64url'],
    ['is not packed', claims({ status_list: { bits: 1, lst: 'AAAA' } }), 'not in the ZLIB format'],
    ['lives for no time', claims({ ttl: 0 }), 'ttl is not positive'],
    ['lives for less than no time', claims({ ttl: -1 }), 'ttl is not a number'],
    ['ends after the year 9999', claims({ exp: 253_402_300_800 }), 'exp is not a number'],
    ['has a list that is no text', claims({ status_list: { bits: 1, lst: 7 } }), 'lst is not base64url'],
    ['has a list that is null', claims({ status_list: null }), 'status_list is not an object'],
    ['lives for a text', claims({ ttl: '60' }), 'ttl is not a number'],
  ])('is refused when it %s', async (_, value, reason) => {
    await expect(read(value)).rejects.toThrow(reason);
  });

  it('is refused when its claims are not JSON', async () => {
    await expect(readStatusList('{', URI, 100, NOW)).rejects.toThrow('the claims set is not JSON');
  });

  it('may be made five minutes ahead, and end in the year 9999', async () => {
    const { expiresAtMs } = await readStatusList(
      JSON.stringify(claims({ iat: NOW + 300, exp: 253_402_300_799 })),
      URI,
      100,
      NOW,
    );
    expect(expiresAtMs).toBe(253_402_300_799_000);
  });

  it('is refused when it unpacks to a gigabyte, and costs only what is allowed', async () => {
    const bomb = deflateSync(Buffer.alloc(64 * 1024 * 1024), { level: 9 }).toString('base64url');
    await expect(read(claims({ status_list: { bits: 1, lst: bomb } }))).rejects.toThrow(
      'unpacks to more than 1048576 bytes',
    );
  });
});

describe('the reference of a token', () => {
  it.each<readonly [object, unknown]>([
    [{}, undefined],
    [{ status: {} }, undefined],
    [{ status: { status_list: { idx: 0, uri: URI } } }, { idx: 0, uri: URI }],
    [{ status: 1 }, 'status is not an object'],
    [{ status: { status_list: [] } }, 'status.status_list is not an object'],
    [{ status: { status_list: { uri: URI } } }, 'status.status_list.idx is not an index'],
    [{ status: { status_list: { idx: -1, uri: URI } } }, 'status.status_list.idx is not an index'],
    [{ status: { status_list: { idx: 0.5, uri: URI } } }, 'status.status_list.idx is not an index'],
    [{ status: { status_list: { idx: 2 ** 53, uri: URI } } }, 'status.status_list.idx is not an index'],
    [{ status: { status_list: { idx: 0 } } }, 'status.status_list.uri is not a URI'],
    [{ status: { status_list: { idx: 0, uri: `${URI}${'a'.repeat(2048)}` } } }, 'status.status_list.uri is not a URI'],
  ])('in %j is %j', (token, expected) => {
    expect(statusReference(token as Record<string, unknown>)).toEqual(expected);
  });
});
