import { promisify } from 'node:util';
import { inflate } from 'node:zlib';
import { FetchError } from '../documents/fetch-error';
import type { Parsed } from '../documents/document-version';

/** The statuses of many tokens, a few bits for each. */
export interface StatusList {
  /** How many bits a status has. */
  readonly bits: number;
  readonly bytes: Uint8Array;
}

/** What a token says about its status. */
export interface StatusReference {
  readonly idx: number;
  readonly uri: string;
}

/** The `typ` of a status list token. */
export const STATUS_LIST_TYPE = 'statuslist+jwt';

const MAX_AHEAD_SECONDS = 300;
const LATEST_NUMERIC_DATE = 253_402_300_799;
const unpack = promisify(inflate);

/**
 * Reads the claims set of a status list token, after its signature was verified.
 *
 * @param uri - where it was fetched; its `sub` must say the same
 * @param maxBytes - most bytes that the list may unpack to: a few kilobytes can unpack to gigabytes
 * @throws FetchError with the reason; it quotes nothing of the list
 * @see Token Status List (draft-ietf-oauth-status-list-20) §4.1, §4.2, §5.1
 */
export async function readStatusList(
  text: string,
  uri: string,
  maxBytes: number,
  nowSeconds: number,
): Promise<Parsed<StatusList>> {
  const claims = objectOf(parse(text), 'the status list token');
  const iat = timeOf(claims, 'iat');
  const exp = timeOf(claims, 'exp');
  const ttl = timeOf(claims, 'ttl');
  if (own(claims, 'sub') !== uri) throw new FetchError('its sub is not the URI of the list');
  if (iat === undefined) throw new FetchError('it has no iat');
  if (iat > nowSeconds + MAX_AHEAD_SECONDS) throw new FetchError('its iat is in the future');
  if (ttl === 0) throw new FetchError('its ttl is not positive');
  const list = objectOf(own(claims, 'status_list'), 'status_list');
  const [bits, lst] = [own(list, 'bits'), own(list, 'lst')];
  if (bits !== 1 && bits !== 2 && bits !== 4 && bits !== 8) throw new FetchError('bits is not 1, 2, 4 or 8');
  if (typeof lst !== 'string' || !/^[\w-]*$/.test(lst)) throw new FetchError('lst is not base64url');
  return {
    value: { bits, bytes: await unpacked(Buffer.from(lst, 'base64url'), maxBytes) },
    issuedAtSeconds: iat,
    ...(ttl !== undefined && { lifetimeSeconds: ttl }),
    ...(exp !== undefined && { expiresAtMs: exp * 1000 }),
  };
}

/** Returns the status of a token; `undefined` for an index outside the list. */
export function statusAt({ bits, bytes }: StatusList, idx: number): number | undefined {
  const byte = bytes[Math.floor((idx * bits) / 8)];
  // Packed from the least significant bit on.
  return byte === undefined ? undefined : (byte >> ((idx * bits) % 8)) & ((1 << bits) - 1);
}

/**
 * Returns the reference in the claims of a token, `undefined` when there is none, or why it cannot be followed.
 *
 * @see Token Status List (draft-ietf-oauth-status-list-20) §6.2
 */
export function statusReference(claims: Readonly<Record<string, unknown>>): StatusReference | undefined | string {
  const status = own(claims, 'status');
  if (status === undefined) return undefined;
  if (!isObject(status)) return 'status is not an object';
  const reference = own(status, 'status_list');
  if (reference === undefined) return undefined;
  if (!isObject(reference)) return 'status.status_list is not an object';
  const [idx, uri] = [own(reference, 'idx'), own(reference, 'uri')];
  if (typeof idx !== 'number' || !Number.isSafeInteger(idx) || idx < 0) return 'status.status_list.idx is not an index';
  if (typeof uri !== 'string' || uri.length > 2048) return 'status.status_list.uri is not a URI';
  return { idx, uri };
}

async function unpacked(packed: Buffer, maxBytes: number): Promise<Uint8Array> {
  try {
    return await unpack(packed, { maxOutputLength: maxBytes });
  } catch (error) {
    const isLarge = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    throw new FetchError(isLarge ? `lst unpacks to more than ${maxBytes} bytes` : 'lst is not in the ZLIB format');
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new FetchError('the claims set is not JSON');
  }
}

function timeOf(claims: Readonly<Record<string, unknown>>, name: string): number | undefined {
  const value = own(claims, name);
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || value < 0 || value > LATEST_NUMERIC_DATE) {
    throw new FetchError(`its ${name} is not a number of seconds`);
  }
  return value;
}

function objectOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (isObject(value)) return value;
  throw new FetchError(`${what} is not an object`);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function own(object: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}
