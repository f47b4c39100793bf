import { Refusal } from '../refusal/refusal';

/** Differences between an `iss` and a configured issuer that are mistakes more often than other issuers. */
const NEAR_MISSES: readonly (readonly [hint: string, fold: (text: string) => string])[] = [
  ['differs from the first of these by its last slash only', withoutLastSlash],
  ['differs from the first of these by letter case only', (text) => text.toLowerCase()],
  ['differs from the first of these by http: and https: only', withoutScheme],
  [
    'differs from the first of these by slash, letter case and scheme only',
    (text) => withoutScheme(withoutLastSlash(text.toLowerCase())),
  ],
];

/** The longest `iss` that is compared: longer ones name nothing that is configured. */
const MAX_LENGTH = 2048;

/**
 * Refuses a token whose `iss` no entry has. The log is told which issuers are configured, and when `iss` is almost one
 * of them, which one and how it differs. The text of `iss` itself is never in it: anybody can write it.
 */
export function unknownIssuer(iss: unknown, configured: readonly string[]): Refusal {
  const reason = 'iss is none of the issuers';
  if (typeof iss === 'string' && iss.length <= MAX_LENGTH) {
    for (const [hint, fold] of NEAR_MISSES) {
      const meant = configured.find((issuer) => fold(issuer) === fold(iss));
      if (meant === undefined) continue;
      const accepted = [meant, ...configured.filter((issuer) => issuer !== meant)];
      return new Refusal('token_untrusted', reason, { accepted, hint });
    }
  }
  return new Refusal('token_untrusted', reason, { accepted: configured });
}

function withoutLastSlash(text: string): string {
  return text.endsWith('/') ? text.slice(0, -1) : text;
}

function withoutScheme(text: string): string {
  return text.replace(/^https?:/, '');
}
