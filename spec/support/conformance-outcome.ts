import { expect } from '@jest/globals';
import { WATCHED, type PreparedCase } from './conformance';

/** What became of a case's request. */
export type ConformanceOutcome =
  | { readonly response: { readonly status: number; readonly headers: Headers; readonly body: unknown } }
  | {
      readonly serviceHeaders: Iterable<readonly [name: string, value: string]>;
      readonly query: string;
      readonly setCookies?: readonly string[] | undefined;
    };

/** Compares an outcome with what the case expects. */
export function expectOutcome({ expected, lines, query }: PreparedCase, outcome: ConformanceOutcome): void {
  if ('code' in expected) {
    expect(outcome).toHaveProperty('response');
    const { status, headers, body } = (outcome as Extract<ConformanceOutcome, { response: unknown }>).response;
    expect(body).toMatchObject({ code: expected.code, status: expected.status });
    expect(status).toBe(expected.status);
    expect(headers.get('content-type')).toBe('application/problem+json');
    expect(headers.get('cache-control')).toBe('no-store');
    if (expected.challenge) expect(headers.get('www-authenticate')).toMatch(expected.challenge);
    return;
  }
  expect(outcome).toHaveProperty('serviceHeaders');
  const passed = outcome as Exclude<ConformanceOutcome, { response: unknown }>;
  const { serviceHeaders, query: serviceQuery, setCookies = [] } = passed;
  expect(setCookies).toEqual(expected.setCookies ?? []);
  const seen = [...serviceHeaders]
    .filter(([name]) => WATCHED.test(name))
    .map(([n, v]) => [n.toLowerCase(), v] as const);
  const sent = new Map(lines.map(([name, value]) => [name.toLowerCase(), value]));
  const wanted = Object.entries(expected.service).map(([n, v]) => [n, v === 'TOKEN' ? sent.get(n) : v] as const);
  expect(Object.fromEntries(seen)).toEqual(Object.fromEntries(wanted));
  expect(serviceQuery).toBe(expected.query ?? query ?? '');
}
