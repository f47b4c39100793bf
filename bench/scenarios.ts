import { PUBLIC_KEY_ALGORITHMS, SECRET_ALGORITHMS } from '../schema/algorithms';
import type { Algorithm } from '../schema/config';
import { publicJwk, signingKey, type SigningKey, signToken } from '../spec/support/tokens';
import type { Outcome, Replies } from './kong/load';

/** One kind of event. */
export interface Scenario {
  readonly title: string;
  readonly plugin: 'no-op' | 'jwt-identity';
  readonly config: object;
  readonly expected: Outcome;
  readonly events: number;
  repliesFor(event: number): Replies;
}

const ISSUER = 'https://auth.example.com/';

/** Headers of an ordinary browser's request, without the token. */
const HEADERS = {
  host: 'api.example.com',
  'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  accept: 'application/json, text/plain, */*',
  'accept-language': 'en-US,en;q=0.5',
  'accept-encoding': 'gzip, deflate, br',
  origin: 'https://shop.example.com',
  referer: 'https://shop.example.com/orders',
  'sec-fetch-dest': 'empty',
  'sec-fetch-mode': 'cors',
  'sec-fetch-site': 'same-site',
  'x-forwarded-for': '203.0.113.7',
};

/** Every algorithm the plugin knows. */
export const ALGORITHMS: readonly Algorithm[] = [...PUBLIC_KEY_ALGORITHMS, ...SECRET_ALGORITHMS];

/** An event in which the plugin does nothing. */
export function noOp(events: number): Scenario {
  return { title: 'no-op plugin', plugin: 'no-op', config: {}, expected: 'proceed', events, repliesFor: () => ({}) };
}

/** A caller who comes again and again with one token. */
export async function cachedToken(events: number): Promise<Scenario> {
  const { key, config } = guard('ES256');
  const replies = repliesWith(await tokenOf(key, 0));
  return accepted('accept, cached token', config, events, () => replies);
}

/** Callers of whom each comes once. */
export async function uncachedTokens(alg: Algorithm, events: number): Promise<Scenario> {
  const { key, config } = guard(alg);
  const replies: Replies[] = [];
  for (let serial = 0; serial < events; serial++) replies.push(repliesWith(await tokenOf(key, serial)));
  return accepted(`accept, new token, ${alg}`, config, events, (event) => replies[event] ?? {});
}

/** A request without a token. */
export function noToken(events: number): Scenario {
  const { config } = guard('ES256');
  const replies = repliesWith(undefined);
  return {
    title: 'reject, no token',
    plugin: 'jwt-identity',
    config,
    expected: 'exit',
    events,
    repliesFor: () => replies,
  };
}

/** A token whose signature is not the issuer's. */
export async function forgedToken(events: number): Promise<Scenario> {
  const replies = repliesWith(await tokenOf(guard('ES256').key, 0));
  return { ...noToken(events), title: 'reject, forged token, ES256', repliesFor: () => replies };
}

function accepted(title: string, config: object, events: number, repliesFor: Scenario['repliesFor']): Scenario {
  return { title, plugin: 'jwt-identity', config, expected: 'proceed', events, repliesFor };
}

function guard(alg: Algorithm): { key: SigningKey; config: object } {
  const key = signingKey(alg, 'k1');
  const keys = alg.startsWith('HS')
    ? { secret: '0123456789abcdef'.repeat(4), algorithms: [alg] }
    : { jwks: JSON.stringify({ keys: [publicJwk(key)] }), algorithms: [alg] };
  return { key, config: { issuers: [{ issuer: ISSUER, audiences: ['orders'], ...keys }] } };
}

function tokenOf(key: SigningKey, serial: number): Promise<string> {
  const exp = Math.floor(Date.now() / 1_000) + 3_600;
  const claims = {
    iss: ISSUER,
    sub: `user-${serial}`,
    aud: 'orders',
    exp,
    roles: ['customer', 'admin'],
    jti: `${serial}`,
  };
  return signToken(key, claims);
}

function repliesWith(token: string | undefined): Replies {
  return {
    'kong.request.get_headers': { ...HEADERS, ...(token !== undefined && { authorization: `Bearer ${token}` }) },
    'kong.nginx.get_var': '5d82cd7c2554d817029b270f9caac357',
  };
}
