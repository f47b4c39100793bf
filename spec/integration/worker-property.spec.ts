import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readFileSync, rmSync } from 'node:fs';
import { Agent, request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseConfig } from '../../schema/parse-config';
import { startEchoService, type EchoService, type Received } from '../support/echo-service';
import type { Kong } from '../support/kong';
import { freePorts } from '../support/kong-itself';
import { hasHandler, startNativeKong } from '../support/kong-native';
import { describeKong, kongTarget } from '../support/kong-target';
import { publicJwk, signingKey, signToken } from '../support/tokens';

/** Requests to each of the two Kongs. `WORKER_PROPERTY_REQUESTS` takes another number. */
const REQUESTS = Number(process.env['WORKER_PROPERTY_REQUESTS'] ?? 3_000);
/** Workers of each Kong. `WORKER_PROPERTY_WORKERS` takes another number: each has a memory and instances of its own. */
const WORKERS = Number(process.env['WORKER_PROPERTY_WORKERS'] ?? 1);
const ROUTES = 60;
const SEED = Number(process.env['WORKER_PROPERTY_SEED'] ?? 16);

const key = signingKey('ES256', 'k1');
const stranger = signingKey('ES256', 'k1');
const ISSUER = 'https://auth.test/';

/** A setting that most configurations leave at its default. */
function rarely<T>(setting: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.oneof({ weight: 5, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: setting });
}

/** Settings that change what is decided, told or logged; `undefined` for the default. */
const settings = fc.record({
  header_names: rarely(fc.constantFrom(['Authorization', 'X-Token'], ['X-Token'])),
  cookie_names: rarely(fc.constant(['t'])),
  uri_param_names: rarely(fc.constant(['t'])),
  hide_credentials: rarely(fc.boolean()),
  allow_missing: rarely(fc.constant(true)),
  allow_authenticated: rarely(fc.constant(true)),
  run_on_preflight: rarely(fc.constant(false)),
  authorize: rarely(
    fc.constantFrom(
      [{ any_identity: true }],
      [{ methods: ['GET'], roles: ['admin'] }, { any_identity: true }],
      [{ scopes: ['read'] }],
    ),
  ),
  authorize_shadow: rarely(fc.constantFrom([{ roles: ['admin'] }], [{ methods: ['POST'], any_identity: true }])),
  authenticated_groups_claim: rarely(fc.constant('roles')),
  credential_claim: rarely(fc.constantFrom('sub', 'client')),
  consumer_claim: rarely(fc.constant('sub')),
  consumer_by: fc.constant('username'),
  consumer_optional: rarely(fc.boolean()),
  log_decisions: rarely(fc.constantFrom('none', 'refused', 'all')),
  log_user_claim: rarely(fc.constantFrom('sub', 'number')),
  identity_headers: rarely(
    fc.constantFrom(
      [{ header: 'X-User-ID', claim: 'sub' }],
      [
        { header: 'X-User-Who', claim: 'sub' },
        { header: 'X-User-Roles', claim: 'roles' },
        { header: 'X-User-Number', claim: 'number' },
      ],
    ),
  ),
  reserved_headers: rarely(fc.constant(['x-internal-*'])),
  required_claims: rarely(fc.constantFrom([], ['sub'])),
  realm: rarely(fc.constant('shop "1"')),
  worker_cache_ttl: rarely(fc.constantFrom(0, 5, 10)),
});

const TOKENS: Readonly<Record<string, object | string>> = {
  ada: { sub: 'ada', roles: ['admin', 'user'], scope: 'read', number: 0.1, client: 'c1' },
  bob: { sub: 'bob', roles: [], scope: 'write', number: 12, client: 7 },
  unicode: { sub: 'ä€😀%,"\\', roles: ['ä', 'x'], scope: 'read' },
  surrogate: { sub: 'a\ud800', roles: 'admin' },
  many: { sub: 'many', roles: Array.from({ length: 300 }, (_, index) => `role-${index}`), scope: ['read'] },
  empty: { sub: '', roles: null },
  comma: { sub: 'c', roles: ['a,b'] },
  expired: { sub: 'ada', exp: 1 },
  foreign: { sub: 'ada', aud: 'other' },
  garbage: 'x.y.z',
};

interface Request {
  readonly route: number;
  readonly method: string;
  readonly lines: readonly (readonly [name: string, value: string])[];
  readonly query: string;
}

