import { bundledPlugins } from '../../src/gateway/plugins/bundled/bundled-plugins';
import { readDeclaration } from '../../src/kong/declarative/declaration';
import type { Declaration, Route } from '../../src/kong/declarative/entities';
import { readYaml } from '../../src/kong/declarative/yaml';

/** An entity as it stands in a kong.yml. */
export type Given = Readonly<Record<string, unknown>>;

/** Returns what a kong.yml declares, with Kong's bundled plugins known. @throws ConfigurationError */
export function declared(text: string, environment: Readonly<Record<string, string>> = {}): Declaration {
  return readDeclaration(readYaml(text), {
    environment,
    findPlugin: (name) => bundledPlugins.find((kind) => kind.name === name),
    nowSeconds: 1_700_000_000,
  });
}

/** Returns routes with everything that Kong adds to them. A member `service` describes a service of their own. */
export function routesOf(routes: readonly Given[]): readonly Route[] {
  const services = routes.map(({ service, ...route }, i) => ({
    name: `s${i}`,
    url: 'http://127.0.0.1:9',
    ...(service as Given | undefined),
    routes: [route],
  }));
  return declared(JSON.stringify({ _format_version: '3.0', services })).routes;
}
