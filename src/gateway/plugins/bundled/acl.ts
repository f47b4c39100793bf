import { errorFor, type Exchange } from '../../exchange/exchange';
import { headerValue } from '../../http/header-list';
import type { LocalResponse } from '../../http/local-response';
import { identityOf } from '../../pdk/identity-methods';
import type { PluginHost, PluginKind } from '../plugin-kind';
import { configSchema, FLAG, HTTP_PROTOCOLS } from './config-schema';

interface Config {
  readonly allow?: readonly string[];
  readonly deny?: readonly string[];
  readonly hide_groups_header: boolean;
  readonly always_use_authenticated_groups: boolean;
}

const groupNames = { type: 'array', elements: { type: 'string' } } as const;

/** Kong's `acl`: lets a request pass by the groups of its consumer, or by those that a plugin before it named. */
export const acl: PluginKind = {
  name: 'acl',
  priority: 950,
  protocols: HTTP_PROTOCOLS,
  refusesConsumer: true,
  schema: configSchema(
    [
      { allow: groupNames },
      { deny: groupNames },
      { hide_groups_header: FLAG },
      { always_use_authenticated_groups: FLAG },
    ],
    [{ only_one_of: ['allow', 'deny'] }],
  ),
  configure: ({ config }, host) => ({
    access: (exchange) => restrict(exchange, config as unknown as Config, host),
  }),
};

/** Kong 3.9.3: kong/plugins/acl/handler.lua */
function restrict(exchange: Exchange, config: Config, { consumers }: PluginHost): LocalResponse | null {
  const { consumerId: ownId, credential } = identityOf(exchange);
  const consumerId = ownId ?? credential?.consumer_id ?? null;
  const named =
    consumerId === null || credential === null || config.always_use_authenticated_groups
      ? authenticatedGroups(exchange)
      : null;
  // Kong 3.9.3: looks up the groups of the consumer '' in its database, which is an error.
  if (named === null && consumerId === '') throw new Error('a consumer id is empty');
  const own = consumers.find(({ id }) => id === consumerId)?.groups ?? [];
  const groups = named ?? (consumerId === null ? [] : own);
  const isDenyList = (config.deny?.length ?? 0) > 0;
  if (named === null && groups.length === 0 && !(isDenyList && consumerId !== null)) {
    return credential === null ? errorFor(exchange, 401) : errorFor(exchange, 403, DENIED);
  }
  const isListed = (config.deny ?? config.allow ?? []).some((group) => groups.includes(group));
  if (isListed === isDenyList) return errorFor(exchange, 403, DENIED);
  if (!config.hide_groups_header) {
    const header = named === null ? 'X-Consumer-Groups' : 'X-Authenticated-Groups';
    exchange.headers.set(header, [headerValue(groups.join(', ')) || ' ']);
  }
  return null;
}

const DENIED = 'You cannot consume this service';

/** What a plugin before this one put into `kong.ctx.shared` or `ngx.ctx`; `null` when none did. */
function authenticatedGroups({ shared, context }: Exchange): readonly string[] | null {
  const isTable = (value: unknown): boolean => typeof value === 'object' && value !== null;
  const groups = [shared.get('authenticated_groups'), context.get('authenticated_groups')].find(isTable);
  if (groups === undefined) return null;
  return Array.isArray(groups) ? groups.filter((group) => typeof group === 'string') : [];
}
