import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';

interface ComposeService {
  readonly image: string;
  readonly build?: { readonly args?: Readonly<Record<string, string>> };
  readonly networks: readonly string[];
  readonly ports?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly profiles?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test: readonly string[] };
}

interface ComposeFile {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean }>>;
}

const ROOT = resolve(__dirname, '../../..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const { services, networks } = parse(read('compose.yaml'), { merge: true }) as ComposeFile;
const { kong, probe, ...parts } = services as Record<'kong' | 'probe', ComposeService> & ComposeFile['services'];

describe('compose.yaml', () => {
  it('keeps the services on an internal network, without published ports', () => {
    expect(networks['services']).toEqual({ internal: true });
    expect(Object.keys(parts)).toEqual(['identity-provider', 'orders', 'admin']);
    for (const part of Object.values(parts)) {
      expect(part.networks).toEqual(['services']);
      expect(part).not.toHaveProperty('ports');
    }
  });

  it('lets Kong alone stand on both networks, and publishes its proxy on this machine only', () => {
    expect(kong.networks).toEqual(['proxy', 'services']);
    expect(kong.ports).toEqual(['127.0.0.1:${PROXY_PORT:-8000}:8000']);
    expect(probe.networks).toEqual(['proxy']);
  });

  it('builds on a Kong with a digest, which no tag of an image may hold', () => {
    const tags = Object.values(services).map(({ image }) => image);
    expect(tags.filter((image) => !/^[a-z-]+(:[\w.-]+)?$/.test(image))).toEqual([]);
    expect(kong.build?.args).toEqual({ KONG_VERSION: '${KONG_VERSION:-3.9.3}' });
  });

  it('has the Admin API listen inside the container of Kong only', () => {
    expect(kong.environment).toMatchObject({ KONG_ADMIN_LISTEN: '127.0.0.1:8001', KONG_ADMIN_GUI_LISTEN: 'off' });
  });

  it('starts Kong when everything behind it is healthy', () => {
    for (const [name, part] of Object.entries(parts)) {
      // podman-compose 1.3 breaks words with blanks, quotes or brackets.
      expect(part.healthcheck?.test.join(' ')).toMatch(/^CMD node probe\.js --reach 127\.0\.0\.1:80\d\d$/);
      expect(kong.depends_on?.[name]).toEqual({ condition: 'service_healthy' });
    }
  });

  it('runs the routes of kong.yml, at the addresses of containers', () => {
    const inContainers = read('kong.yml')
      .replaceAll('127.0.0.1:8010', 'identity-provider:8010')
      .replaceAll('127.0.0.1:8011', 'orders:8011')
      .replaceAll('127.0.0.1:8012', 'admin:8012')
      .replace('key_fetch: { ', 'key_fetch: { allow_http: true, ')
      .replace('list_fetch: { ', 'list_fetch: { allow_http: true, ');
    expect(parse(read('deploy/compose/kong.yml'))).toEqual(parse(inContainers));
  });
});
