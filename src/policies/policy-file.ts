import { CONFIG_RECORD, PLUGIN_NAME } from '../../schema/parse-config';
import { ConfigurationError } from '../kong/declarative/configuration-error';
import {
  configOf,
  isGuarded,
  nameOf,
  resolvedConfig,
  writtenRoutes,
  type ConfiguredPlugin,
} from '../kong/declarative/route-config';
import type { Environment } from '../kong/declarative/vault';
import { readYaml } from '../kong/declarative/yaml';
import type { Violation } from '../kong/schema-language/violation';

/** Configurations of the plugin, by the name under which a gateway asks for them. */
export type NamedConfigs = Readonly<Record<string, unknown>>;

/** A name that needs no escapes in a URL: RFC 3986 unreserved characters. */
const POLICY_NAME = /^(?!\.{1,2}$)[A-Za-z0-9._~-]{1,128}$/;

const NAME_RULE = 'each needs a name of letters, digits, - . _ ~, because a gateway asks for it in a URL';
const STRANGE_MEMBER = 'has a member besides policies (names that begin with _ are ignored)';

const PLUGIN: ConfiguredPlugin = { name: PLUGIN_NAME, config: CONFIG_RECORD };

/**
 * Returns the policies of a policies.yml: a map `policies`, of which each member is exactly the plugin's `config`.
 * Members of the file whose names begin with `_` are ignored: they hold what anchors share, as in a kong.yml. Vault
 * references are looked up in `environment`.
 *
 * It checks what Kong's schema can say. The rest is checked when a policy is opened (`openPolicies`).
 *
 * @throws ConfigurationError with the path of what is wrong; it quotes nothing of the file
 */
export function readPolicies(text: string, environment: Environment): NamedConfigs {
  const { policies, problems } = writtenPolicies(readYaml(text));
  const [first] = problems;
  if (first !== undefined) throw new ConfigurationError([first]);
  return named(
    policies.map(([name, config]): [string, unknown] => [
      name,
      resolvedConfig(config, `policies.${name}`, PLUGIN, environment),
    ]),
  );
}

/** What is wrong with a policies.yml around the policies themselves. Its message quotes nothing of the file. */
export interface PolicyFileProblem extends Violation {
  /** Names of the members that lead to it, from the top. */
  readonly steps: readonly string[];
}

/**
 * Returns the policies of a file as they are written, in its order, and everything that is wrong around them. What is in a
 * policy is not looked at.
 */
export function writtenPolicies(top: unknown): {
  readonly policies: readonly (readonly [name: string, config: unknown])[];
  readonly problems: readonly PolicyFileProblem[];
} {
  if (!isMap(top)) {
    return { policies: [], problems: [{ field: '', message: 'must be a map with the member policies', steps: [] }] };
  }
  const { policies } = top;
  const strange = Object.keys(top).filter((name) => name !== 'policies' && !name.startsWith('_'));
  const isUsable = isMap(policies) && Object.keys(policies).length > 0;
  const entries = isUsable ? Object.entries(policies) : [];
  const unnameable = entries.filter(([name]) => !POLICY_NAME.test(name));
  return {
    policies: entries.map(([name, config]) => [name, config ?? {}]),
    problems: [
      ...strange.map((name) => ({ field: '', message: STRANGE_MEMBER, steps: [name] })),
      ...(isUsable
        ? []
        : [{ field: 'policies', message: 'must be a map with at least one policy', steps: ['policies'] }]),
      ...unnameable.map(([name]) => ({ field: 'policies', message: NAME_RULE, steps: ['policies', name] })),
    ],
  };
}

/**
 * Returns the policies of a kong.yml: for each route that the plugin guards, under the route's name, the configuration
 * that Kong would use. Routes without the plugin have no policy, so nothing is decided about them.
 *
 * @throws ConfigurationError as {@link readPolicies}; for a guarded route without a name; when no route is guarded
 */
export function readRoutePolicies(text: string, environment: Environment): NamedConfigs {
  const written = writtenRoutes(text);
  const guarded = written.routes.filter((route) => isGuarded(written, route, PLUGIN));
  if (guarded.length === 0) throw problem('routes', `the plugin ${PLUGIN_NAME} is on none of them`);
  const entries = guarded.map((route): [string, unknown] => {
    const name = nameOf(route.given);
    if (!POLICY_NAME.test(name)) throw problem('routes', NAME_RULE);
    return [name, configOf(written, route, PLUGIN, environment).config];
  });
  if (new Set(entries.map(([name]) => name)).size < entries.length) throw problem('routes', 'two have the same name');
  return named(entries);
}

/** A map without a prototype: no name finds something of JavaScript's. */
function named(entries: readonly (readonly [string, unknown])[]): NamedConfigs {
  return Object.assign(Object.create(null) as Record<string, unknown>, Object.fromEntries(entries));
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function problem(field: string, message: string): ConfigurationError {
  return new ConfigurationError([{ field, message }]);
}
