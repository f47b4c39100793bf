import type { PluginEntry } from '../../../kong/declarative/entities';
import { errorFor } from '../../exchange/exchange';
import { callPdk } from '../../pdk/pdk';
import type { PluginKind } from '../plugin-kind';
import type { ExternalPluginRunner } from './external-plugin-runner';
import type { ExternalPlugin } from './plugin-query';

/** Kong 3.9.3: without a database, the only workspace has this id. */
const WORKSPACE_ID = '0dc6f45b-8f8d-40d2-a504-473544ee190b';

let sequence = 0;

/** Returns a kind of plugin whose phases run in a plugin server. */
export function externalKind(described: ExternalPlugin, runner: ExternalPluginRunner): PluginKind {
  return {
    name: described.name,
    priority: described.priority,
    schema: described.schema,
    configure: (entry, host) => {
      const source = { config: instanceConfig(entry) };
      return {
        access: async (exchange) => {
          const end = await runner.run(source, 'access', (method, payload) => callPdk(method, payload, exchange, host));
          if (end === 'failed') return errorFor(exchange, 500);
          return end === 'proceed' ? null : end;
        },
        start: () => runner.prepare(source),
        close: () => runner.retire(source),
      };
    },
  };
}

/** Kong 3.9.3: kong/runloop/plugins_iterator.lua, `get_plugin_config`. */
function instanceConfig(entry: PluginEntry): Readonly<Record<string, unknown>> {
  const { id, name, instanceName, config, routeId, serviceId, consumerId } = entry;
  sequence += 1;
  return {
    ...config,
    ...(routeId === null ? {} : { route_id: routeId }),
    ...(serviceId === null ? {} : { service_id: serviceId }),
    ...(consumerId === null ? {} : { consumer_id: consumerId }),
    ...(instanceName === null ? {} : { plugin_instance_name: instanceName }),
    __plugin_id: id,
    __ws_id: WORKSPACE_ID,
    __key__: `plugins:${name}:${routeId ?? ''}:${serviceId ?? ''}:${consumerId ?? ''}::${WORKSPACE_ID}`,
    __seq__: sequence,
  };
}
