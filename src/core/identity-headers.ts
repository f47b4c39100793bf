import type { Config } from '../../schema/config';
import { claimSelector, type ClaimSelector } from './claim-selector';
import { encodeHeaderValue, type OnUnsafe } from './header-value';
import { quote, type Observer } from './observer';
import { Refusal } from './refusal';
import type { VerifiedToken } from './verified-token';

/** One line of `identity_headers`, compiled. */
export interface IdentityHeader {
  readonly header: string;
  readonly claim: string;
  readonly select: ClaimSelector;
  readonly required: boolean;
  readonly onUnsafe: OnUnsafe;
  /** The longest encoded value, in bytes. */
  readonly maxBytes: number;
}

/** Compiles `identity_headers`. */
export function identityHeaders(config: Pick<Config, 'identityHeaders'>): readonly IdentityHeader[] {
  return config.identityHeaders.map((entry) => ({ ...entry, select: claimSelector(entry.claim) }));
}

/**
 * Returns the headers that tell a service who is calling, by name. A header whose claim is not there is left out; a
 * claim that is required, too long or not to be encoded safely is a {@link Refusal}, never a shortened header.
 */
export function identityOf(
  { claims }: VerifiedToken,
  mapping: readonly IdentityHeader[],
  observe?: Observer,
): Readonly<Record<string, string>> | Refusal {
  const headers: Record<string, string> = {};
  for (const { header, claim, select, required, onUnsafe, maxBytes } of mapping) {
    observe?.('identity', `${header} from claim ${claim}, which is ${quote(select(claims))}`);
    const value = encodeHeaderValue(select(claims), claim, onUnsafe);
    if (value instanceof Refusal) return value;
    if (value === undefined) {
      if (required) return new Refusal('claim_missing', `claim ${claim} for header ${header}`);
      continue;
    }
    // The encoded value is ASCII: characters are bytes.
    if (value.length > maxBytes) return new Refusal('claim_invalid', `claim ${claim} is too long for header ${header}`);
    headers[header] = value;
  }
  return headers;
}
