import { ConfigError } from '../../../schema/config-error';
import { PLUGIN_NAME } from '../../../schema/parse-config';
import { ConfigurationError } from '../../kong/declarative/configuration-error';
import { readYaml } from '../../kong/declarative/yaml';
import { readPolicies } from '../../policies/policy-file';
import { readDoorRoutes, serviceAddress, type DoorRoutes } from './door-routes';

/** A route of a door that has a policies.yml. */
export interface PolicyRoute {
  /** Name of the policy that decides about its requests. */
  readonly policy: string;
  /** Address of the service, such as `http://10.0.0.7:8080`. */
  readonly service: string;
  /** As in a kong.yml: prefixes, or regular expressions after `~`. The longest prefix wins. */
  readonly paths: readonly string[];
  /** The only methods that it takes; all unless given. The rules of the policy decide about each of them. */
  readonly methods?: readonly string[];
  /** Whether the service gets the path without the prefix; `true` unless given, as in Kong. */
  readonly stripPath?: boolean;
}

/** Where a door's routes and their policies are: `kongYml`, or `policies` and `routes`. */
export interface RouteSource {
  /** The content of a kong.yml. */
  readonly kongYml?: string;
  /** The content of a policies.yml, as `kong-jwt-identity authz --policies` reads it. */
  readonly policies?: string;
  /** Which policy decides about which paths, and where their requests go. */
  readonly routes?: readonly PolicyRoute[];
  /** Where `{vault://env/…}` references are looked up; `process.env` unless given. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Addresses of services by name, in place of those in the kong.yml. */
  readonly services?: Readonly<Record<string, string>>;
  /** Names of plugins of the kong.yml that need Kong and may be left out. What they refuse, the door does not. */
  readonly unsafeIgnoredPlugins?: readonly string[];
}

/**
 * Returns the routes of a door.
 *
 * @param protocol - `http` or `https`: how browsers reach the door
 * @throws ConfigError, ConfigurationError for what cannot work or cannot be meant
 */
export function readRoutes(source: RouteSource, protocol: string): DoorRoutes {
  const { kongYml, policies, routes, services, unsafeIgnoredPlugins = [], environment = process.env } = source;
  if (kongYml !== undefined && policies === undefined && routes === undefined) {
    const options = { environment, services: services ?? {}, unsafeIgnoredPlugins, protocol };
    const found = readDoorRoutes(readYaml(kongYml), options);
    if (found.guarded.length === 0) throw new ConfigError('kongYml', 'has no route with the plugin jwt-identity');
    return found;
  }
  if (kongYml !== undefined || policies === undefined || routes === undefined) {
    throw new ConfigError('kongYml', 'give either this, or policies and routes');
  }
  if (services !== undefined) throw new ConfigError('services', 'needs kongYml: routes say where services are');
  if (routes.length === 0) throw new ConfigError('routes', 'must have at least one');
  // A kong.yml in which each route has its policy as `config` of the plugin: Kong's own checks and order.
  const document = { _format_version: '3.0', services: policyServices(policies, routes, environment) };
  try {
    return readDoorRoutes(document, { environment, services: {}, unsafeIgnoredPlugins, protocol });
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    throw new ConfigurationError(
      error.violations.map(({ field, message }) => ({
        field: field.replace(/^services(\[\d+\])\.routes\[1\]/, 'routes$1'),
        message,
      })),
    );
  }
}

function policyServices(
  text: string,
  routes: readonly PolicyRoute[],
  environment: Readonly<Record<string, string | undefined>>,
): object[] {
  const policies = readPolicies(text, environment);
  return routes.map(({ policy, service, paths, methods, stripPath = true }, i) => {
    const field = `routes[${i + 1}]`;
    if (!Object.hasOwn(policies, policy)) throw new ConfigError(`${field}.policy`, 'is the name of no policy');
    // In Kong, a route without paths takes every path.
    if (paths.length === 0) throw new ConfigError(`${field}.paths`, 'must have at least one');
    const plugins = [{ name: PLUGIN_NAME, config: policies[policy] }];
    const route = { name: `${policy}.${i + 1}`, paths, strip_path: stripPath, plugins };
    return {
      url: serviceAddress(`${field}.service`, service),
      routes: [methods === undefined ? route : { ...route, methods }],
    };
  });
}
