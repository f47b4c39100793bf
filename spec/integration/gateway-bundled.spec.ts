import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { type EchoService, startEchoService } from '../support/echo-service';
import { type Kong, startKong } from '../support/kong';
import { describeKong } from '../support/kong-target';

type Headers = Readonly<Record<string, string>>;

/** One request to a route, and what becomes of it. */
interface Example {
  readonly path: string;
  readonly method?: string;
  readonly headers?: Headers;
  readonly status: number;
  /** Of the response; `null` for one that is not there. */
  readonly answer?: Readonly<Record<string, string | null>>;
  /** Of its JSON; `''` for no body at all. */
  readonly body?: object | string;
  /** Headers that the service received; `undefined` for one that it did not. `null` when it got no request. */
  readonly received?: Readonly<Record<string, string | undefined>> | null;
}

const PREFLIGHT = { origin: 'https://a.test', 'access-control-request-method': 'PUT' };
const ALL_METHODS = 'GET,HEAD,PUT,PATCH,POST,DELETE,OPTIONS,TRACE,CONNECT';
const UUID = '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}';

const EXAMPLES: readonly (readonly [string, Example])[] = [
  [
    'cors answers a preflight for everybody',
    {
      ...{ path: '/cors', method: 'OPTIONS', status: 200, body: '', received: null },
      headers: { ...PREFLIGHT, 'access-control-request-headers': 'x-a,x-b' },
      answer: {
        'access-control-allow-origin': '*',
        'access-control-allow-methods': ALL_METHODS,
        'access-control-allow-headers': 'x-a,x-b',
        'access-control-allow-credentials': null,
        'access-control-max-age': null,
        vary: null,
      },
    },
  ],
  [
    'cors answers a preflight as it is configured, with the origin that asked',
    {
      ...{ path: '/origins', method: 'OPTIONS', status: 200, body: '', received: null },
      headers: { ...PREFLIGHT, origin: 'https://b.test', 'access-control-request-private-network': 'true' },
      answer: {
        'access-control-allow-origin': 'https://b.test',
        'access-control-allow-methods': 'GET,PUT',
        'access-control-allow-headers': 'x-mine',
        'access-control-allow-credentials': 'true',
        'access-control-allow-private-network': 'true',
        'access-control-max-age': '60',
        vary: 'Origin',
      },
    },
  ],
  [
    'cors names no origin to one that is not allowed, and lets its request pass',
    {
      ...{ path: '/origins', status: 200, headers: { origin: 'https://evil.test' } },
      answer: { 'access-control-allow-origin': null, vary: 'Origin', 'access-control-expose-headers': 'x-shown' },
    },
  ],
  [
    'cors takes an origin that matches a pattern as a whole only',
    {
      ...{ path: '/origins', status: 200, headers: { origin: 'https://sub.c.test.evil.test' } },
      answer: { 'access-control-allow-origin': null },
    },
  ],
  [
    'cors takes an origin that matches a pattern',
    {
      ...{ path: '/origins', status: 200, headers: { origin: 'https://sub.c.test' } },
      answer: { 'access-control-allow-origin': 'https://sub.c.test', 'access-control-allow-credentials': 'true' },
    },
  ],
  [
    'cors says its one origin to everybody, also to who names none',
    { path: '/one-origin', status: 200, answer: { 'access-control-allow-origin': 'https://a.test', vary: 'Origin' } },
  ],
  [
    'cors leaves a preflight to the service when it is to',
    {
      ...{ path: '/continued', method: 'OPTIONS', headers: PREFLIGHT, status: 200, received: {} },
      answer: { 'access-control-allow-methods': null },
    },
  ],
  [
    'key-auth finds the consumer by a key in a header, and hides it',
    {
      ...{ path: '/key', headers: { apikey: 'ada-key' }, status: 200 },
      received: { apikey: undefined, 'x-consumer-username': 'ada', 'x-consumer-custom-id': '7' },
    },
  ],
  [
    'key-auth finds the consumer by a key in the query',
    { path: '/key?apikey=ada-key', status: 200, received: { 'x-consumer-username': 'ada' } },
  ],
  [
    'key-auth refuses a request without a key',
    {
      ...{ path: '/key', status: 401, received: null },
      answer: { 'www-authenticate': 'Key' },
      body: { message: 'No API key found in request' },
    },
  ],
  [
    'key-auth refuses a key that nobody has, in the realm that is configured',
    {
      ...{ path: '/realm', headers: { apikey: 'evil' }, status: 401, received: null },
      answer: { 'www-authenticate': 'Key realm="shop"' },
      body: { message: 'Unauthorized' },
    },
  ],
  [
    'key-auth refuses two keys',
    {
      ...{ path: '/key?apikey=ada-key&apikey=evil', status: 401, received: null },
      body: { message: 'Duplicate API key found' },
    },
  ],
  [
    'key-auth lets a request without a key pass as the anonymous consumer, whatever the client says of itself',
    {
      ...{ path: '/anonymous', headers: { 'x-consumer-custom-id': 'evil' }, status: 200 },
      received: { 'x-consumer-username': 'nobody', 'x-anonymous-consumer': 'true', 'x-consumer-custom-id': undefined },
    },
  ],
  [
    'correlation-id takes the id that a client brings, and says it to the client',
    {
      ...{ path: '/id', headers: { 'x-id': 'mine' }, status: 200 },
      ...{ answer: { 'x-id': 'mine' }, received: { 'x-id': 'mine' } },
    },
  ],
  [
    'correlation-id says nothing to the client unless it is to',
    { path: '/quiet', status: 200, answer: { 'x-id': null } },
  ],
  [
    'request-termination answers with a message',
    { path: '/closed', status: 403, body: { message: 'closed' }, received: null },
  ],
  [
    'request-termination has a message of its own',
    { path: '/down', status: 503, body: { message: 'Service unavailable' } },
  ],
  [
    'request-termination answers with a body',
    {
      path: '/body',
      status: 200,
      answer: { 'content-type': 'text/plain; charset=UTF-8' },
      body: 'as it is',
      received: null,
    },
  ],
  ['request-termination waits for its trigger', { path: '/trigger', status: 200, received: {} }],
  ['request-termination is triggered by a header', { path: '/trigger', headers: { 'x-stop': '' }, status: 418 }],
  ['request-termination is triggered by an argument', { path: '/trigger?x-stop', status: 418, received: null }],
];

