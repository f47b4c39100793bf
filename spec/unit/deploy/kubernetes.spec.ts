import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { parseConfig } from '../../../schema/parse-config';
import { howToPages } from '../../support/how-to-page';
import { type Manifest, typeErrors } from '../../support/kubernetes';

interface PluginManifest extends Manifest {
  readonly plugin: string;
  readonly config: unknown;
}

interface NetworkPolicy extends Manifest {
  readonly spec: {
    readonly podSelector: object;
    readonly policyTypes: readonly string[];
    readonly ingress?: readonly { readonly from?: readonly object[]; readonly ports?: readonly { port: number }[] }[];
  };
}

/** What of Helm's values goes into the Deployment as it is. */
interface Values {
  readonly gateway: {
    readonly env: Readonly<Record<string, string>>;
    readonly startupProbe: { readonly exec: { readonly command: readonly string[] } };
    readonly deployment?: {
      readonly initContainers: object[];
      readonly userDefinedVolumes: object[];
      readonly userDefinedVolumeMounts: object[];
    };
  };
}

const FOLDER = resolve(__dirname, '../../../deploy/kubernetes');
const text = (file: string): string => readFileSync(join(FOLDER, file), 'utf8');
const manifests = (file: string): Manifest[] =>
  parseAllDocuments(text(file)).map((document) => document.toJS() as Manifest);

const plugins = manifests('plugins.yaml') as PluginManifest[];
const shop = manifests('shop.yaml');
const policies = manifests('network-policies.yaml') as NetworkPolicy[];
const values = ['values.yaml', 'values-init-container.yaml'].map(
  (file) => [file, parse(text(file)) as Values] as const,
);

