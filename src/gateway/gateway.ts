import { randomUUID } from 'node:crypto';
import type { Log } from '../telemetry/log';
import { bundledPlugins } from './plugins/bundled/bundled-plugins';
import { Counters } from './plugins/bundled/counters';
import { readDeclaration } from '../kong/declarative/declaration';
import type { Environment } from '../kong/declarative/vault';
import { readYaml } from '../kong/declarative/yaml';
import type { Observer } from './exchange/exchange-record';
import { Generation } from './generation';
import { warnAboutRoutes, type IsGuard } from './route-warnings';
import type { PluginHost } from './plugins/plugin-kind';
import { startPluginServers } from './plugins/plugin-servers';
import type { PluginServerSettings } from './plugins/pluginsocket/server-settings';
import { HttpListener, type ListenAddress } from './proxy/http-listener';
import { createRequestHandler } from './proxy/request-handler';
import { ServiceClient } from './proxy/service-client';

/** How long requests may go on when the gateway stops, in milliseconds. */
const STOP_GRACE_MS = 5_000;

/** What a gateway is started with. */
export interface GatewayOptions {
  /** The text of a kong.yml. */
  readonly kongYml: string;
  readonly listen: ListenAddress;
  readonly pluginServers: readonly PluginServerSettings[];
  readonly log: Log;
  /** Where `{vault://env/…}` references are looked up; the process's own environment when left out. */
  readonly environment?: Environment;
  /** The address of this machine that connections to services come from; the system chooses when left out. */
  readonly serviceLocalAddress?: string;
  /** Tells guarded routes from open ones, for the warning about open routes that come first; no warning without it. */
  readonly isGuard?: IsGuard;
  /** Told about every request that is over. */
  readonly observer?: Observer;
}

/** A gateway that serves. */
export interface Gateway {
  /** Its address for clients, without a slash at the end. */
  readonly url: string;
  /**
   * Puts another kong.yml in the place of the one that serves. Requests in flight end with the one they began with.
   *
   * @throws ConfigurationError when it cannot be used; nothing has changed then
   */
  reload(kongYml: string): Promise<void>;
  /** Stops listening, lets requests finish, and ends everything that it started. */
  stop(): Promise<void>;
}

/**
 * Starts a gateway that does what Kong 3.9.3 does with a kong.yml, as far as docs/DEVELOPMENT-GATEWAY.md says. For
 * development and specs: nobody has hardened it for anything else.
 *
 * @throws ConfigurationError for a kong.yml, PluginServerError for a plugin server that cannot be used, or the error of
 * `listen(2)`
 */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { log, observer, environment = process.env } = options;
  const servers = await startPluginServers(options.pluginServers, log);
  const client = new ServiceClient(options.serviceLocalAddress);
  const host = { nodeId: randomUUID(), log, now: Date.now, counters: new Counters() };
  const kinds = [...servers.kinds, ...bundledPlugins];
  const load = (kongYml: string): Generation => {
    const declaration = readDeclaration(readYaml(kongYml), {
      environment,
      findPlugin: (name) => kinds.find((kind) => kind.name === name),
      nowSeconds: Math.floor(Date.now() / 1000),
    });
    if (options.isGuard !== undefined) warnAboutRoutes(declaration, options.isGuard, log);
    const pluginHost: PluginHost = { ...host, consumers: declaration.consumers };
    return new Generation(declaration, kinds, pluginHost);
  };
  try {
    let current = load(options.kongYml);
    const listener = new HttpListener(
      createRequestHandler({ current: () => current, client, log, now: Date.now, observer }),
    );
    const { address, port, family } = await listener.listen(options.listen, log);
    return {
      url: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`,
      // eslint-disable-next-line @typescript-eslint/require-await -- a configuration that cannot be used rejects
      reload: async (kongYml) => {
        const old = current;
        current = load(kongYml);
        log('notice', 'configuration loaded');
        void old.retire(current);
      },
      stop: async () => {
        await listener.close(STOP_GRACE_MS);
        client.close();
        await servers.stop();
      },
    };
  } catch (error) {
    await servers.stop();
    throw error;
  }
}
