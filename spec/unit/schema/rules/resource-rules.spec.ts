import { describe, expect, it } from '@jest/globals';
import type { ConfigError } from '../../../../schema/config-error';
import { parseConfig } from '../../../../schema/parse-config';
import { configWarnings } from '../../../../schema/rules/config-warnings';

const RESOURCE = 'https://api.example.com/mcp';
const issuer = (name: string, changes: object = {}): object => ({
  issuer: name,
  audiences: [RESOURCE],
  caller_prefix: `${name}|`,
  jwks_uri: 'https://keys.example.com/jwks',
  ...changes,
});
const configOf = (metadata: object, issuers = [issuer('https://auth.example.com/')]): object => ({
  issuers,
  resource_metadata: { resource: RESOURCE, ...metadata },
});
const errorOf = (config: object): ConfigError => {
  try {
    parseConfig(config);
  } catch (error) {
    return error as ConfigError;
  }
  throw new Error('was accepted');
};

describe('resource_metadata', () => {
  it.each([
    'https://api.example.com',
    'https://api.example.com/',
    'https://api.example.com:8443/a/b-c_d.e~f/',
    'http://localhost:8000/mcp',
    'http://[::1]:8000/mcp',
  ])('takes the resource %s', (resource) => {
    expect(() => parseConfig(configOf({ resource }))).not.toThrow();
  });

  it.each([
    'api.example.com/mcp',
    '/mcp',
    'http://api.example.com/mcp',
    'ftp://api.example.com/mcp',
    'https://user:secret@api.example.com/mcp',
    'https://api.example.com/mcp?tenant=a',
    'https://api.example.com/mcp#a',
    'https://API.example.com/mcp',
    'https://api.example.com:443/mcp',
    'https://api.example.com/a/../mcp',
    'https://api.example.com/./mcp',
    'https://api.example.com/%6dcp',
    'https://api.example.com/m cp',
    'https://api.example.com/m"cp',
    'https://api.example.com/m\\cp',
    'https:/api.example.com/mcp',
  ])('refuses the resource %s', (resource) => {
    expect(errorOf(configOf({ resource }))).toMatchObject({
      field: 'config.resource_metadata.resource',
      message: expect.stringMatching(/: must (be an absolute https:|have no query)/),
    });
  });

  it('refuses an issuer that takes the tokens of other resources, by its place', () => {
    const open = issuer('https://b.example.com/', { audiences: [], any_audience: true });
    expect(errorOf(configOf({}, [issuer('https://a.example.com/'), open])).message).toMatch(
      /^config\.issuers\[2\]\.any_audience: contradicts resource_metadata/,
    );
  });

  it.each(['joe', 'http://auth.example.com/', 'urn:issuer'])(
    'refuses a configuration in which no client can find an authorization server: %s',
    (name) => {
      expect(errorOf(configOf({}, [issuer(name)])).message).toMatch(/^config\.resource_metadata: needs an issuer/);
    },
  );

  it('refuses documentation that is no URL', () => {
    expect(errorOf(configOf({ resource_documentation: 'javascript:alert(1)' }))).toMatchObject({
      field: 'config.resource_metadata.resource_documentation',
    });
  });

  it('is warned about when no issuer accepts a token for the resource', () => {
    expect(configWarnings(parseConfig(configOf({})))).toEqual([]);
    expect(configWarnings(parseConfig(configOf({ resource: `${RESOURCE}/` })))).toEqual([
      {
        field: 'config.resource_metadata.resource',
        message: expect.stringMatching(/^no issuer lists it in audiences/),
      },
    ]);
  });
});
