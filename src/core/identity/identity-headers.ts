import type { Config } from '../../../schema/config';
import { callerValue, type CallerClaims, type CallerValue } from './caller-value';
import { encodeClaims, encodeHeaderValue, type OnUnsafe } from './header-value';
import { quote, type Observer } from '../observer';
import { Refusal } from '../refusal/refusal';
import type { VerifiedToken } from '../verification/verified-token';

/** The claim that means all claims. As a JSON Pointer it would be a claim without a name. */
const ALL_CLAIMS = '/';

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
  readonly read: CallerValue;
  readonly required: boolean;
  readonly onUnsafe: OnUnsafe;
  /** The longest encoded value, in bytes. */
  readonly maxBytes: number;
}

/** Compiles `identity_headers`. What was written for a verified token is kept with it: hundreds of roles cost once. */
export function identityWriter(config: Pick<Config, 'identityHeaders'> & CallerClaims): IdentityWriter {
  const mapping = config.identityHeaders.map((entry) => ({ ...entry, read: callerValue(entry.claim, config) }));
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
  token: VerifiedToken,
  mapping: readonly IdentityHeader[],
  observe: Observer | undefined,
): Identity | Refusal {
  const headers: Record<string, string> = {};
  for (const { header, claim, read, required, onUnsafe, maxBytes } of mapping) {
    const isAll = claim === ALL_CLAIMS;
    const named = isAll ? token.claims : read(token);
    observe?.('identity', `${header} from claim ${claim}, which is ${isAll ? 'all claims' : quote(named)}`);
    const value = isAll ? encodeClaims(token.claims) : encodeHeaderValue(named, claim, onUnsafe);
    if (value instanceof Refusal) return value;
    if (value === undefined) {
      if (required) return new Refusal('claim_missing', `claim ${claim} for header ${header}`);
      continue;
    }
    // The encoded value is ASCII: characters are bytes.
    if (value.length > maxBytes) return tooLong(claim, header, value.length, maxBytes, named);
    headers[header] = value;
  }
  return headers;
}

/** A list of groups that grew is the usual reason: the sizes say what `max_bytes` would have to be, or what to leave out. */
function tooLong(claim: string, header: string, bytes: number, maxBytes: number, value: unknown): Refusal {
  const items = Array.isArray(value) ? ` with ${value.length} items` : '';
  const size = `${bytes} bytes, max_bytes is ${maxBytes}`;
  return new Refusal('claim_invalid', `claim ${claim}${items} is too long for header ${header}: ${size}`);
}