/** Templates; `$name` stands for a token. Those of ordinary requests are there several times. */
const credentialLines = fc.constantFrom<Request['lines']>(
  ...Array.from({ length: 6 }, () => [['Authorization', 'Bearer $ada']] as const),
  ...Object.keys(TOKENS).map((name) => [['Authorization', `Bearer $${name}`]] as const),
  [],
  [],
  [['Authorization', 'bearer $ada']],
  [['Authorization', 'Bearer  $ada']],
  [['Authorization', 'Basic YTpi']],
  [['Authorization', 'Bearer $ada, Bearer $bob']],
  [['Authorization', '']],
  [['X-Token', '$ada']],
  [['X-Token', 'Bearer $bob']],
  [
    ['Authorization', 'Bearer $ada'],
    ['X-Token', '$bob'],
  ],
  [['Cookie', 't=$ada']],
  [
    ['Authorization', 'Bearer $ada'],
    ['Cookie', 't=$bob; a=b'],
  ],
  [['apikey', 'key-of-carol']],
  [
    ['apikey', 'key-of-carol'],
    ['Authorization', 'Bearer $ada'],
  ],
);
const otherLine = fc.constantFrom<readonly [string, string]>(
  ['Accept', '*/*'],
  ['User-Agent', 'curl/8'],
  ['User-Agent', 'Mozilla/5.0'],
  ['Cookie', 'a=b'],
  ['X-Trace', '1'],
  ['Connection', 'keep-alive'],
  ['Connection', 'Keep-Alive'],
  ['Connection', 'X-User-ID'],
  ['Connection', 'keep-alive, x-user-who'],
  ['Connection', 'X-Trace'],
  ['Proxy-Connection', 'x-user-id'],
  ['TE', 'trailers'],
  ['Origin', 'https://shop.test'],
  ['Access-Control-Request-Method', 'PUT'],
  ['Content-Type', 'application/grpc'],
  ['Content-Type', 'application/json'],
  ['x_user_id', 'evil'],
  ['X-User-ID', 'evil'],
  ['X-User.ID', 'evil'],
  ['X-User-Who', 'evil'],
  ['X_Token', '$ada'],
  ['X-Internal-A', 'evil'],
  ['X-Consumer-Username', 'evil'],
  ['X-Consumer-ID', 'evil'],
  ['X-Credential-Identifier', 'evil'],
  ['X-Anonymous-Consumer', 'true'],
  ['X-Authenticated-Groups', 'admin'],
);
const request: fc.Arbitrary<Request> = fc.record({
  route: fc.nat(ROUTES - 1),
  method: fc.constantFrom('GET', 'GET', 'GET', 'POST', 'HEAD', 'OPTIONS', 'PURGE'),
  lines: fc
    .tuple(credentialLines, fc.array(otherLine, { maxLength: 2 }))
    .map(([credential, others]) => [...credential, ...others]),
  query: fc.constantFrom('', '', '', '?a=b', '?t=$ada'),
});

/** What other plugins of Kong see of the caller. */
const WITNESS = `
  local cjson = require("cjson.safe")
  local function text(value)
    if type(value) ~= "table" then return tostring(value) end
    local keys, parts = {}, {}
    -- Kong sets it when it loads its configuration.
    for key in pairs(value) do if key ~= "updated_at" then keys[#keys + 1] = tostring(key) end end
    table.sort(keys)
    for _, key in ipairs(keys) do
      local member = value[key]
      if member == nil then member = value[tonumber(key)] end
      parts[#parts + 1] = key .. "=" .. text(member)
    end
    return "{" .. table.concat(parts, ",") .. "}"
  end
  local shared = {}
  for key, value in pairs(kong.ctx.shared) do shared[key] = value end
  local seen = text({ shared, ngx.ctx.authenticated_credential or "none", ngx.ctx.authenticated_consumer or "none" })
  kong.service.request.set_header("X-Witness", ngx.encode_base64(seen))
  -- What a plugin does to the entry of one request must not reach the next.
  if kong.request.get_header("x-trace") then kong.log.set_serialize_value("jwt_identity.spoiled", true) end
`;

interface Outcome {
  readonly status: number;
  readonly headers: readonly string[];
  readonly body: string;
  /** Header lines that the service got, sorted; `undefined` when it got no request. */
  readonly service: readonly string[] | undefined;
}

function describeProperty(name: string, body: () => void): void {
  if (kongTarget === 'native' && hasHandler) describeKong(name, body);
  else describe.skip(`${name} (with KONG_TARGET=native and the handler only)`, body);
}

