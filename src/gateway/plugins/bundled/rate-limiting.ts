import type { Violation } from '../../../kong/schema-language/violation';
import { KONG_ONLY } from '../../../kong/declarative/configuration-error';
import type { PluginEntry } from '../../../kong/declarative/entities';
import { alwaysKongOnly, kongOnly } from '../../../kong/declarative/entity-schemas';
import { servicePathProblem } from '../../../kong/declarative/url-path';
import { errorFor, type Exchange } from '../../exchange/exchange';
import type { LocalResponse } from '../../http/local-response';
import { identityOf } from '../../pdk/identity-methods';
import { headerOf } from '../../pdk/request-methods';
import type { PluginHost, PluginKind } from '../plugin-kind';
import { configSchema, FLAG, HEADER_NAME, HTTP_PROTOCOLS } from './config-schema';
import { currentPeriod, PERIODS, type Period } from './period';

interface Config extends Readonly<Partial<Record<Period, number>>> {
  readonly limit_by: string;
  readonly header_name?: string;
  readonly path?: string;
  readonly hide_client_headers: boolean;
  readonly error_code: number;
  readonly error_message: string;
}

/** Where Redis is, as Kong before 3.6 wrote it. */
const REDIS_FIELDS = [
  'host',
  'port',
  'password',
  'username',
  'ssl',
  'ssl_verify',
  'server_name',
  'timeout',
  'database',
];

/** Kong's `rate-limiting` with the policy `local`: counts in this process. */
export const rateLimiting: PluginKind = {
  name: 'rate-limiting',
  priority: 910,
  protocols: HTTP_PROTOCOLS,
  schema: configSchema(
    [
      ...PERIODS.map((period) => ({ [period]: { type: 'number', gt: 0 } as const })),
      {
        limit_by: {
          type: 'string',
          default: 'consumer',
          one_of: ['consumer', 'credential', 'ip', 'service', 'header', 'path'],
        },
      },
      { header_name: HEADER_NAME },
      { path: { type: 'string', custom_validator: servicePathProblem } },
      {
        policy: {
          type: 'string',
          default: 'local',
          one_of: ['local', 'redis'],
          custom_validator: (policy) => (policy === 'local' ? null : KONG_ONLY),
        },
      },
      { redis: kongOnly },
      ...REDIS_FIELDS.map((name) => ({ [`redis_${name}`]: alwaysKongOnly })),
      { fault_tolerant: { type: 'boolean', required: true, default: true } },
      { hide_client_headers: FLAG },
      { error_code: { type: 'number', default: 429, gt: 0 } },
      { error_message: { type: 'string', default: 'API rate limit exceeded' } },
      {
        sync_rate: {
          type: 'number',
          required: true,
          default: -1,
          custom_validator: (rate) => (rate === -1 ? null : 'sync_rate can only be used with the redis policy'),
        },
      },
    ],
    [
      { at_least_one_of: PERIODS },
      {
        conditional: {
          if_field: 'limit_by',
          if_match: { one_of: ['header'] },
          then_field: 'header_name',
          then_match: { required: true },
        },
      },
      {
        conditional: {
          if_field: 'limit_by',
          if_match: { one_of: ['path'] },
          then_field: 'path',
          then_match: { required: true },
        },
      },
    ],
  ),
  violations: (config) => orderViolations(config),
  configure: (entry, host) => ({ access: (exchange) => limit(exchange, entry, host) }),
};

/** Kong 3.9.3: kong/plugins/rate-limiting/handler.lua */
function limit(exchange: Exchange, entry: PluginEntry, { counters, now }: PluginHost): LocalResponse | null {
  const config = entry.config as unknown as Config;
  const nowMs = now();
  const counted = PERIODS.flatMap((period) => {
    const most = config[period];
    if (most === undefined) return [];
    const current = currentPeriod(period, nowMs);
    const owner = [entry.routeId ?? '', entry.serviceId ?? '', identifier(exchange, config)];
    const key = ['ratelimit', ...owner, current.startMs, period].join(':');
    return [{ period, ...current, most, key, left: most - counters.get(key, nowMs) }];
  });
  const stop = counted.findLast(({ left }) => left <= 0);
  const shown = counted.map((item) => {
    const isUsed = stop === undefined || stop === item;
    return { ...item, left: Math.max(0, item.left - (isUsed ? 1 : 0)) };
  });
  if (!config.hide_client_headers) {
    const { responseHeaders } = exchange;
    for (const { period, most, left } of shown) {
      const name = `${period.charAt(0).toUpperCase()}${period.slice(1)}`;
      responseHeaders.set(`X-RateLimit-Limit-${name}`, [String(most)]);
      responseHeaders.set(`X-RateLimit-Remaining-${name}`, [String(left)]);
    }
    // Of the limits with the least left, the one with the longest window.
    const tightest = shown.reduce((a, b) => (b.left <= a.left ? b : a));
    const reset = Math.max(1, tightest.windowSeconds - Math.floor((nowMs - tightest.startMs) / 1000));
    responseHeaders.set('RateLimit-Limit', [String(tightest.most)]);
    responseHeaders.set('RateLimit-Remaining', [String(tightest.left)]);
    responseHeaders.set('RateLimit-Reset', [String(reset)]);
    if (stop !== undefined) responseHeaders.set('Retry-After', [String(reset)]);
  }
  if (stop !== undefined) return errorFor(exchange, config.error_code, config.error_message);
  for (const { key, startMs, windowSeconds } of counted) {
    counters.increment(key, nowMs, startMs + windowSeconds * 1000);
  }
  return null;
}

function identifier(exchange: Exchange, config: Config): string {
  const { consumerId, credential } = identityOf(exchange);
  const address = exchange.client.address;
  switch (config.limit_by) {
    case 'consumer':
      return consumerId ?? credential?.id ?? address;
    case 'credential':
      return credential?.id ?? address;
    case 'service':
      return exchange.service?.id ?? address;
    case 'header':
      return headerOf(exchange, config.header_name ?? '') ?? address;
    case 'path':
      return exchange.path === config.path ? exchange.path : address;
    default:
      return address;
  }
}

function orderViolations(config: Partial<Config>): Violation[] {
  const given = PERIODS.flatMap((period) => {
    const most = config[period];
    return typeof most === 'number' ? [{ period, most }] : [];
  });
  return given.flatMap(({ period: upper, most }, i) => {
    const lower = given.slice(0, i).find((other) => other.most > most);
    if (lower === undefined) return [];
    const limits = `${upper}(${most.toFixed(1)}) cannot be lower than the limit for ${lower.period}(${lower.most.toFixed(1)})`;
    return [{ field: 'config', message: `The limit for ${limits}` }];
  });
}
