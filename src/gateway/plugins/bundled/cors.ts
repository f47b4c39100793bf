import { KONG_ONLY } from '../../../kong/declarative/configuration-error';
import type { Violation } from '../../../kong/schema-language/violation';
import type { Exchange } from '../../exchange/exchange';
import type { HeaderList } from '../../http/header-list';
import { response } from '../../http/local-response';
import { headerOf } from '../../pdk/request-methods';
import type { PluginKind } from '../plugin-kind';
import { configSchema, FLAG, HTTP_PROTOCOLS } from './config-schema';

interface Config {
  readonly origins?: readonly string[];
  readonly headers?: readonly string[];
  readonly exposed_headers?: readonly string[];
  readonly methods: readonly string[];
  readonly max_age?: number;
  readonly credentials: boolean;
  readonly private_network: boolean;
  readonly preflight_continue: boolean;
}

const METHODS = ['GET', 'HEAD', 'PUT', 'PATCH', 'POST', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT'];
const texts = { type: 'array', elements: { type: 'string' } } as const;

/** Kong's `cors`: answers preflight requests and tells browsers which pages may read a response. */
export const cors: PluginKind = {
  name: 'cors',
  priority: 2000,
  protocols: HTTP_PROTOCOLS,
  refusesConsumer: true,
  schema: configSchema([
    { origins: texts },
    { headers: texts },
    { exposed_headers: texts },
    { methods: { type: 'array', default: METHODS, elements: { type: 'string', one_of: METHODS } } },
    { max_age: { type: 'number' } },
    { credentials: FLAG },
    { private_network: FLAG },
    { preflight_continue: FLAG },
  ]),
  violations: (config) => originViolations(config),
  configure: ({ config: given }) => {
    const config = given as unknown as Config;
    const findOrigin = originFinder(config.origins ?? []);
    const preflights = new WeakSet<Exchange>();
    return {
      access: (exchange) => {
        if (!isPreflight(exchange)) return null;
        preflights.add(exchange);
        if (config.preflight_continue) return null;
        const { responseHeaders: headers } = exchange;
        setOrigin(headers, exchange, config, findOrigin, 'set');
        const asked = headerOf(exchange, 'access-control-request-headers');
        const allowed = (config.headers?.length ?? 0) > 0 ? config.headers?.join() : asked;
        headers.set('Access-Control-Allow-Headers', allowed === null || allowed === undefined ? [] : [allowed]);
        headers.set('Access-Control-Allow-Methods', [config.methods.join()]);
        if (config.max_age !== undefined) headers.set('Access-Control-Max-Age', [String(config.max_age)]);
        if (config.private_network && headerOf(exchange, 'access-control-request-private-network') === 'true') {
          headers.set('Access-Control-Allow-Private-Network', ['true']);
        }
        return response(200, '', []);
      },
      headerFilter: (exchange, { headers }) => {
        if (preflights.has(exchange)) return;
        setOrigin(headers, exchange, config, findOrigin, 'add');
        const exposed = config.exposed_headers ?? [];
        if (exposed.length > 0) headers.set('Access-Control-Expose-Headers', [exposed.join()]);
      },
    };
  },
};

function isPreflight(exchange: Exchange): boolean {
  return (
    exchange.method === 'OPTIONS' &&
    headerOf(exchange, 'origin') !== null &&
    headerOf(exchange, 'access-control-request-method') !== null
  );
}

/** Returns what to answer to an origin: `*`, the origin that is allowed, or `null`. */
type OriginFinder = (origin: string | null) => string | null;

/** Kong 3.9.3: kong/plugins/cors/handler.lua, `configure_origin` */
function originFinder(origins: readonly string[]): OriginFinder {
  const [only] = origins;
  if (origins.length === 0 || (origins.length === 1 && only === '*')) return () => '*';
  // Kong 3.9.3: a single origin that is not a pattern is sent to every client.
  if (origins.length === 1 && only !== undefined && isPlain(only)) return () => only;
  const matchers = origins.map(originMatcher);
  return (origin) => {
    if (origin === null) return null;
    if (origins.includes('*')) return '*';
    const given = normalizeOrigin(origin);
    return matchers.some((matches) => matches(given)) ? given.domain : null;
  };
}

function originMatcher(entry: string): (given: NormalOrigin) => boolean {
  const byHost = !entry.includes(':');
  if (isPlain(entry)) {
    const { domain } = normalizeOrigin(entry);
    return (given) => given.domain === domain;
  }
  return (given) => {
    // Sticky: every alternative is anchored at the start, as with PCRE's "anchored".
    const pattern = new RegExp(`${entry.replace(/^\^/, '')}${entry.endsWith('$') ? '' : '$'}`, 'y');
    return pattern.test(byHost ? given.host : given.domain);
  };
}

function isPlain(entry: string): boolean {
  return /^[A-Za-z0-9.:/-]+$/.test(entry);
}

interface NormalOrigin {
  readonly domain: string;
  readonly host: string;
}

/** An origin without the port that its scheme has anyway. */
function normalizeOrigin(origin: string): NormalOrigin {
  const {
    scheme = '',
    host,
    port,
  } = /^(?:(?<scheme>[A-Za-z][\w+.-]*):)?\/\/(?<host>[^:/?#]*)(?::(?<port>[0-9]*))?/.exec(origin)?.groups ?? {};
  if (host === undefined) return { domain: origin, host: origin };
  const isDefault = `${scheme}:${port ?? ''}` === 'http:80' || `${scheme}:${port ?? ''}` === 'https:443';
  const shownPort = port === undefined || isDefault ? '' : `:${port}`;
  return { domain: `${scheme === '' ? '' : `${scheme}://`}${host}${shownPort}`, host };
}

function setOrigin(
  headers: HeaderList,
  exchange: Exchange,
  config: Config,
  findOrigin: OriginFinder,
  varyBy: 'set' | 'add',
): void {
  const origin = headerOf(exchange, 'origin');
  const allowed = findOrigin(origin);
  const isForAll = allowed === '*';
  const vary = (): void => {
    if (varyBy === 'set') headers.set('Vary', ['Origin']);
    else headers.add('Vary', 'Origin');
  };
  if (!isForAll || (config.origins?.length ?? 0) > 1) vary();
  headers.set('Access-Control-Allow-Origin', allowed === null ? [] : [allowed]);
  if (!config.credentials) return;
  if (isForAll && origin !== null) {
    vary();
    // A browser takes no credentials with `*`.
    headers.set('Access-Control-Allow-Origin', [origin]);
  }
  if (!isForAll || origin !== null) headers.set('Access-Control-Allow-Credentials', ['true']);
}

function originViolations({ origins }: Partial<Config>): Violation[] {
  return (origins ?? []).flatMap((entry, i) => {
    try {
      if (entry !== '*') new RegExp(entry);
      return [];
    } catch {
      // What PCRE may know and JavaScript does not: flags, other groups, possessive quantifiers.
      const isPcre = /\(\?[A-Za-z>|#]|[*+?}]\+/.test(entry);
      const message = isPcre ? `a regular expression of PCRE: ${KONG_ONLY}` : `'${entry}' is not a valid regex`;
      return [{ field: `config.origins[${i + 1}]`, message }];
    }
  });
}
