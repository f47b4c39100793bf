import { describe, expect, it } from '@jest/globals';
import { parseConfig } from '../../../../schema/parse-config';
import { configWarnings } from '../../../../schema/rules/config-warnings';

const issuer = (name: string): object => ({
  issuer: `https://${name}.example.com/`,
  audiences: ['orders'],
  jwks_uri: `https://${name}.example.com/jwks`,
});
const two = [issuer('a'), issuer('b')];
const email = { header: 'X-User-Email', claim: 'email' };

describe('warnings about a configuration', () => {
  it('name a header of two issuers that holds something else than the id', () => {
    expect(configWarnings(parseConfig({ issuers: two, identity_headers: [email] }))).toEqual([
      { field: 'config.identity_headers', message: expect.stringMatching(/^the same value from two issuers/) },
    ]);
  });

  it.each([
    ['one issuer', { issuers: [issuer('a')], identity_headers: [email] }],
    ['a header for the issuer', { issuers: two, identity_headers: [email, { header: 'X-User-Issuer', claim: 'iss' }] }],
    ['callers that are meant to be one', { issuers: two, identity_headers: [email], common_caller_ids: true }],
    ['no header at all', { issuers: two, identity_headers: [] }],
  ])('are not given for %s', (_, config) => {
    expect(configWarnings(parseConfig(config))).toEqual([]);
  });
});
