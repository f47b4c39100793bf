import type { Algorithm } from '../../schema/config';
import { pem, signingKey, type SigningKey, signToken } from '../../spec/support/tokens';

/** One way through a gateway. */
export interface BenchRoute {
  readonly title: string;
  readonly path: string;
  /** Headers of its requests. */
  readonly headers: readonly string[];
  /** What a kong.yml says of the route's plugins. */
  readonly plugins: readonly object[];
  /** Whether its requests are let through. */
  readonly passes: boolean;
  /** Further paths, each a route of its own with these plugins; requests take all paths in turn. */
  readonly morePaths?: readonly string[];
  /** Tokens that its requests carry in turn, beside its headers. */
  readonly tokens?: readonly string[];
  /** Makes tokens that no request has carried, before each load. */
  readonly makeTokens?: () => Promise<readonly string[]>;
}

const ISSUER = 'https://auth.example.com/';
/** What an ordinary client sends besides, so that a request has a dozen headers. */
const ORDINARY = [
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  'Accept: application/json, text/plain, */*',
  'Accept-Language: en-US,en;q=0.5',
  'Origin: https://shop.example.com',
  'Referer: https://shop.example.com/orders',
  'Sec-Fetch-Dest: empty',
  'Sec-Fetch-Mode: cors',
  'Sec-Fetch-Site: same-site',
  'Cache-Control: no-cache',
  'Cookie: theme=dark',
];
/** More than a load of three seconds sends. */
const FIRST_SEEN = 20_000;
const COMPARED: readonly Algorithm[] = ['HS256', 'RS256', 'ES256'];
const SECRET = '0123456789abcdef'.repeat(4);

/** No plugin, plugins that decide nothing, and Kong's own `jwt`. All get the same kind of request. */
export async function yardsticks(): Promise<{ routes: BenchRoute[]; consumers: object[] }> {
  const ignored = await bearer(signingKey('HS256'), ISSUER);
  const idle = (title: string, path: string, ...plugins: readonly object[]): BenchRoute => ({
    title,
    path,
    headers: [...ORDINARY, ignored],
    plugins,
    passes: true,
  });
  const routes = [
    idle('no plugin', '/none'),
    idle('external plugin that does nothing', '/no-op', { name: 'no-op' }),
    idle('external plugin with the same calls', '/same', { name: 'same-calls' }),
    idle('minimal plugin server', '/floor', { name: 'floor' }),
    // What Kong charges for any plugin inside its worker.
    idle("Kong's pre-function that does nothing", '/pre-function', {
      name: 'pre-function',
      config: { access: ['return'] },
    }),
    // What any plugin inside Kong's worker costs that sets two headers and removes one.
    idle("Kong's request-transformer, same headers", '/transformer', {
      name: 'request-transformer',
      config: {
        remove: { headers: ['authorization'] },
        add: { headers: ['X-User-ID:user-42', 'X-User-Roles:user,support'] },
      },
    }),
  ];
  const jwtSecrets: object[] = [];
  for (const alg of COMPARED) {
    const key = signingKey(alg, `bench-${alg}`);
    const keys = alg === 'HS256' ? { secret: SECRET } : { rsa_public_key: pem(key) };
    jwtSecrets.push({ key: `bench-${alg}`, algorithm: alg, ...keys });
    const headers = [...ORDINARY, await bearer(key, `bench-${alg}`)];
    routes.push({
      title: `Kong's jwt, ${alg}`,
      path: `/jwt-${alg}`,
      headers,
      plugins: [{ name: 'jwt' }],
      passes: true,
    });
  }
  return { routes, consumers: [{ username: 'bench', jwt_secrets: jwtSecrets }] };
}

/** The plugin of this package: accepted with a cached token, refused without one and with a forged one. */
export async function guarded(
  algorithms: readonly Algorithm[] = COMPARED,
  plugin = 'jwt-identity',
): Promise<BenchRoute[]> {
  const routes: BenchRoute[] = [];
  for (const alg of algorithms) {
    const key = signingKey(alg);
    const keys = alg === 'HS256' ? { secret: SECRET } : { public_key: pem(key) };
    const config = { issuers: [{ issuer: ISSUER, audiences: ['orders'], algorithms: [alg], ...keys }] };
    const row = (title: string, path: string, headers: readonly string[], passes: boolean): BenchRoute => ({
      title: `${plugin}, ${title}`,
      path: `/${plugin}-${path}-${alg}`,
      headers: [...ORDINARY, ...headers],
      plugins: [{ name: plugin, config }],
      passes,
    });
    const token = await bearer(key, ISSUER);
    routes.push(row(`${alg}, cached token`, 'accept', [token], true));
    if (alg !== algorithms[0]) continue;
    routes.push(row('refused, no token', 'refuse', [], false));
    routes.push(row('refused, forged token', 'forged', [`${token}AAAA`], false));
    let callers = 0;
    const makeTokens = (): Promise<string[]> =>
      Promise.all(Array.from({ length: FIRST_SEEN }, () => bearer(key, ISSUER, { sub: `caller-${(callers += 1)}` })));
    routes.push({ ...row(`${alg}, token seen first`, 'first', [], true), makeTokens });
  }
  return routes;
}

