import { parseConfig } from '../../schema/parse-config';
import type { KeySource } from '../../src/core/verification/key-source';
import type { SigningKeySource } from '../../src/core/identity/signing-key';
import { compilePolicy, type Policy } from '../../src/core/policy';

/** The issuer of {@link policyOf}, in Kong's form. */
export const ISSUER = {
  issuer: 'https://auth.example.com/',
  audiences: ['orders'],
  jwks_uri: 'https://auth.example.com/jwks',
};

/** A configuration that may accept HS256 from {@link ISSUER}; its keys are those that are given all the same. */
export const SHARED_SECRET = { issuers: [{ ...ISSUER, jwks_uri: undefined, secret: 's'.repeat(32) }] };

/** Compiles a configuration written as in kong.yml; `issuers` is {@link ISSUER} unless given, with these keys. */
export function policyOf(
  config: Readonly<Record<string, unknown>>,
  keys: KeySource,
  signingKey?: SigningKeySource,
): Policy {
  return compilePolicy(parseConfig({ issuers: [ISSUER], ...config }), () => keys, signingKey);
}