describeProperty("the handler inside Kong's worker changes nothing", () => {
  let service: EchoService;
  let kongs: readonly Kong[] = [];
  let metricsUrl: string;
  let tokens: ReadonlyMap<string, string>;
  const configs: object[] = [];
  const logs = ['without', 'with'].map((name) => join(tmpdir(), `worker-property-${process.pid}-${name}.log`));

  beforeAll(async () => {
    process.stderr.write(`seed ${SEED}: WORKER_PROPERTY_SEED=${SEED} repeats this run\n`);
    service = await startEchoService();
    const now = Math.floor(Date.now() / 1000);
    const base = { iss: ISSUER, aud: 'shop', iat: now, exp: now + 3_600 };
    tokens = new Map(
      await Promise.all(
        Object.entries(TOKENS).map(async ([name, claims]): Promise<[string, string]> => [
          name,
          typeof claims === 'string' ? claims : await signToken(key, { ...base, ...claims }),
        ]),
      ),
    );
    (tokens as Map<string, string>).set('forged', await signToken(stranger, { ...base, sub: 'ada' }));
    const issuers = [{ issuer: ISSUER, audiences: ['shop'], jwks: JSON.stringify({ keys: [publicJwk(key)] }) }];
    for (const config of fc.sample(settings, { numRuns: ROUTES * 20, seed: SEED })) {
      const whole = JSON.parse(JSON.stringify({ issuers, ...config })) as object;
      if (configs.length < ROUTES && isAccepted(whole)) configs.push(whole);
    }
    const ports = await freePorts();
    metricsUrl = `http://127.0.0.1:${ports[1]}/metrics`;
    kongs = await Promise.all(
      logs.map((path, index) =>
        startNativeKong(
          {
            declarativeConfig: JSON.stringify(kongFile(configs, service.url, path)),
            environment: { KONG_UNTRUSTED_LUA: 'on', KONG_NGINX_WORKER_PROCESSES: String(WORKERS) },
            serveFlags: ['--log-level', 'error', '--metrics', String(ports[index])],
          },
          index === 1,
        ),
      ),
    );
  }, 180_000);
  afterAll(async () => {
    await Promise.all(kongs.map((kong) => kong.stop()));
    await service.stop();
    for (const path of logs) rmSync(path, { force: true });
  });

  it(`for ${REQUESTS} random requests under ${ROUTES} random configurations, in what clients, services, plugins and logs see`, async () => {
    const requests = fc.sample(request, { numRuns: REQUESTS, seed: SEED });
    // A connection stays with the worker that took it.
    const agents = kongs.map(() => Array.from({ length: 4 * WORKERS - 3 }, () => new Agent({ keepAlive: true })));
    let passed = 0;
    for (const number of requests.keys()) {
      const repeated = variantOf(requests, number);
      const outcomes = await Promise.all(
        kongs.map((kong, index) =>
          ask(kong, agents[index]![number % agents[index]!.length]!, repeated, number, tokens),
        ),
      );
      const about = { config: configs[repeated.route], request: repeated };
      expect({ ...about, outcome: outcomes[1] }).toEqual({ ...about, outcome: outcomes[0] });
      if (outcomes[0]!.status === 200) passed += 1;
    }
    agents.flat().forEach((agent) => {
      agent.destroy();
    });
    // Otherwise the comparison would say little.
    expect(passed).toBeGreaterThan(REQUESTS / 10);
    const [without, withHandler] = await Promise.all(logs.map((path) => entriesOf(path, REQUESTS)));
    for (const [number, entry] of without!)
      expect({ number, ...withHandler!.get(number) }).toEqual({ number, ...entry });
    const repeats = await repeatedDecisions(metricsUrl, REQUESTS / 20);
    process.stderr.write(`${passed} of ${REQUESTS} passed, ${repeats} answers were repeated in the worker\n`);
    expect(repeats).toBeGreaterThan(REQUESTS / 20);
  }, 600_000);
});

/**
 * Of four requests, the second is the first again, the third has another header line, and the fourth has another
 * method or is the first again.
 */
function variantOf(requests: readonly Request[], number: number): Request {
  const first = requests[number - (number % 4)]!;
  const { lines, method } = requests[number]!;
  if (number % 4 === 2) return { ...first, lines: [...first.lines, ...lines.slice(-1)] };
  return number % 4 === 3 ? { ...first, method } : first;
}

function isAccepted(config: object): boolean {
  try {
    parseConfig(config);
    return true;
  } catch {
    return false;
  }
}

