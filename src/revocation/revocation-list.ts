import { FetchError } from '../documents/fetch-error';
import type { Parsed } from '../documents/document-version';
import { readListText, type Pieces } from './list-text';
import { readEntry } from './revocation-entry';
import { RevocationTable } from './revocation-table';

/** A list as it was published. */
export interface RevocationList {
  /** When it was made, in seconds since the epoch. */
  readonly iat: number;
  readonly table: RevocationTable;
}

/** What a list may be like. */
export interface ListRules {
  readonly maxEntries: number;
  /** Whom the list is about, if about one issuer only. */
  readonly issuer: string | undefined;
}

/** How far ahead a list's clock may be, in seconds. One from the future would keep all later ones out. */
const MAX_AHEAD_SECONDS = 300;

/**
 * Reads a list: `{"iat": …, "exp": …, "ttl": …, "revocations": [...]}`, of which `iat` and `revocations` are required. The
 * claims set of a signed list is the same object. One bad entry makes the whole list a bad one: leaving it out could let
 * a token pass that somebody wanted to end.
 *
 * @param nowSeconds - the time, in seconds since the epoch
 * @throws FetchError with the reason; it quotes nothing of the list
 * @see RFC 7519 §4.1 (`iat`, `exp`)
 */
export async function readRevocationList(
  pieces: Pieces,
  { maxEntries, issuer }: ListRules,
  nowSeconds: number,
): Promise<Parsed<RevocationList>> {
  const table = new RevocationTable(maxEntries);
  const rest = await readListText(pieces, (entry, position) => {
    try {
      table.add(readEntry(entry, issuer), nowSeconds);
    } catch (error) {
      if (!(error instanceof FetchError)) throw error;
      throw new FetchError(`entry ${position}: ${error.message}`);
    }
  });
  const iat = timeOf(rest, 'iat');
  const exp = timeOf(rest, 'exp');
  const ttl = timeOf(rest, 'ttl');
  if (iat === undefined) throw new FetchError('the list has no iat');
  if (iat > nowSeconds + MAX_AHEAD_SECONDS) throw new FetchError('the iat of the list is in the future');
  return {
    value: { iat, table },
    issuedAtSeconds: iat,
    ...(ttl !== undefined && { lifetimeSeconds: ttl }),
    ...(exp !== undefined && { expiresAtMs: exp * 1000 }),
  };
}

function timeOf(claims: Readonly<Record<string, unknown>>, name: string): number | undefined {
  const value = Object.hasOwn(claims, name) ? claims[name] : undefined;
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || value < 0 || value > 253_402_300_799) {
    throw new FetchError(`${name} of the list is not a number of seconds`);
  }
  return value;
}
