import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { EXAMPLES } from '../../../../schema/generate/examples';
import { configurationSections } from '../../../../schema/generate/markdown';
import { parseConfig } from '../../../../schema/parse-config';
import { namedFields, type Field } from '../../../../src/kong/schema-language/field';

type Members = Readonly<Record<string, unknown>>;

const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
/** What stands in the vault. */
const VAULT: Readonly<Record<string, string>> = {
  'issuer-keys': JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k1' }] }),
  'issuer-key': publicKey.export({ type: 'spki', format: 'pem' }) as string,
  'issuer-secret': 'c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IHNlY3JldA==',
  'redis-password': 'secret',
};

/** The members that a record needs beside those of an example. */
const NEEDED: Readonly<Record<string, Members>> = {
  'config.issuers[]': {
    issuer: 'https://auth.example.com/',
    audiences: ['orders-api'],
    jwks_uri: 'https://auth.example.com/jwks.json',
  },
  'config.issuers[].status_list': { uri_prefixes: ['https://auth.example.com/statuslists/'] },
  'config.revocation_lists[].redis': { host: '127.0.0.1' },
  'config.identity_token': { issuer: 'gateway', audience: 'orders' },
  'config.resource_metadata': { resource: 'https://api.example.com/orders' },
};
/** The needed members that contradict one of an example. */
const REPLACED: Readonly<Record<string, readonly string[]>> = {
  jwks_uri: ['discovery', 'jwks', 'public_key', 'secret', 'provider'],
  audiences: ['any_audience'],
};

/** Returns the members of an example in a whole configuration. */
function whole(path: string, members: Members): unknown {
  const needed = Object.entries(NEEDED[path] ?? {}).filter(([name]) => {
    return !(REPLACED[name] ?? []).some((other) => other in members);
  });
  const record = { ...Object.fromEntries(needed), ...members };
  if (path === 'config') return { issuers: [NEEDED['config.issuers[]']], ...record };
  const [, parent = '', name = '', isList] = /^(.+)\.(\w+)(\[\])?$/.exec(path) ?? [];
  return whole(parent, { [name]: isList === undefined ? record : [record] });
}

function membersOf(example: string): Members {
  const text = example.replace(/\{vault:\/\/env\/([\w-]+)\}/g, (_, name: string) =>
    JSON.stringify(VAULT[name]).slice(1, -1),
  );
  return parse(`{ ${text} }`) as Members;
}

const fields = [...configurationSections()].flatMap(([record, path]) =>
  namedFields(record).map(([name, field]): [string, string, Field] => [path, name, field]),
);

describe('the examples in docs/CONFIGURATION.md', () => {
  it('are there for each field, and for nothing else', () => {
    const named = Object.entries(EXAMPLES).flatMap(([path, examples]) =>
      Object.keys(examples).map((name) => `${path}.${name}`),
    );
    expect(named.sort()).toEqual(fields.map(([path, name]) => `${path}.${name}`).sort());
  });

  it.each(fields)(
    'loads in a whole configuration, and says something else than the default: %s.%s',
    (path, name, field) => {
      const members = membersOf(EXAMPLES[path]![name]!);
      expect(Object.keys(members)).toContain(name);
      expect(members[name]).not.toEqual(field.default);
      expect(() => parseConfig(whole(path, members))).not.toThrow();
    },
  );

  it('are not loaded without being judged', () => {
    expect(() => parseConfig(whole('config.issuers[].key_fetch', { max_keys: 0 }))).toThrow(
      'config.issuers[1].key_fetch.max_keys',
    );
  });
});