describe('the manifests for Kubernetes', () => {
  it('hold what the types of Kubernetes have, and nothing else', () => {
    const modules: Readonly<Record<string, string>> = {
      v1: 'core/v1',
      'apps/v1': 'apps/v1',
      'networking.k8s.io/v1': 'networking/v1',
    };
    const standard = [...shop, ...policies].map((value) => ({
      module: modules[value.apiVersion]!,
      type: value.kind,
      value,
    }));
    const inHelm = values.flatMap(([, { gateway }]) => [
      { module: 'core/v1', type: 'Probe', value: gateway.startupProbe },
      ...(gateway.deployment?.initContainers ?? []).map((value) => ({ module: 'core/v1', type: 'Container', value })),
      ...(gateway.deployment?.userDefinedVolumes ?? []).map((value) => ({ module: 'core/v1', type: 'Volume', value })),
      ...(gateway.deployment?.userDefinedVolumeMounts ?? []).map((value) => ({
        module: 'core/v1',
        type: 'VolumeMount',
        value,
      })),
    ]);
    expect(standard).toHaveLength(9);
    expect(typeErrors([...standard, ...inHelm])).toEqual([]);
  });

  it('are checked so that a misspelt selector, which would select everything, is found', () => {
    const spec = { podSelector: {}, ingress: [{ from: [{ podSelectr: {} }] }] };
    const value = { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', spec };
    expect(typeErrors([{ module: 'networking/v1', type: 'NetworkPolicy', value }]).join()).toContain('podSelectr');
  });

  it.each(plugins.map((plugin) => [plugin.metadata.name, plugin] as const))(
    'have a plugin %s that Kong accepts',
    (_, plugin) => {
      const { apiVersion, kind, metadata, plugin: name, config, ...rest } = plugin;
      expect({ apiVersion, name, rest }).toEqual({
        apiVersion: 'configuration.konghq.com/v1',
        name: 'jwt-identity',
        rest: {},
      });
      expect(metadata.namespace).toBe(kind === 'KongPlugin' ? 'shop' : undefined);
      expect(() => parseConfig(config)).not.toThrow();
    },
  );

  it('guard every route that says nothing itself', () => {
    const [everywhere] = plugins.filter(({ kind }) => kind === 'KongClusterPlugin');
    expect(everywhere?.metadata.labels).toEqual({ global: 'true' });
    expect(parseConfig(everywhere?.config)).toMatchObject({ allowMissing: false });
  });

  it('name only plugins that there are', () => {
    const known = plugins.filter(({ kind }) => kind === 'KongPlugin').map(({ metadata }) => metadata.name);
    const named = shop.flatMap(({ metadata }) => metadata.annotations?.['konghq.com/plugins'] ?? []);
    expect(named.sort()).toEqual(known.sort());
  });

  it.each(values)(
    'in %s load the handler, and start the plugin server on the socket that Kong knows',
    (_, { gateway }) => {
      const { env, startupProbe } = gateway;
      const socket = env['pluginserver_jwt_identity_socket'];
      expect(env['pluginserver_jwt_identity_start_cmd']).toMatch(
        new RegExp(`serve --socket ${socket ?? ''} --take-over$`),
      );
      expect(startupProbe.exec.command.slice(-2)).toEqual(['--socket', socket]);
      // Kong/charts, _helpers.tpl, `kong.env`: the chart sets KONG_LUA_PACKAGE_PATH, in place of the image's.
      expect(env['lua_package_path']).toBe('/opt/kong-plugin-jwt-identity/dist/lua/?.lua;;');
      // Every user may write to the volumes of the chart; the plugin server refuses to listen there.
      expect(socket).toMatch(/^\/dev\/shm\/[^/]+\/[^/]+$/);
    },
  );
});

describe('docs/how-to/kubernetes.md', () => {
  const { manifests: shown } = howToPages().find(({ name }) => name === 'kubernetes.md')!;

  it('shows manifests that hold what the types of Kubernetes have, and plugins that Kong accepts', () => {
    const ofKong = shown.filter(({ apiVersion }) => apiVersion === 'configuration.konghq.com/v1') as PluginManifest[];
    const standard = shown.filter((manifest) => !ofKong.includes(manifest as PluginManifest));
    expect([ofKong.length, standard.length]).toEqual([2, 3]);
    expect(typeErrors(standard.map((value) => ({ module: 'networking/v1', type: value.kind, value })))).toEqual([]);
    for (const { config } of ofKong) expect(() => parseConfig(config)).not.toThrow();
  });

  it('lets nothing but the gateway of the shipped policies reach the services', () => {
    const [policy] = shown.filter(({ kind }) => kind === 'NetworkPolicy') as NetworkPolicy[];
    const shipped = policies.find(({ metadata }) => metadata.name === 'allow-gateway')!;
    expect(policy!.spec).toEqual(shipped.spec);
  });
});

describe('the network policies', () => {
  const inNamespace = (namespace: string): NetworkPolicy[] =>
    policies.filter(({ metadata }) => metadata.namespace === namespace);

  it('let nothing but the gateway reach the pods of the services', () => {
    const policiesOfShop = inNamespace('shop');
    expect(policiesOfShop.every(({ spec }) => spec.policyTypes.includes('Ingress'))).toBe(true);
    expect(policiesOfShop.map(({ spec }) => spec.podSelector)).toEqual([{}, {}]);
    expect(policiesOfShop.flatMap(({ spec }) => spec.ingress ?? [])).toEqual([
      {
        from: [
          {
            namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kong' } },
            podSelector: { matchLabels: { 'app.kubernetes.io/name': 'gateway', 'app.kubernetes.io/instance': 'kong' } },
          },
        ],
      },
    ]);
  });

  it('let everybody reach the ports of the proxy, and the controller alone the Admin API', () => {
    const [gateway] = inNamespace('kong');
    const open = gateway?.spec.ingress?.filter(({ from }) => from === undefined) ?? [];
    expect(open.flatMap(({ ports = [] }) => ports.map(({ port }) => port))).toEqual([8000, 8443]);
    const [closed] = gateway?.spec.ingress?.filter(({ from }) => from !== undefined) ?? [];
    expect(closed?.from).toEqual([
      {
        podSelector: { matchLabels: { 'app.kubernetes.io/name': 'controller', 'app.kubernetes.io/instance': 'kong' } },
      },
    ]);
  });
});
