import { FetchError } from '../documents/fetch-error';

/**
 * What an entry names: one token (`jti`), all tokens of a session (`sid`), of a caller (`sub`) or of a client
 * (`client_id`), or all tokens of the issuer (`iss`). The position is part of {@link RevocationTable}'s keys.
 */
export const ENTRY_KINDS = ['jti', 'sid', 'sub', 'client_id', 'iss'] as const;

/** One of {@link ENTRY_KINDS}. */
export type EntryKind = (typeof ENTRY_KINDS)[number];

/** One exception to what issuers signed. */
export interface RevocationEntry {
  /** Whose tokens it is about; compared with `iss` character by character. */
  readonly issuer: string;
  readonly kind: EntryKind;
  /** The value of the claim; empty for `iss`. */
  readonly name: string;
  /** Seconds since the epoch: only tokens with an earlier `iat` are revoked, and those without; `undefined`: all. */
  readonly issuedBefore: number | undefined;
  /** Seconds since the epoch: when no token that it is about can be valid any more. */
  readonly exp: number;
}

/** More than any identifier that providers use; OpenID Connect Core 1.0 §2 allows 255 for `sub`. */
export const MAX_NAME_LENGTH = 500;
/** An issuer is a URL. */
export const MAX_ISSUER_LENGTH = 2048;
/** The last second of the year 9999. A larger NumericDate is in milliseconds or worse. */
const LATEST_NUMERIC_DATE = 253_402_300_799;

/**
 * Reads one entry of a list: `{"iss": …, "jti" | "sid" | "sub" | "client_id": …, "issued_before": …, "exp": …}`. An entry
 * without any of the four names is about all tokens of the issuer, and needs `issued_before`. Other members are ignored.
 *
 * @param ownIssuer - whom the list is about: entries may leave `iss` out, and must not name another
 * @throws FetchError with what is wrong; it quotes nothing of the entry
 */
export function readEntry(value: unknown, ownIssuer?: string): RevocationEntry {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new FetchError('is not an object');
  const own = (name: string): unknown =>
    Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
  const issuer = own('iss') ?? ownIssuer;
  if (typeof issuer !== 'string' || issuer === '' || issuer.length > MAX_ISSUER_LENGTH) {
    throw new FetchError('has no iss, or one that is not a text');
  }
  if (ownIssuer !== undefined && issuer !== ownIssuer) throw new FetchError('is about another issuer');
  const kinds = (['jti', 'sid', 'sub', 'client_id'] as const).filter((kind) => own(kind) !== undefined);
  if (kinds.length > 1) throw new FetchError(`names more than one of ${kinds.join(', ')}`);
  const [kind = 'iss'] = kinds;
  const name = kind === 'iss' ? '' : own(kind);
  if (typeof name !== 'string' || (kind !== 'iss' && name === '')) throw new FetchError(`${kind} is not a text`);
  if (name.length > MAX_NAME_LENGTH) throw new FetchError(`${kind} has more than ${MAX_NAME_LENGTH} characters`);
  const exp = own('exp');
  if (exp === undefined) throw new FetchError('has no end (exp)');
  if (!isNumericDate(exp)) throw new FetchError('exp is not a NumericDate in seconds');
  const issuedBefore = own('issued_before');
  if (issuedBefore !== undefined && !isNumericDate(issuedBefore)) {
    throw new FetchError('issued_before is not a NumericDate in seconds');
  }
  if (issuedBefore !== undefined && (kind === 'jti' || kind === 'sid')) {
    throw new FetchError(`issued_before has no meaning with ${kind}`);
  }
  if (kind === 'iss' && issuedBefore === undefined) {
    throw new FetchError('names no jti, sid, sub or client_id, and has no issued_before');
  }
  return { issuer, kind, name, issuedBefore, exp };
}

/**
 * An entry as `JSON.stringify` writes it, about one token, session, caller or client, without `issued_before` and without
 * anything escaped. The texts are those that JSON allows between quotation marks.
 */
const USUAL_ENTRY =
  /^\{"iss":"([ !#-[\]-\uffff]+)","(jti|sid|sub|client_id)":"([ !#-[\]-\uffff]+)","exp":(0|[1-9]\d{0,11})\}$/;

/**
 * Reads the JSON text of an entry, as {@link readEntry} reads its value. Most entries are written in one way, which is
 * recognized: to make an object of each takes three times as long.
 *
 * @throws FetchError with what is wrong; it quotes nothing of the entry
 */
export function readEntryText(text: string, ownIssuer?: string): RevocationEntry {
  const [, issuer = '', kind, name = '', digits] = USUAL_ENTRY.exec(text) ?? [];
  const exp = Number(digits);
  const isUsual =
    kind !== undefined &&
    (ownIssuer === undefined || issuer === ownIssuer) &&
    issuer.length <= MAX_ISSUER_LENGTH &&
    name.length <= MAX_NAME_LENGTH &&
    exp <= LATEST_NUMERIC_DATE;
  // What is not usual, or wrong, is looked at closely.
  if (!isUsual) return readEntry(valueOf(text), ownIssuer);
  return { issuer, kind: kind as EntryKind, name, issuedBefore: undefined, exp };
}

function valueOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new FetchError('is not JSON');
  }
}

/** Returns the entry as it stands in a list. */
export function writeEntry({ issuer, kind, name, issuedBefore, exp }: RevocationEntry): Record<string, unknown> {
  return {
    iss: issuer,
    ...(kind !== 'iss' && { [kind]: name }),
    ...(issuedBefore !== undefined && { issued_before: issuedBefore }),
    exp,
  };
}

/** Whether two entries are about the same tokens, whatever their times say. */
export function isSameSubject(one: RevocationEntry, other: RevocationEntry): boolean {
  return one.issuer === other.issuer && one.kind === other.kind && one.name === other.name;
}

/**
 * Returns the entry that says what two about the same subject say: with the later `issued_before`, or none when one of them
 * is about all tokens, and the later `exp`. A later entry that says less must not give tokens back.
 */
export function mergedEntry(one: RevocationEntry, other: RevocationEntry): RevocationEntry {
  const isAboutAll = one.issuedBefore === undefined || other.issuedBefore === undefined;
  return {
    ...other,
    issuedBefore: isAboutAll ? undefined : Math.max(one.issuedBefore, other.issuedBefore),
    exp: Math.max(one.exp, other.exp),
  };
}

function isNumericDate(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= LATEST_NUMERIC_DATE;
}
