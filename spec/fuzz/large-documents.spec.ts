import { createPublicKey, type JsonWebKey } from 'node:crypto';
import { describe, expect, it, jest } from '@jest/globals';
import { ConfigError } from '../../schema/config-error';
import { parseConfig } from '../../schema/parse-config';
import { keyUrlProblem } from '../../schema/rules/key-url';
import { holdsPublicKey } from '../../schema/rules/public-key-material';
import { claimPattern } from '../../src/core/claim-pattern';
import { decodeCompactJws } from '../../src/core/verification/compact-jws';
import { checkJoseHeader } from '../../src/core/verification/jose-header';
import { Refusal } from '../../src/core/refusal/refusal';
import { FetchError } from '../../src/documents/fetch-error';
import { lifetimeSeconds } from '../../src/documents/freshness';
import { discoverJwksUri } from '../../src/keys/discovery';
import { inlineKeySource } from '../../src/keys/inline-key-source';
import { readKeySet } from '../../src/keys/key-set-document';
import { readSigningKeys } from '../../src/keys/signing-keys';
import { guardedRequest } from '../../src/guard/guarded-request';
import { list, readIdentity, text, words } from '../../src/guard/identity';
import { boundedRun } from '../support/bounded-run';
import { keyFetchOf } from '../support/key-issuer';
import { segment } from '../support/tokens';

/*
 * What was looked at for work that grows faster than its input (J1, J2), each measured by doubling the input four times:
 * - clients: header names and lists, Authorization, Cookie, query, claims as headers: core-large-inputs.spec.ts;
 *   the JOSE header, patterns, the guard's headers: here
 * - providers: JWK numbers and key sets: spec/unit/keys/key-set-cost.spec.ts; JSON, Cache-Control, discovery: here
 * - Kong: frames cut into single bytes, messages: spec/fuzz/pluginserver-stream.spec.ts
 * - operators: PEM, secrets, jwks, signing keys: here
 * Found: RSA exponents in a JWK and in `public_key` (Node's BigInt), both mended. Left as it is: YAML with some ten
 * thousand keys in one map, or aliases, grows with the square of them (npm `yaml`); kong.yml is the operator's own.
 */

jest.setTimeout(300_000);

/** The default of `max_bytes`. Work that grows with the square of it takes minutes. */
const LARGE = 524_288;
const fill = (part: string, size = LARGE): string => part.repeat(Math.floor(size / part.length));
const nested = (size = LARGE): string => fill('[', size / 2) + fill(']', size / 2);

/** Runs the work, which may refuse its input with an expected error. */
function bounded(work: () => unknown): void {
  boundedRun(() => {
    try {
      return work();
    } catch (error) {
      if (error instanceof FetchError || error instanceof ConfigError || error instanceof SyntaxError) return error;
      // From another context of `node:vm`, or one of the messages of `readSigningKeys`.
      if (error instanceof Error && /not JSON|signing key|JWK set/.test(error.message)) return error;
      throw error;
    }
  });
}

const issuer = (keys: object): ReturnType<typeof parseConfig>['issuers'][number] => {
  const [only] = parseConfig({ issuers: [{ issuer: 'https://a/', audiences: ['a'], ...keys }] }).issuers;
  if (only === undefined) throw new Error('no issuer');
  return only;
};

describe('half a megabyte from a provider', () => {
  it('is read as JSON in time that grows with its length, however it nests or repeats itself', () => {
    const members = Array.from({ length: LARGE / 12 }, (_, at) => `"m${at}":1`).join();
    for (const json of [
      ...[nested(), `{"keys":${nested()}}`, `{"keys":[${nested()}]}`, `{"keys":[{"kty":${nested()}}]}`],
      ...[`{${fill('"keys":[],')}"keys":[]}`, `{${members}}`, `{"keys":[${fill('{},')}{}]}`, `{"keys":[{${members}}]}`],
      ...[`{"keys":[${fill('1e999,')}1]}`, `{"keys":[0.${fill('3')}]}`, `{"keys":["${fill('\\u0041')}"]}`],
      `{"keys":[{"kty":"EC","crv":"P-256","x5c":[${fill('"MIIB",')}"M"]}]}`,
      `{"keys":[{"kty":"RSA","n":"AQ","e":"AQ","key_ops":[${fill('"sign",')}"sign"]}]}`,
    ]) {
      bounded(() => readKeySet(JSON.parse(json), 1000));
    }
  });

  it('is understood as a discovery document in such time', async () => {
    const keyFetch = keyFetchOf();
    for (const uri of ['a', '/', '%', '@', '[', '\\', '?', ':', '.', ' '].map((part) => `https://${fill(part)}`)) {
      bounded(() => keyUrlProblem(uri, false));
      const body = { issuer: 'https://a/', jwks_uri: uri };
      const fetchDocument = () => Promise.resolve({ status: 'ok', body } as never);
      const found = discoverJwksUri({ issuer: 'https://a/', keyFetch }, fetchDocument, AbortSignal.timeout(1000));
      await expect(found).rejects.toThrow(FetchError);
    }
  });

  it('is understood as headers about freshness in such time', () => {
    for (const value of [',', 'a=', ' ', '"', 'a,', 'max-age=1,', '=', '9', '(', '( ', 'Mon '].map((part) =>
      fill(part),
    )) {
      bounded(() =>
        lifetimeSeconds({ cacheControl: value, age: undefined, expires: undefined, date: undefined }, keyFetchOf()),
      );
      bounded(() =>
        lifetimeSeconds({ cacheControl: undefined, age: value, expires: value, date: value }, keyFetchOf()),
      );
    }
  });
});

