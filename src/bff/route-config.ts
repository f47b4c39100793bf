import { CONFIG_RECORD, PLUGIN_NAME } from '../../schema/parse-config';
import { configOf, writtenRoute, writtenRoutes } from '../kong/declarative/route-config';

/**
 * Returns the plugin's configuration that Kong would use for a route; what is on a route replaces what is on its service
 * or global. Vault references are looked up in `environment`, as Kong's `env` vault does.
 *
 * @param text - the content of a kong.yml
 * @param routeName - `name` or `id` of the route
 * @throws ConfigurationError for a file that is no YAML, when there is no such route, the plugin is not on it, or Kong
 *   would refuse its configuration
 */
export function routeConfig(
  text: string,
  routeName: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): unknown {
  const written = writtenRoutes(text);
  const plugin = { name: PLUGIN_NAME, config: CONFIG_RECORD };
  return configOf(written, writtenRoute(written, routeName), plugin, environment).config;
}
