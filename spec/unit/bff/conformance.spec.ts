import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import '../../support/quiet-log';
import { parseConfig } from '../../../schema/parse-config';
import { Plugin } from '../../../plugin/jwt-identity';
import { createDoor } from '../../../src/bff/door/door';
import { createGatekeeper } from '../../../src/bff/gatekeeper';
import { withHeaders } from '../../../src/core/decision';
import { decide } from '../../../src/core/pipeline';
import { compilePolicy } from '../../../src/core/policy';
import { Refusal } from '../../../src/core/refusal/refusal';
import { refusalResponse } from '../../../src/core/refusal/refusal-response';
import { createTokenCache } from '../../../src/core/verification/token-cache';
import { createKeySources } from '../../../src/keys/key-sources';
import { CONFORMANCE, NEEDS_KONG, prepare, type HeaderLine, type PreparedCase } from '../../support/conformance';
import { doorFile } from '../../support/door-file';
import { startEchoService, type EchoService, type Received } from '../../support/echo-service';
import { pluginKong } from '../../support/plugin-kong';
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

/** What the service receives of the lines that were sent, once the changes are made. */
function changed(lines: readonly HeaderLine[], changes: Readonly<Record<string, unknown>>): Map<string, string> {
  const headers = new Map<string, string>(lines.map(([name, value]) => [name.toLowerCase(), value]));
  for (const [name, value] of Object.entries(changes)) {
    if (typeof value === 'string') headers.set(name.toLowerCase(), value);
    else headers.delete(name.toLowerCase());
  }
  return headers;
}

function refused(status: number, headers: Headers | Record<string, string>, body: string): ConformanceOutcome {
  return { response: { status, headers: new Headers(headers), body: JSON.parse(body) as unknown } };
}

async function askCore({ config, method, query, lines }: PreparedCase): Promise<ConformanceOutcome> {
  const policy = compilePolicy(parseConfig(config), keys);
  const view = { headers: asKongSees(lines), method, rawQuery: query ?? '' };
  const decision = await decide(view, policy, createTokenCache(), () => Date.now() / 1000);
  if (decision instanceof Refusal) {
    const { status, headers, body } = refusalResponse(decision, policy.challenge);
    return refused(status, headers, body);
  }
  // A door says that nobody is known: only there can it be seen whom Kong found.
  const anonymous = decision.token === undefined ? { 'X-Anonymous-Consumer': 'true' } : {};
  const serviceHeaders = changed(lines, withHeaders(decision.headers, anonymous));
  return { serviceHeaders, query: decision.rawQuery ?? query ?? '', setCookies: decision.setCookies };
}

async function askPlugin({ config, method, query, lines }: PreparedCase): Promise<ConformanceOutcome> {
  const { kong, calls } = pluginKong({
    'request.getHeaders': () => Promise.resolve(asKongSees(lines)),
    'request.getMethod': () => Promise.resolve(method),
    'request.getRawQuery': () => Promise.resolve(query ?? ''),
  });
  await new Plugin(config).access(kong);
  const argsOf = (name: string): readonly unknown[] | undefined => calls.find((call) => call.method === name)?.args;
  const exit = argsOf('response.exit') as [number, string, Record<string, string>] | undefined;
  if (exit !== undefined) return refused(exit[0], exit[2], exit[1]);
  const [changes = {}] = (argsOf('service.request.setHeaders') ?? []) as [Record<string, unknown>?];
  const [rawQuery = query ?? ''] = (argsOf('service.request.setRawQuery') ?? []) as [string?];
  const [, setCookies] = (argsOf('response.addHeader') ?? []) as [string?, (readonly string[])?];
  return { serviceHeaders: changed(lines, changes), query: rawQuery, setCookies };
}

async function askBff({ config, method, query, lines }: PreparedCase): Promise<ConformanceOutcome> {
  const headers = new Headers(lines.map(([name, value]): [string, string] => [name, value]));
  const request = new Request(`https://bff.test/orders${query === undefined ? '' : `?${query}`}`, { method, headers });
  const decision = await createGatekeeper(config, { session: { origin: 'https://bff.test' } }).decide(request);
  if (decision.outcome === 'proceed') {
    const { forwardedHeaders: serviceHeaders, search, setCookies } = decision;
    return { serviceHeaders, query: search.slice(1), setCookies };
  }
  const { response } = decision;
  return refused(response.status, response.headers, await response.text());
}

let service: EchoService;
beforeAll(async () => {
  service = await startEchoService();
});
afterAll(() => service.stop());

async function askDoor({ config, method, query, lines }: PreparedCase): Promise<ConformanceOutcome> {
  const routes = [{ paths: ['/orders'], plugins: [{ name: 'jwt-identity', config }] }];
  const kongYml = doorFile({ services: [{ url: service.url, routes }] });
  const door = createDoor({ kongYml, session: { origin: 'https://bff.test' } });
  const headers = new Headers(lines.map(([name, value]): [string, string] => [name, value]));
  const request = new Request(`https://bff.test/orders${query === undefined ? '' : `?${query}`}`, { method, headers });
  const response = await door(request);
  const text = await response.text();
  await door.close();
  if (response.status !== 200) return refused(response.status, response.headers, text);
  const { rawHeaders, url } = JSON.parse(text) as Received;
  const pairs = rawHeaders.flatMap((name, i) => (i % 2 === 0 ? [[name, rawHeaders[i + 1] ?? ''] as const] : []));
  const setCookies = response.headers.getSetCookie();
  return { serviceHeaders: pairs, query: url.split('?')[1] ?? '', setCookies };
}

describe.each([
  ['core', askCore],
  ['the plugin', askPlugin],
  ['the BFF’s gatekeeper', askBff],
  ['the door', askDoor],
] as const)('%s', (_, ask) => {
  it.each(CONFORMANCE.map((each) => [each.name, each] as const))('answers %s as everybody does', async (__, each) => {
    const prepared = await prepare(each);
    expectOutcome(prepared, await ask(prepared));
  });
});

describe('a configuration by which other parts of Kong decide', () => {
  it.each(NEEDS_KONG.map((fields) => [Object.keys(fields)[0]!, fields] as const))(
    'is refused by the BFF at the start: %s',
    async (field, fields) => {
      const { config } = await prepare({ ...CONFORMANCE[0]!, config: fields });
      expect(() => parseConfig(config)).not.toThrow();
      expect(() => createGatekeeper(config)).toThrow(`config.${field}: needs Kong: `);
    },
  );
});
