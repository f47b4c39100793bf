import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';

interface ComposeService {
  readonly image?: string;
  readonly build?: { readonly context: string; readonly target: string };
  readonly command?: readonly string[];
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly networks: readonly string[] | Readonly<Record<string, { readonly ipv4_address?: string }>>;
}

interface Policies {
  readonly policies: { readonly orders: { readonly issuers: readonly object[]; resource_metadata?: object } };
}

interface ComposeFile {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean }>>;
}

const ROOT = resolve(__dirname, '../../..');
const networksOf = ({ networks }: ComposeService): readonly string[] =>
  Array.isArray(networks) ? (networks as readonly string[]) : Object.keys(networks);

describe.each(['traefik', 'caddy'])('examples/gateways/%s/compose.yaml', (name) => {
  const path = join(ROOT, 'examples/gateways', name, 'compose.yaml');
  const { services, networks } = parse(readFileSync(path, 'utf8'), { merge: true }) as ComposeFile;
  const { [name]: gateway, authz, orders, 'identity-provider': provider } = services as Record<string, ComposeService>;

  it('publishes the ports of the gateway and of the identity provider alone, on this machine only', () => {
    expect(gateway!.ports).toEqual(['127.0.0.1:8080:8080']);
    expect(provider!.ports).toEqual(['127.0.0.1:8010:8010']);
    expect(authz).not.toHaveProperty('ports');
    expect(orders).not.toHaveProperty('ports');
  });

  it('lets nobody but the gateway reach the service and the decision server', () => {
    expect(networks['services']).toMatchObject({ internal: true });
    expect(networks['decisions']).toMatchObject({ internal: true });
    expect(networksOf(orders!)).toEqual(['services']);
    expect(networksOf(authz!)).toEqual(['decisions', 'keys']);
    expect(networksOf(gateway!)).toEqual(['edge', 'services', 'decisions']);
    expect(networksOf(provider!)).toEqual(['keys']);
  });

  it('lets the decision server take questions from the address of the gateway alone', () => {
    const { decisions } = gateway!.networks as Readonly<Record<string, { readonly ipv4_address?: string }>>;
    expect(authz!.command).toContain(`--peers=${decisions!.ipv4_address!},127.0.0.1`);
    expect(authz!.command).toContain(`--gateway=${name}`);
  });

  it('starts the gateway when the decision server is healthy, as its own command tells', () => {
    expect(gateway!.depends_on).toEqual({ authz: { condition: 'service_healthy' } });
    expect(authz!.healthcheck!.test.slice(-3)).toEqual(['health', '--authz', '127.0.0.1:9180']);
  });

  it('takes from each container its capabilities and what it could write to', () => {
    for (const service of Object.values(services)) {
      expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] });
    }
  });

  it('trusts the identity provider in the container, under the policies of policies.yml', () => {
    const policies = (file: string): string => readFileSync(join(ROOT, 'examples/gateways', file), 'utf8');
    const inContainers = policies('policies.yml').replaceAll('127.0.0.1:8010', 'identity-provider:8010');
    const { orders: wanted } = (parse(inContainers) as Policies).policies;
    // Clients look for an authorization server at https only, or on their own machine.
    delete wanted.resource_metadata;
    const issuers = wanted.issuers.map((issuer) => ({ ...issuer, key_fetch: { allow_http: true } }));
    expect(parse(policies('policies.compose.yml'))).toEqual({ policies: { orders: { ...wanted, issuers } } });
    expect(authz!.volumes).toEqual(['../policies.compose.yml:/etc/jwt-identity/policies.yml:ro']);
  });

  it('keeps the address of the gateway out of those that Docker gives to other containers', () => {
    expect(networks['decisions']).toMatchObject({
      ipam: { config: [{ ip_range: expect.stringMatching(/^172\.31\.9[12]\.128\/25$/) }] },
    });
    const { decisions } = gateway!.networks as Readonly<Record<string, { readonly ipv4_address?: string }>>;
    expect(decisions!.ipv4_address).toMatch(/^172\.31\.9[12]\.2$/);
  });

  it('mounts files that are there, for reading only', () => {
    const mounts = Object.values(services).flatMap(({ volumes = [] }) => volumes);
    expect(mounts.length).toBe(3);
    for (const mount of mounts) {
      const [file = '', , mode] = mount.split(':');
      expect(existsSync(join(dirname(path), file))).toBe(true);
      expect(mode).toBe('ro');
    }
  });

  it('builds the decision server from a stage that the Dockerfile has', () => {
    const { context, target } = authz!.build!;
    expect(resolve(dirname(path), context)).toBe(ROOT);
    expect(readFileSync(join(ROOT, 'Dockerfile'), 'utf8')).toMatch(new RegExp(`^FROM .* AS ${target}$`, 'm'));
  });
});