describeKong("Kong's own plugins", () => {
  const folder = mkdtempSync(join(tmpdir(), 'bundled-'));
  const logFile = join(folder, 'file.log');
  let service: EchoService;
  let kong: Kong;
  beforeAll(async () => {
    // Kong's workers may be another user.
    chmodSync(folder, 0o777);
    service = await startEchoService();
    kong = await startKong({ declarativeConfig: JSON.stringify(entities(service.url)) });
  });
  afterAll(async () => {
    await kong.stop();
    await service.stop();
    rmSync(folder, { recursive: true });
  });
  beforeEach(() => {
    service.received.length = 0;
  });

  const ask = ({ path, method = 'GET', headers = {} }: Pick<Example, 'path' | 'method' | 'headers'>) =>
    fetch(kong.proxyUrl + path, { method, headers });

  it.each(EXAMPLES)('%s', async (_, { status, answer = {}, body, received, ...request }) => {
    const response = await ask(request);
    expect(response.status).toBe(status);
    const seen = Object.keys(answer).map((name) => [name, response.headers.get(name)]);
    expect(Object.fromEntries(seen)).toEqual(answer);
    const text = await response.text();
    if (typeof body === 'string') expect(text).toBe(body);
    else if (body !== undefined) expect(JSON.parse(text)).toMatchObject(body);
    const [arrived] = service.received;
    if (received === null) expect(arrived).toBeUndefined();
    for (const [name, value] of Object.entries(received ?? {})) {
      expect([name, arrived?.headers[name]]).toEqual([name, value === undefined ? undefined : [value]]);
    }
  });

  it.each([
    ['/quiet', `^${UUID}#[0-9]+$`],
    ['/uuid', `^${UUID}$`],
  ])('correlation-id makes an id for each request: %s', async (path, pattern) => {
    await Promise.all([ask({ path }), ask({ path })]);
    const ids = service.received.map(({ headers }) => headers['x-id']?.[0]);
    expect(new Set(ids).size).toBe(2);
    for (const id of ids) expect(id).toMatch(new RegExp(pattern));
  });

  it('file-log writes a line of JSON for each request, with the id that correlation-id gave it', async () => {
    await ask({ path: '/logged?a=1', headers: { 'x-id': 'mine' } });
    await ask({ path: '/logged', headers: { 'x-id': 'other', 'x-stop': '' } });
    const lines = (): string[] => readFileSync(logFile, { encoding: 'utf8', flag: 'a+' }).trim().split('\n');
    while (lines().length < 2) await new Promise((next) => setTimeout(next, 10));
    expect(lines().map((line) => JSON.parse(line) as unknown)).toMatchObject([
      {
        request: { method: 'GET', uri: '/logged?a=1', querystring: { a: '1' } },
        response: { status: 200 },
        upstream_uri: '/?a=1',
        route: { name: 'logged' },
        service: { name: 'service' },
        correlation_id: 'mine',
        client_ip: '127.0.0.1',
      },
      { response: { status: 418 }, correlation_id: 'other', upstream_uri: '/' },
    ]);
  });

  function entities(url: string): object {
    const route = (name: string, ...plugins: readonly [string, object?][]): object => ({
      name,
      paths: [`/${name}`],
      plugins: plugins.map(([plugin, config = {}]) => ({ name: plugin, config })),
    });
    const id = { header_name: 'X-ID' };
    const stop = { status_code: 418, message: 'stop', trigger: 'x-stop' };
    const routes = [
      route('cors', ['cors']),
      route('origins', [
        'cors',
        {
          origins: ['https://b.test', '^https://[a-z]+\\.c\\.test'],
          ...{ methods: ['GET', 'PUT'], headers: ['x-mine'], exposed_headers: ['x-shown'] },
          ...{ credentials: true, private_network: true, max_age: 60 },
        },
      ]),
      route('one-origin', ['cors', { origins: ['https://a.test'] }]),
      route('continued', ['cors', { preflight_continue: true }]),
      route('key', ['key-auth', { hide_credentials: true }]),
      route('realm', ['key-auth', { realm: 'shop' }]),
      route('anonymous', ['key-auth', { anonymous: 'nobody' }]),
      route('id', ['correlation-id', { ...id, echo_downstream: true }]),
      route('quiet', ['correlation-id', id]),
      route('uuid', ['correlation-id', { ...id, generator: 'uuid' }]),
      route('closed', ['request-termination', { status_code: 403, message: 'closed' }]),
      route('down', ['request-termination']),
      route('body', ['request-termination', { status_code: 200, body: 'as it is', content_type: 'text/plain' }]),
      route('trigger', ['request-termination', stop]),
      route('logged', ['file-log', { path: logFile }], ['correlation-id', id], ['request-termination', stop]),
    ];
    return {
      _format_version: '3.0',
      services: [{ name: 'service', url, routes }],
      consumers: [
        { username: 'ada', custom_id: '7', keyauth_credentials: [{ key: 'ada-key' }] },
        { username: 'nobody' },
      ],
    };
  }
});
