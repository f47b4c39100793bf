import type { PluginEntry } from '../../kong/declarative/entities';
import { ANYWHERE, mostSpecific, scopeKey } from '../../kong/declarative/plugin-scope';
import type { Exchange } from '../exchange/exchange';
import type { LocalResponse } from '../http/local-response';
import { identityOf } from '../pdk/identity-methods';
import type { ConfiguredPlugin, PluginHost, PluginKind } from './plugin-kind';

/** What came of the access phase. */
export interface AccessEnd {
  /** The plugins that apply to the request, in order; their later phases run whatever happened in this one. */
  readonly plugins: readonly ConfiguredPlugin[];
  /** The response that ends the request, and who gave it; `null` when the request goes on. */
  readonly exit: { readonly plugin: string; readonly response: LocalResponse } | null;
}

interface Link {
  readonly kind: PluginKind;
  readonly byScope: ReadonlyMap<string, ConfiguredPlugin>;
}

/** The plugins of a configuration in the order in which Kong runs them. */
export class PluginChain {
  readonly #links: readonly Link[];
  readonly #byId: ReadonlyMap<string, ConfiguredPlugin>;

  constructor(entries: readonly PluginEntry[], kinds: readonly PluginKind[], host: PluginHost) {
    const byId = new Map<string, ConfiguredPlugin>();
    this.#links = [...kinds].sort(compareKinds).map((kind) => {
      const own = entries.filter(({ name }) => name === kind.name);
      const byScope = own.map((entry) => {
        const plugin = kind.configure(entry, host);
        byId.set(entry.id, plugin);
        return [scopeKey(entry), plugin] as const;
      });
      return { kind, byScope: new Map(byScope) };
    });
    this.#byId = byId;
  }

  /** Every configured plugin, by the id of its entry. */
  get byId(): ReadonlyMap<string, ConfiguredPlugin> {
    return this.#byId;
  }

  /** The plugins that are bound to nothing: what runs for a request without a route, after its access phase. */
  get everywhere(): readonly ConfiguredPlugin[] {
    return this.#links.flatMap(({ byScope }) => byScope.get(scopeKey(ANYWHERE)) ?? []);
  }

  /**
   * Runs the access phase. Which entry of a plugin applies is asked when its turn comes, since a plugin before it may
   * have said who the consumer is. Once one of them has answered, the others only take part in the later phases.
   *
   * @param onError - makes the response for a plugin that failed
   */
  async access(exchange: Exchange, onError: (plugin: string, error: unknown) => LocalResponse): Promise<AccessEnd> {
    const plugins: ConfiguredPlugin[] = [];
    let exit: AccessEnd['exit'] = null;
    for (const { kind, byScope } of this.#links) {
      const plugin = entryFor(byScope, exchange);
      if (plugin === undefined) continue;
      plugins.push(plugin);
      if (exit !== null) continue;
      const response = await runAccess(plugin, exchange).catch((error: unknown) => onError(kind.name, error));
      if (response !== null) exit = { plugin: kind.name, response };
    }
    return { plugins, exit };
  }
}

async function runAccess(plugin: ConfiguredPlugin, exchange: Exchange): Promise<LocalResponse | null> {
  return (await plugin.access?.(exchange)) ?? null;
}

/** Kong 3.9.3: kong/db/dao/plugins.lua, `sort_by_handler_priority`. */
function compareKinds(a: PluginKind, b: PluginKind): number {
  return b.priority - a.priority || (a.name < b.name ? 1 : -1);
}

/** Returns the one entry of a plugin that applies to a request, as far as it is known by now. */
function entryFor(byScope: Link['byScope'], exchange: Exchange): ConfiguredPlugin | undefined {
  if (byScope.size === 0) return undefined;
  const routeId = exchange.route?.id ?? null;
  const serviceId = exchange.service?.id ?? null;
  return mostSpecific(byScope, { routeId, serviceId, consumerId: identityOf(exchange).consumerId });
}
