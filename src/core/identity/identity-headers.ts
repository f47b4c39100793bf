import type { Config } from '../../../schema/config';
import { claimSelector, type ClaimSelector } from '../claim-selector';
import { encodeHeaderValue, type OnUnsafe } from './header-value';
import { quote, type Observer } from '../observer';
import { Refusal } from '../refusal/refusal';
import type { VerifiedToken } from '../verification/verified-token';

/** Values of identity headers, by name. */
export type Identity = Readonly<Record<string, string>>;

/** Writes the headers that tell a service who is calling. */
export interface IdentityWriter {
  /** Every header that it may write. */
  readonly headerNames: readonly string[];
  /**
   * Returns the headers of a token. A header whose claim is not there is left out; a claim that is required, too long or
   * not to be encoded safely is a {@link Refusal}, never a shortened header.
   */
  write(token: VerifiedToken, observe?: Observer): Identity | Refusal;
}

/** One line of `identity_headers`, compiled. */
interface IdentityHeader {
  readonly header: string;
  readonly claim: string;
  readonly select: ClaimSelector;
  readonly required: boolean;
  readonly onUnsafe: OnUnsafe;
  /** The longest encoded value, in bytes. */
  readonly maxBytes: number;
}

/** Compiles `identity_headers`. What was written for a verified token is kept with it: hundreds of roles cost once. */
export function identityWriter(config: Pick<Config, 'identityHeaders'>): IdentityWriter {
  const mapping = config.identityHeaders.map((entry) => ({ ...entry, select: claimSelector(entry.claim) }));
  // A token's own object is the key: it lives as long as the verification is cached.
  const written = new WeakMap<VerifiedToken, Identity>();
  return {
    headerNames: mapping.map(({ header }) => header),
    write: (token, observe) => {
      const known = observe === undefined ? written.get(token) : undefined;
      if (known !== undefined) return known;
      const identity = identityOf(token, mapping, observe);
      if (!(identity instanceof Refusal)) written.set(token, identity);
      return identity;
    },
  };
}

function identityOf(
  { claims }: VerifiedToken,
  mapping: readonly IdentityHeader[],
  observe: Observer | undefined,
): Identity | Refusal {
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
