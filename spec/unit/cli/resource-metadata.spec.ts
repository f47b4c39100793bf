import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, jest } from '@jest/globals';
import { CommandFailure } from '../../../src/cli/command-failure';
import { resourceMetadataCommand } from '../../../src/cli/resource-metadata';

const FILE = `
_format_version: '3.0'
services:
- name: orders
  url: http://orders.internal:8080
  routes:
  - name: mcp
    paths: [/mcp]
    plugins:
    - name: jwt-identity
      config:
        issuers: [{ issuer: 'https://auth.example.com/', audiences: ['https://api.example.com/mcp'], discovery: true }]
        resource_metadata: { resource: 'https://api.example.com/mcp' }
        authorize: [{ scopes: [tools] }]
  - name: plain
    paths: [/plain]
    plugins:
    - name: jwt-identity
      config: { issuers: [{ issuer: 'https://auth.example.com/', audiences: [a], discovery: true }] }
  - name: wrong
    paths: [/wrong]
    plugins:
    - name: jwt-identity
      config:
        issuers: [{ issuer: 'https://auth.example.com/', audiences: [a], discovery: true }]
        resource_metadata: { resource: 'http://api.example.com/mcp' }
  - { name: bare, paths: [/bare] }
`;

describe('kong-jwt-identity resource-metadata', () => {
  const folder = mkdtempSync(join(tmpdir(), 'resource-metadata-'));
  const file = join(folder, 'kong.yml');
  writeFileSync(file, FILE);
  const stdout = jest.spyOn(process.stdout, 'write').mockReturnValue(true);
  const stderr = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
  afterEach(() => {
    stdout.mockClear();
    stderr.mockClear();
  });
  afterAll(() => {
    jest.restoreAllMocks();
    rmSync(folder, { recursive: true });
  });
  const run = async (path: string, route: string): Promise<string> => {
    await resourceMetadataCommand().exitOverride().parseAsync([path, '--route', route], { from: 'user' });
    return stdout.mock.calls.map(([chunk]) => String(chunk)).join('');
  };

  it('prints the document of a route, and beside it where it belongs', async () => {
    expect(JSON.parse(await run(file, 'mcp'))).toEqual({
      resource: 'https://api.example.com/mcp',
      authorization_servers: ['https://auth.example.com/'],
      scopes_supported: ['tools'],
      bearer_methods_supported: ['header'],
    });
    expect(stderr.mock.calls[0]?.[0]).toBe(
      'Serve it at https://api.example.com/.well-known/oauth-protected-resource/mcp\n',
    );
  });

  it.each([
    ['plain', /the plugin of this route has no resource_metadata$/],
    ['wrong', /config\.resource_metadata\.resource: must be an absolute https/],
    ['bare', /kong\.yml: /],
    ['nowhere', /kong\.yml: /],
  ])('says what is wrong with the route %s', async (route, message) => {
    await expect(run(file, route)).rejects.toThrow(CommandFailure);
    await expect(run(file, route)).rejects.toThrow(message);
  });

  it('says that a file cannot be read', async () => {
    await expect(run(join(folder, 'missing.yml'), 'mcp')).rejects.toThrow(/missing\.yml: cannot be read \(ENOENT\)$/);
  });
});
