import { describe, it } from '@jest/globals';
import { parseConfig } from '../../../schema/parse-config';
import { createGatekeeper } from '../../../src/bff/gatekeeper';
import { decide } from '../../../src/core/pipeline';
import { compilePolicy } from '../../../src/core/policy';
import { Refusal } from '../../../src/core/refusal/refusal';
import { refusalResponse } from '../../../src/core/refusal/refusal-response';
import { createTokenCache } from '../../../src/core/verification/token-cache';
import { createKeySources } from '../../../src/keys/key-sources';
import { CONFORMANCE, prepare, type HeaderLine, type PreparedCase } from '../../support/conformance';
import { expectOutcome, type ConformanceOutcome } from '../../support/conformance-outcome';

const keys = createKeySources({ now: Date.now, log: () => undefined });

/** Headers as Kong hands them to a plugin: names in lower case, a repeated one is a list. */
function asKongSees(lines: readonly HeaderLine[]): Record<string, string | readonly string[]> {
  const names = new Set(lines.map(([name]) => name.toLowerCase()));
  const entries = [...names].map((name) => {
    const values = lines.filter((line) => line[0].toLowerCase() === name).map(([, value]) => value);
    return [name, values.length === 1 ? values[0]! : values] as const;
  });
  return Object.fromEntries(entries);
}

async function askCore({ config, method, query, lines }: PreparedCase): Promise<ConformanceOutcome> {
  const policy = compilePolicy(parseConfig(config), keys);
  const view = { headers: asKongSees(lines), method, rawQuery: query ?? '' };
  const decision = await decide(view, policy, createTokenCache(), () => Date.now() / 1000);
  if (decision instanceof Refusal) {
    const { status, headers, body } = refusalResponse(decision, policy.realm);
    return { response: { status, headers: new Headers(headers), body: JSON.parse(body) as unknown } };
  }
  const serviceHeaders = new Map<string, string>(lines.map(([name, value]) => [name.toLowerCase(), value]));
  for (const [name, value] of Object.entries(decision.headers)) {
    if (typeof value === 'string') serviceHeaders.set(name.toLowerCase(), value);
    else serviceHeaders.delete(name.toLowerCase());
  }
  return { serviceHeaders, query: decision.rawQuery ?? query ?? '' };
}

async function askBff({ config, method, query, lines }: PreparedCase): Promise<ConformanceOutcome> {
  const headers = new Headers(lines.map(([name, value]): [string, string] => [name, value]));
  const request = new Request(`https://bff.test/orders${query === undefined ? '' : `?${query}`}`, { method, headers });
  const decision = await createGatekeeper(config).decide(request);
  if (decision.outcome === 'proceed') {
    return { serviceHeaders: decision.forwardedHeaders, query: decision.search.slice(1) };
  }
  const { response } = decision;
  return {
    response: { status: response.status, headers: response.headers, body: await response.json() },
  };
}

describe.each([
  ['core', askCore],
  ['the BFF’s gatekeeper', askBff],
] as const)('%s', (_, ask) => {
  it.each(CONFORMANCE.map((each) => [each.name, each] as const))('answers %s as everybody does', async (__, each) => {
    const prepared = await prepare(each);
    expectOutcome(prepared, await ask(prepared));
  });
});
