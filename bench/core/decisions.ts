/** Requests, policies and the measuring of decisions. */
import { parseConfig } from '../../schema/parse-config';
import { decide } from '../../src/core/pipeline';
import { compilePolicy, type Policy } from '../../src/core/policy';
import { Refusal } from '../../src/core/refusal/refusal';
import type { RequestView } from '../../src/core/request/request-view';
import { createTokenCache, type TokenCache } from '../../src/core/verification/token-cache';
import { inlineKeySource } from '../../src/keys/inline-key-source';
import { publicJwk, type SigningKey } from '../../spec/support/tokens';

export const DECISIONS = Number(process.argv[2] ?? 3000);
const NOW = Math.floor(Date.now() / 1000);
export const clock = (): number => NOW;
const ISSUER = 'https://auth.example.com/';
export const claims = { iss: ISSUER, sub: 'user-42', aud: 'orders', exp: NOW + 3600, roles: ['user', 'support'] };

/** What a browser sends besides, up to `count` lines. */
export function requestWith(token: string, count = 10): RequestView {
  const usual = [
    'host',
    'accept',
    'accept-encoding',
    'accept-language',
    'user-agent',
    'cookie',
    'referer',
    'connection',
  ];
  const names = Array.from({ length: count - 1 }, (_, index) => usual[index] ?? `x-app-header-${index}`);
  const headers = Object.fromEntries(names.map((name) => [name, name === 'connection' ? 'keep-alive' : 'some value']));
  return { method: 'GET', headers: { ...headers, authorization: `Bearer ${token}` } };
}

export function policyOf(keys: readonly SigningKey[], issuers = 1, changes: object = {}, own: object = {}): Policy {
  const jwks = JSON.stringify({
    keys: keys.map((key) => (key.alg.startsWith('HS') ? secretJwk(key) : publicJwk(key))),
  });
  const others = Array.from({ length: issuers - 1 }, (_, i) => ({
    issuer: `https://auth-${i}.example.com/`,
    audiences: ['orders'],
    jwks,
  }));
  const entries = [...others, { issuer: ISSUER, audiences: ['orders'], jwks, ...own }];
  // What an id means is no matter here.
  const config = { issuers: entries, ...(issuers > 1 && { common_caller_ids: true }), ...changes };
  return compilePolicy(parseConfig(config), inlineKeySource, () => {
    throw new Error('no identity token is configured');
  });
}

const secretJwk = ({ privateKey, alg, kid }: SigningKey): object => ({
  ...privateKey.export({ format: 'jwk' }),
  alg,
  kid,
});

/** A cache that has just been made; a full-sized one would cost more to make than a verification. */
export const noCache = (): TokenCache => createTokenCache(1);

/**
 * Runs every request once for each round and returns the microseconds of processor time that one decision took.
 *
 * @throws when a decision is not `expected`: "proceed" or the code of a refusal
 */
export async function measure(
  requests: readonly RequestView[],
  policy: Policy,
  cacheOf: () => TokenCache,
  expected = 'proceed',
): Promise<number> {
  const run = async (count: number): Promise<void> => {
    for (let done = 0; done < count;) {
      const cache = cacheOf();
      for (const request of requests) {
        const decision = await decide(request, policy, cache, clock);
        const outcome = decision instanceof Refusal ? decision.code : decision.outcome;
        if (outcome !== expected) throw new Error(`a decision of the benchmark was ${outcome}, not ${expected}`);
        if ((done += 1) >= count) break;
      }
    }
  };
  // The compiler gets its time first.
  await run(DECISIONS);
  const before = process.cpuUsage();
  await run(DECISIONS);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / DECISIONS;
}

export type Row = Record<string, string | number>;

/** Prints a table. */
export function print(title: string, rows: readonly Row[]): void {
  const columns = Object.keys(rows[0] ?? {});
  const cells = [columns, ...rows.map((row) => columns.map((column) => String(row[column])))];
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => line[index]?.length ?? 0)));
  const line = (texts: readonly string[]): string =>
    `| ${texts.map((text, index) => text.padEnd(widths[index] ?? 0)).join(' | ')} |`;
  const [head = [], ...body] = cells;
  const rule = widths.map((width) => '-'.repeat(width));
  process.stdout.write(`\n${title}\n\n${[head, rule, ...body].map(line).join('\n')}\n`);
}

export const micros = (value: number): string => value.toFixed(1);
export const one = (cache: TokenCache) => (): TokenCache => cache;