function kongFile(configs: readonly object[], url: string, logPath: string): object {
  const witness = { name: 'post-function', config: { access: [WITNESS] } };
  const plugins = (config: object, index: number): object[] => [
    { name: 'jwt-identity', config },
    witness,
    ...(index % 7 === 0 ? [{ name: 'acl', config: { allow: ['admin'], always_use_authenticated_groups: true } }] : []),
    ...(index % 5 === 0 ? [{ name: 'key-auth', config: { anonymous: 'nobody' } }] : []),
    ...(index % 4 === 0
      ? [{ name: 'rate-limiting', config: { second: 1_000_000, policy: 'local', limit_by: 'credential' } }]
      : []),
  ];
  return {
    _format_version: '3.0',
    services: [
      {
        url,
        routes: configs.map((config, index) => ({
          name: `r${index}`,
          paths: [`~/r${index}$`],
          plugins: plugins(config, index),
        })),
      },
    ],
    consumers: [
      { username: 'ada', custom_id: 'a-1', created_at: 1 },
      { username: 'nobody', created_at: 1 },
      {
        username: 'carol',
        created_at: 1,
        keyauth_credentials: [{ id: '9a8d62ba-c499-42f3-8bb8-ef8a86189828', key: 'key-of-carol', created_at: 1 }],
      },
    ],
    plugins: [{ name: 'file-log', config: { path: logPath } }],
  };
}

function ask(
  kong: Kong,
  agent: Agent,
  { route, method, lines, query }: Request,
  number: number,
  tokens: ReadonlyMap<string, string>,
): Promise<Outcome> {
  const filled = (text: string): string => text.replace(/\$([a-z]+)/g, (_, name: string) => tokens.get(name) ?? '');
  const headers = ['Host', 'shop.test', 'X-Case', String(number)];
  for (const [name, value] of lines) headers.push(name, filled(value));
  const path = `/r${route}${filled(query)}`;
  return new Promise((resolve, reject) => {
    httpRequest({ host: kong.host, port: kong.port, agent, method, path, headers }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => {
        resolve(outcomeOf(response.statusCode ?? 0, response.rawHeaders, text));
      });
    })
      .on('error', reject)
      .end();
  });
}

/** What differs from request to request of one Kong, too. */
const VARYING = /^(date|x-kong-request-id|x-kong-.*-latency|via|x-ratelimit-.*|ratelimit-.*|connection|keep-alive):/i;

function outcomeOf(status: number, rawHeaders: readonly string[], text: string): Outcome {
  const headers = linesOf(rawHeaders).filter((line) => !/^content-length:/i.test(line) || status !== 200);
  if (status === 200 && text !== '') {
    const { rawHeaders: received, ...rest } = JSON.parse(text) as Received;
    const service = linesOf(received, /^x-(case|forwarded-port|kong-request-id):/i);
    return { status, headers, body: `${rest.method} ${rest.url} ${rest.body}`, service };
  }
  // Ids of requests.
  return { status, headers, body: text.replace(/[0-9a-f]{32}/g, 'id'), service: undefined };
}

function linesOf(rawHeaders: readonly string[], without?: RegExp): string[] {
  const lines: string[] = [];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    lines.push(`${rawHeaders[index]}: ${rawHeaders[index + 1]}`);
  }
  return lines.filter((line) => !VARYING.test(line) && without?.test(line) !== true).toSorted();
}

/** What Kong's file-log wrote about the caller, by the number of the request. */
async function entriesOf(path: string, count: number): Promise<Map<number, object>> {
  const deadline = performance.now() + 30_000;
  for (;;) {
    const lines = readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('{') && line.endsWith('}'));
    const entries = new Map<number, object>();
    for (const line of lines) {
      const written = JSON.parse(line.replace(/"updated_at":\d+/g, '"updated_at":0')) as Record<string, unknown>;
      const { request: seen, jwt_identity: entry, authenticated_entity: entity, consumer } = written;
      const number = (seen as { headers: Record<string, string> }).headers['x-case'];
      if (number !== undefined) entries.set(Number(number), { entry, entity, consumer });
    }
    if (entries.size >= count) return entries;
    if (performance.now() > deadline) throw new Error(`${entries.size} of ${count} requests are logged`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** How many answers the plugin server was told of as repeated; waits for more than `least`, ten seconds at most. */
async function repeatedDecisions(url: string, least: number): Promise<number> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    const text = await (await fetch(url)).text();
    const counts = [...text.matchAll(/^jwt_identity_repeated_decisions_total\{.*\} (\d+)$/gm)];
    const sum = counts.reduce((total, [, value]) => total + Number(value), 0);
    if (sum > least || performance.now() > deadline) return sum;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
