import { Refusal } from '../core/refusal/refusal';

/** How one identity header becomes one member of an identity. */
export interface IdentityField<Value> {
  readonly header: string;
  /** The value of a header that is not there. */
  readonly absent: Value;
  /** Decodes a header's value; throws when the gateway cannot have written it. */
  readonly decode: (value: string) => Value;
}

/** What the members of an identity are read from. Without `id` there is no identity. */
export interface IdentityMapping {
  readonly id: IdentityField<string | undefined>;
  readonly [member: string]: IdentityField<string | undefined> | IdentityField<readonly string[]>;
}

/** Who is calling, as the gateway verified it. */
export type Identity<Mapping extends IdentityMapping = typeof DEFAULT_MAPPING> = {
  readonly [Member in keyof Mapping]: Member extends 'id' ? string : ReturnType<Mapping[Member]['decode']>;
};

/** The lines of a header in a request: none, one, or several. */
export type HeaderLines = (name: string) => readonly string[];

/** Maps a header to its text. */
export function text(header: string): IdentityField<string | undefined> {
  return { header, absent: undefined, decode: decodeText };
}

/** Maps a header to its list, such as roles; a header that is not there is an empty list. */
export function list(header: string): IdentityField<readonly string[]> {
  return { header, absent: [], decode: (value) => value.split(',').map(decodeText) };
}

/** Maps a header to its words, such as scopes: a list, or a text with blanks between the words (RFC 8693 §4.2). */
export function words(header: string): IdentityField<readonly string[]> {
  return { header, absent: [], decode: (value) => value.split(/[ ,]/).map(decodeText) };
}

/** What the gateway writes unless `identity_headers` says otherwise, and the name that kong.yml adds. */
export const DEFAULT_MAPPING = {
  id: text('X-User-ID'),
  roles: list('X-User-Roles'),
  name: text('X-User-Name'),
} as const satisfies IdentityMapping;

/**
 * Reads the identity from the headers of a request that came from the gateway: `undefined` when there is none, a
 * {@link Refusal} for headers that the gateway does not write. It does not check where the request came from.
 *
 * @see docs/HEADERS.md
 */
export function readIdentity<Mapping extends IdentityMapping>(
  mapping: Mapping,
  lines: HeaderLines,
): Identity<Mapping> | undefined | Refusal {
  const identity: Record<string, unknown> = {};
  let hasMore = false;
  for (const [member, { header, absent, decode }] of Object.entries(mapping)) {
    const [value, ...others] = lines(header);
    // Whichever line we took, other code in the service might take the other.
    if (others.length > 0) return new Refusal('identity_malformed', `header ${header} was sent more than once`);
    if (value !== undefined && member !== 'id') hasMore = true;
    try {
      identity[member] = value === undefined ? absent : decode(value);
    } catch {
      return new Refusal('identity_malformed', `header ${header} is not as the gateway writes it`);
    }
  }
  if (identity['id'] !== undefined) return Object.freeze(identity) as Identity<Mapping>;
  return hasMore ? new Refusal('identity_malformed', 'an identity header without the id') : undefined;
}

/** Printable ASCII without a comma and a blank at either end: all that the gateway writes for one value. */
const ENCODED = /^(?! )[\x20-\x2b\x2d-\x7e]*[\x21-\x2b\x2d-\x7e]$/;

/** @throws URIError when it is not percent-encoded UTF-8 as the gateway writes it */
function decodeText(value: string): string {
  if (!ENCODED.test(value)) throw new URIError('not encoded');
  return decodeURIComponent(value);
}