describe('half a megabyte in a token or a header', () => {
  it.each(['kid', 'typ', 'alg', 'crit', 'x5c', 'jwk', 'jku'])(
    'is looked at as %s of a JOSE header in such time',
    (name) => {
      for (const value of [fill('a'), Array.from({ length: LARGE / 8 }, () => 'a'), { n: fill('a') }]) {
        const token = `${segment({ [name]: value })}.${segment({})}.AAAA`;
        bounded(() => {
          const jws = decodeCompactJws(token);
          if (!(jws instanceof Refusal)) checkJoseHeader(jws.header, new Set(['RS256']), new Set());
        });
      }
    },
  );

  it('is compared with patterns in such time', () => {
    for (const pattern of [fill('*a', 256), `*${fill('ab', 240)}c*`, `${fill('a', 100)}*${fill('a', 100)}b`]) {
      const matches = claimPattern(pattern);
      bounded(() => [fill('a'), fill('ab')].map(matches));
      bounded(() => Array.from({ length: LARGE / 4096 }, () => fill('ab', 4096)).map(matches));
    }
  });

  it('is read by the guard in such time', () => {
    const rawHeaders = Array.from({ length: LARGE / 8 }, (_, at) => `x-${at}`);
    for (const value of ['a,', ' ', '%41', '%', 'a '].map((part) => fill(part))) {
      const request = { rawHeaders: [...rawHeaders, 'r', value], method: 'GET', url: fill('?/') } as never;
      bounded(() => readIdentity({ id: text('i'), r: list('r'), w: words('r') }, guardedRequest(request).headers));
    }
  });
});

describe('half a megabyte in a configuration', () => {
  const pemOf = (jwk: JsonWebKey): string =>
    createPublicKey({ format: 'jwk', key: jwk }).export({ format: 'pem', type: 'spki' }).toString();
  const ones = (bytes: number): string => Buffer.alloc(bytes, 0xff).toString('base64url');

  it('is read as a secret in such time', () => {
    for (const part of [
      '[',
      '"a",',
      'ssh- ',
      'ssh-a ',
      '-----BEGI',
      '<a',
      '<RSAKeyValu',
      'MIIB',
      ' M',
      '3080',
      '{"a":',
      '"',
      '\\',
      'a:',
      '0\u0080',
      '0\u0082\u0001\u0000',
      ' AAAA',
      '\0',
    ]) {
      bounded(() => holdsPublicKey(Buffer.from(fill(part), 'latin1')));
      bounded(() =>
        holdsPublicKey(Buffer.from(`[${fill(`"${part.replace(/["\\\0]/g, '').repeat(16)}",`)}1]`, 'latin1')),
      );
    }
  });

  it('is read as a public_key in such time', () => {
    const pems = [
      ...['-----BEGIN ', '-----BEGIN PUBLIC KEY-----A', 'PRIVATE KEY ', '-----BEGIN CERTIFICATE-----A-----END '].map(
        (part) => fill(part),
      ),
      ...['A', 'PRIVATE KEY '].map((part) => `-----BEGIN ${fill(part)}`),
      `-----BEGIN CERTIFICATE-----\n${fill('MIIB')}\n-----END CERTIFICATE-----`,
      pemOf({ kty: 'RSA', n: ones(LARGE), e: 'AQAB' }),
    ];
    for (const public_key of pems) bounded(() => inlineKeySource(issuer({ public_key })));
  });

  it('is no exponent that Node makes a BigInt of', () => {
    const config = issuer({ public_key: pemOf({ kty: 'RSA', n: ones(256), e: ones(131_072) }) });
    const before = process.cpuUsage();
    expect(() => inlineKeySource(config)).toThrow('holds no key that fits an accepted algorithm');
    const { user, system } = process.cpuUsage(before);
    // CPU time; 30 s when Node is asked for the exponent.
    expect((user + system) / 1e6).toBeLessThan(3);
  });

  it('is read as jwks and as signing keys in such time', () => {
    for (const json of ['[', '{"a":', '"a",', '{},', '{"kty":"EC"},'].map((part) => `{"keys":[${fill(part)}`)) {
      bounded(() => inlineKeySource(issuer({ jwks: `${json}1]}` })));
      bounded(() => readSigningKeys(`${json}1]}`));
    }
    bounded(() => inlineKeySource(issuer({ jwks: JSON.stringify({ keys: [{ kty: 'oct', k: ones(LARGE) }] }) })));
  });
});
