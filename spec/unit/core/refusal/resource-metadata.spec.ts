import { describe, expect, it } from '@jest/globals';
import { parseConfig } from '../../../../schema/parse-config';
import {
  metadataAnswer,
  resourceMetadata,
  type ResourceMetadata,
} from '../../../../src/core/refusal/resource-metadata';

const RESOURCE = 'https://api.example.com/mcp';
const issuer = (name: string): object => ({
  issuer: name,
  audiences: [RESOURCE],
  caller_prefix: `${name}|`,
  jwks_uri: 'https://keys.test/jwks',
});
const metadataOf = (config: object = {}, metadata: object = {}): ResourceMetadata | undefined =>
  resourceMetadata(
    parseConfig({
      issuers: [issuer('https://auth.example.com/')],
      resource_metadata: { resource: RESOURCE, ...metadata },
      ...config,
    }),
  );
const documentOf = (config?: object, metadata?: object): unknown => JSON.parse(metadataOf(config, metadata)!.text);

describe('the metadata of a protected resource', () => {
  it('name the resource, the authorization servers and where a token may be', () => {
    expect(documentOf()).toEqual({
      resource: RESOURCE,
      authorization_servers: ['https://auth.example.com/'],
      bearer_methods_supported: ['header'],
    });
  });

  it.each([
    ['https://api.example.com', ''],
    ['https://api.example.com/', ''],
    ['https://api.example.com/mcp', '/mcp'],
    ['https://api.example.com/a/b/', '/a/b/'],
    ['http://127.0.0.1:8000/mcp', '/mcp'],
  ])('of %s are between its host and its path', (resource, path) => {
    const metadata = metadataOf({}, { resource });
    expect(metadata?.path).toBe(`/.well-known/oauth-protected-resource${path}`);
    expect(metadata?.url).toBe(`${new URL(resource).origin}/.well-known/oauth-protected-resource${path}`);
    expect(documentOf({}, { resource })).toMatchObject({ resource });
  });

  it('list the scopes of all rules, each once, and nothing else of a rule', () => {
    const authorize = [
      { methods: ['GET'], scopes: ['read'], roles: ['secret-role'] },
      { methods: ['POST'], scopes: ['read', 'write'] },
      { claims: [{ claim: 'tenant', one_of: ['acme'] }] },
    ];
    expect(documentOf({ authorize })).toMatchObject({ scopes_supported: ['read', 'write'] });
    expect(metadataOf({ authorize })?.text).not.toMatch(/secret-role|acme/);
    expect(documentOf({ authorize: [{ any_identity: true }] })).not.toHaveProperty('scopes_supported');
  });

  it('list the issuers that are URLs, each once, and no other', () => {
    const issuers = ['https://a.test', 'joe', 'https://b.test/x', 'http://plain.test/', 'http://localhost:9000'].map(
      issuer,
    );
    expect(documentOf({ issuers })).toMatchObject({
      authorization_servers: ['https://a.test', 'https://b.test/x', 'http://localhost:9000'],
    });
  });

  it('say that the query is searched only under the name that RFC 6750 gives', () => {
    expect(documentOf({ uri_param_names: ['access_token'] })).toMatchObject({
      bearer_methods_supported: ['header', 'query'],
    });
    expect(documentOf({ header_names: ['X-Token', 'AUTHORIZATION'] })).toMatchObject({
      bearer_methods_supported: ['header'],
    });
    expect(documentOf({ uri_param_names: ['jwt'], header_names: ['X-Token'] })).not.toHaveProperty(
      'bearer_methods_supported',
    );
  });

  it('tell people what the resource is called, where configured', () => {
    const about = { resource_name: 'Orders', resource_documentation: 'https://docs.example.com/orders' };
    expect(documentOf({}, about)).toMatchObject(about);
  });

  it('are none where the configuration names no resource', () => {
    expect(metadataOf({ resource_metadata: undefined })).toBeUndefined();
  });
});

describe('a request for the metadata', () => {
  const metadata = metadataOf()!;
  const PATH = '/.well-known/oauth-protected-resource/mcp';

  it.each(['GET', 'HEAD'])('with %s gets the document, also from a page of another origin', (method) => {
    expect(metadataAnswer(metadata, { method, requestPath: PATH })).toEqual({
      status: 200,
      headers: {
        'Content-Type': 'application/json',
        'Cache-Control': 'public, max-age=300',
        'Access-Control-Allow-Origin': '*',
      },
      body: metadata.text,
    });
  });

  it('may be sent by a page of any origin, with any header, without credentials', () => {
    const answer = metadataAnswer(metadata, { method: 'OPTIONS', requestPath: PATH });
    expect(answer).toEqual({
      status: 204,
      headers: {
        'Access-Control-Allow-Origin': '*',
        'Access-Control-Allow-Methods': 'GET, HEAD',
        'Access-Control-Allow-Headers': '*',
        'Access-Control-Max-Age': '86400',
      },
      body: '',
    });
  });

  it.each([
    ['POST', PATH],
    ['get', PATH],
    ['GET', '/mcp'],
    ['GET', `${PATH}/`],
    ['GET', PATH.toUpperCase()],
    ['GET', `/${PATH}`],
    ['GET', PATH.replace('mcp', '%6dcp')],
    ['GET', '/.well-known/oauth-protected-resource'],
    ['GET', undefined],
    [undefined, PATH],
  ])('is none when it is %s %s, and is decided like any other', (method, requestPath) => {
    const request = { ...(method !== undefined && { method }), ...(requestPath !== undefined && { requestPath }) };
    expect(metadataAnswer(metadata, request)).toBeUndefined();
    expect(metadataAnswer(undefined, { method: 'GET', requestPath: PATH })).toBeUndefined();
  });
});
