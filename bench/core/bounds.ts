/** What happens at the bounds, and what it costs. */
import { HEADER_LIMIT } from '../../src/core/request/header-hygiene';
import type { Policy } from '../../src/core/policy';
import type { RequestView } from '../../src/core/request/request-view';
import { createTokenCache } from '../../src/core/verification/token-cache';
import { signToken, type SigningKey } from '../../spec/support/tokens';
import { claims, measure, micros, one, policyOf, print, requestWith, type Row } from './decisions';

const MAX_TOKEN_BYTES = 1_024;
const MAX_HEADER_BYTES = 64;
/** Requests with names of their own: ten times what is remembered, at nine new names each. */
const REQUESTS_WITH_NEW_NAMES = 600;

/** Prints a row for each bound: the outcome just within it and just beyond. */
export async function atTheBounds(key: SigningKey): Promise<void> {
  const sign = (changes: object): Promise<string> => signToken(key, { ...claims, ...changes });
  const token = await sign({});
  const tight = policyOf([key], 1, {
    max_token_bytes: MAX_TOKEN_BYTES,
    identity_headers: [{ header: 'X-User-Roles', claim: 'roles', max_bytes: MAX_HEADER_BYTES }],
  });
  const plain = policyOf([key]);
  // Three bytes of a claim are four of the token.
  const longest = Math.floor(((MAX_TOKEN_BYTES - token.length) * 3) / 4) - 16;
  const outcomes = async (
    bound: string,
    policy: Policy,
    within: readonly RequestView[],
    beyond: readonly RequestView[],
    code: string,
  ): Promise<Row> => {
    const cacheOf = one(createTokenCache());
    return {
      bound,
      'within, µs': micros(await measure(within, policy, cacheOf)),
      'beyond, µs': micros(await measure(beyond, policy, cacheOf, code)),
      'result beyond': code,
    };
  };
  print('At the bounds, token from the cache', [
    await outcomes(
      `max_token_bytes (${MAX_TOKEN_BYTES} here)`,
      tight,
      [requestWith(await sign({ pad: 'x'.repeat(longest) }))],
      [requestWith(await sign({ pad: 'x'.repeat(longest + 32) }))],
      'token_too_large',
    ),
    await outcomes(
      `max_bytes of an identity header (${MAX_HEADER_BYTES} here)`,
      tight,
      [requestWith(await sign({ roles: 'r'.repeat(MAX_HEADER_BYTES) }))],
      [requestWith(await sign({ roles: 'r'.repeat(MAX_HEADER_BYTES + 1) }))],
      'claim_invalid',
    ),
    await outcomes(
      `header lines (${HEADER_LIMIT})`,
      plain,
      [requestWith(token, HEADER_LIMIT - 1)],
      [requestWith(token, HEADER_LIMIT)],
      'headers_truncated',
    ),
    await outcomes(
      'cached header names (500)',
      plain,
      [requestWith(token)],
      Array.from({ length: REQUESTS_WITH_NEW_NAMES }, (_, serial) => withNewNames(token, serial)),
      'proceed',
    ),
  ]);
}

function withNewNames(token: string, serial: number): RequestView {
  const names = Object.keys(requestWith(token).headers).filter((name) => name !== 'authorization');
  const renamed = Object.fromEntries(names.map((name) => [`${name}-${serial}`, 'some value']));
  return { method: 'GET', headers: { ...renamed, authorization: `Bearer ${token}` } };
}
