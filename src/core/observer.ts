/** What a finding is about; in this order, as far as a request gets. */
export type Stage =
  | 'request'
  | 'token'
  | 'issuer'
  | 'header'
  | 'key'
  | 'signature'
  | 'claim'
  | 'revocation'
  | 'rule'
  | 'identity'
  | 'shadow';

/**
 * Is told what was looked at and found while a request is decided, before the step goes on or refuses. Findings quote
 * claims, so they are for whoever holds the token anyway (`kong-jwt-identity explain`) and never for a log; the token's
 * text and its signature are in none. A decision without an observer builds no finding.
 */
export type Observer = (stage: Stage, finding: string) => void;

/** Returns a value of a token in a form that cannot be taken for anything else: JSON, on one line. */
export function quote(value: unknown): string {
  return value === undefined ? 'not there' : JSON.stringify(value);
}
