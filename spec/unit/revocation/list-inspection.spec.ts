import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { IssuerConfig } from '../../../schema/config';
import { parseConfig } from '../../../schema/parse-config';
import { DocumentList } from '../../../src/revocation/document-list';
import { inspectRevocationList, type ListInspection } from '../../../src/revocation/list-inspection';
import { KeyList } from '../../support/key-list';
import { ISSUER } from '../../support/policy';
import { signingKey, signToken } from '../../support/tokens';

const key = signingKey('ES256', 'k');
const NOW = Math.floor(Date.now() / 1000);
const CLAIMS = { iat: NOW, revocations: [{ iss: ISSUER.issuer, jti: 'a', exp: NOW + 60 }] };
let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'inspection-'));
  path = join(folder, 'list.json');
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const configOf = (list: object): ReturnType<typeof parseConfig> =>
  parseConfig({
    issuers: [{ ...ISSUER, key_fetch: { cache_directory: join(folder, 'keys') } }],
    revocation_lists: [list],
  });
const inspect = (list: object, keys = new KeyList(key), opened: IssuerConfig[] = []): Promise<ListInspection> => {
  const { revocationLists, issuers } = configOf(list);
  return inspectRevocationList(revocationLists[0]!, issuers, (issuer) => {
    opened.push(issuer);
    return keys;
  });
};

describe('the inspection of a list', () => {
  it('counts the entries of a file', async () => {
    writeFileSync(path, JSON.stringify(CLAIMS));
    expect(await inspect({ file: path })).toEqual({ entries: 1 });
  });

  it('says why a list cannot be used', async () => {
    expect(await inspect({ file: path })).toEqual({ problem: `${path} cannot be read (ENOENT)` });
  });

  it('does not ask Redis', async () => {
    expect(await inspect({ redis: { host: '127.0.0.1', port: 1 } })).toEqual({ notAsked: expect.any(String) });
  });

  it('verifies a signed list with the keys of its issuer, and leaves nothing behind', async () => {
    const text = await signToken(key, CLAIMS, { typ: 'revocation-list+jwt' });
    const server = createServer((_, response) => response.end(text));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const list = {
        ...{ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, signed: true, issuer: ISSUER.issuer },
        list_fetch: { cache_directory: join(folder, 'lists') },
      };
      const opened: IssuerConfig[] = [];
      expect(await inspect(list, undefined, opened)).toEqual({ entries: 1 });
      expect(opened.map(({ issuer, keyFetch }) => [issuer, keyFetch.cacheDirectory])).toEqual([[ISSUER.issuer, null]]);
      expect(await inspect(list, new KeyList(signingKey('ES256', 'k')))).toEqual({
        problem: 'the signature of the document does not fit',
      });
      expect(existsSync(join(folder, 'lists'))).toBe(false);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});

it('a list that must be signed is never read without its signer', () => {
  const [list] = configOf({ url: 'https://a.test/', signed: true, issuer: ISSUER.issuer }).revocationLists;
  const dependencies = { now: () => 0, wallClock: () => 0, random: () => 0, log: () => undefined };
  expect(() => new DocumentList(list!, undefined, dependencies)).toThrow('a signed list without its signer');
});