/** A kong.yml with these routes to one service. */
export function declaration(
  routes: readonly BenchRoute[],
  servicePort: number,
  consumers: readonly object[] = [],
): string {
  const paths = routes.flatMap(({ path, morePaths = [], plugins }) =>
    [path, ...morePaths].map((each) => ({ name: each.slice(1), paths: [each], plugins })),
  );
  const services = [{ name: 'service', url: `http://127.0.0.1:${servicePort}`, routes: paths }];
  return JSON.stringify({ _format_version: '3.0', services, ...(consumers.length > 0 && { consumers }) });
}

/** What makes an answer dearer, or keeps the handler inside Kong's worker from repeating it. All with HS256. */
export async function handlerRoutes(): Promise<BenchRoute[]> {
  const key = signingKey('HS256');
  const issuers = [{ issuer: ISSUER, audiences: ['orders'], algorithms: ['HS256'], secret: SECRET }];
  const row = (title: string, path: string, headers: readonly string[], config: object = {}): BenchRoute => ({
    title: `jwt-identity, ${title}`,
    path: `/handler-${path}`,
    headers: [...ORDINARY, ...headers],
    plugins: [{ name: 'jwt-identity', config: { issuers, ...config } }],
    passes: true,
  });
  const token = await bearer(key, ISSUER);
  const more = (count: number): string[] => Array.from({ length: count }, (_, index) => `X-More-${index}: ${index}`);
  const roles = Array.from({ length: 500 }, (_, index) => `r${index}`);
  const many = await Promise.all(
    Array.from({ length: 10_000 }, (_, index) => bearer(key, ISSUER, { sub: `user-${index}` })),
  );
  return [
    row('without caching (worker_cache_ttl: 0)', 'asked', [token], { worker_cache_ttl: 0 }),
    row('30 headers', '30', [token, ...more(18)]),
    row('100 headers', '100', [token, ...more(88)]),
    row('500 roles', 'roles', [await bearer(key, ISSUER, { roles })]),
    {
      ...row('100 routes in turn', 'route', [token]),
      morePaths: Array.from({ length: 99 }, (_, index) => `/more-${index}`),
    },
    { ...row('10,000 tokens in turn', 'many', []), tokens: many },
  ];
}

/** The same plugins with another time for which Kong's worker repeats answers, in seconds. */
export function withCache(plugins: readonly object[], worker_cache_ttl: number): object[] {
  return plugins.map((plugin) => ({
    ...plugin,
    config: { ...(plugin as { config?: object }).config, worker_cache_ttl },
  }));
}

/** How many callers {@link manyCallers} has: as many answers as a worker remembers. */
export const REMEMBERED = 10_000;

/** Callers whose answers are nearly as long as a worker remembers (4096 bytes of key and verdict). */
export async function manyCallers(): Promise<BenchRoute> {
  const key = signingKey('HS256');
  const issuers = [{ issuer: ISSUER, audiences: ['orders'], algorithms: ['HS256'], secret: SECRET }];
  const roles = Array.from({ length: 60 }, (_, index) => `department-${index}-x`);
  const tokens = await Promise.all(
    Array.from({ length: REMEMBERED }, (_, index) => bearer(key, ISSUER, { sub: `user-${index}`, roles })),
  );
  return {
    title: 'jwt-identity, callers with long answers',
    path: '/long-answers',
    headers: ORDINARY,
    plugins: [{ name: 'jwt-identity', config: { issuers } }],
    passes: true,
    tokens,
  };
}

async function bearer(key: SigningKey, issuer: string, more: object = {}): Promise<string> {
  const exp = Math.floor(Date.now() / 1_000) + 3_600;
  const claims = { iss: issuer, sub: 'user-42', aud: 'orders', exp, roles: ['user', 'support'], ...more };
  return `Authorization: Bearer ${await signToken(key, claims)}`;
}
