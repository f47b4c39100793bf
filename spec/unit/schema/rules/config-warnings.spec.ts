import { describe, expect, it } from '@jest/globals';
import { parseConfig } from '../../../../schema/parse-config';
import { configWarnings } from '../../../../schema/rules/config-warnings';

const issuer = (name: string): object => ({
  issuer: `https://${name}.example.com/`,
  audiences: ['orders'],
  jwks_uri: `https://${name}.example.com/jwks`,
});
const one = [issuer('a')];
const two = [issuer('a'), issuer('b')];
const byIssuer = { header: 'X-User-Issuer', claim: 'iss' };
const subject = { header: 'X-User-ID', claim: 'sub' };

describe('callers of two issuers who may have the same sub', () => {
  it.each([
    ['the default identity headers', { issuers: two }],
    ['an identity header for the subject alone', { issuers: two, identity_headers: [subject] }],
    ['a consumer alone', { issuers: two, identity_headers: [], consumer_claim: 'sub' }],
    ['a credential alone', { issuers: two, identity_headers: [], credential_claim: 'sub' }],
  ])('are warned about with %s', (_, config) => {
    expect(configWarnings(parseConfig(config))).toEqual([
      { field: 'config.issuers', message: expect.stringMatching(/^the same sub from two issuers is one caller/) },
    ]);
  });

  it.each([
    ['one issuer', { issuers: one }],
    ['a header for the issuer', { issuers: two, identity_headers: [subject, byIssuer] }],
    ['nothing that identifies a caller', { issuers: two, identity_headers: [] }],
  ])('are not warned about with %s', (_, config) => {
    expect(configWarnings(parseConfig(config))).toEqual([]);
  });
});
