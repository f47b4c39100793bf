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
  readonly networks: readonly string[] | Readonly<Record<string, { readonly ipv4_address?: string }>>;
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
  const { services, networks } = parse(readFileSync(path, 'utf8')) as ComposeFile;
  const { [name]: gateway, authz, orders } = services as Record<string, ComposeService>;

  it('publishes the port of the gateway alone, on this machine only', () => {
    expect(gateway!.ports).toEqual(['127.0.0.1:8080:8080']);
    expect(authz).not.toHaveProperty('ports');
    expect(orders).not.toHaveProperty('ports');
  });

  it('lets nobody but the gateway reach the service and the decision server', () => {
    expect(networks['services']).toMatchObject({ internal: true });
    expect(networks['decisions']).toMatchObject({ internal: true });
    expect(networksOf(orders!)).toEqual(['services']);
    expect(networksOf(authz!)).toEqual(['decisions', 'keys']);
    expect(networksOf(gateway!)).toEqual(['edge', 'services', 'decisions']);
  });

  it('lets the decision server take questions from the address of the gateway alone', () => {
    const { decisions } = gateway!.networks as Readonly<Record<string, { readonly ipv4_address?: string }>>;
    expect(authz!.command).toContain(`--peers=${decisions!.ipv4_address!}`);
    expect(authz!.command).toContain(`--gateway=${name}`);
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
