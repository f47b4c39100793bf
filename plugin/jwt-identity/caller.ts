import type { VerifiedToken } from '../../src/core/verification/verified-token';

/** Which issuer and which of its keys vouched for a caller; never the caller. Both come from the configuration side. */
export function verifiedBy({ issuer, key }: VerifiedToken): { readonly issuer: string; readonly kid?: string } {
  return { issuer: issuer.issuer, ...(key.kid !== null && { kid: key.kid }) };
}
