import type { VerifiedToken } from '../../src/core/verified-token';

/** Which issuer and which of its keys vouched for a caller; never the caller. Both come from the configuration side. */
export function whoOf({ issuer, key }: VerifiedToken): { readonly issuer: string; readonly kid?: string } {
  return { issuer: issuer.issuer, ...(key.kid !== null && { kid: key.kid }) };
}
