import { checkJoseHeader } from '../core/verification/jose-header';
import type { KeySource } from '../core/verification/key-source';
import { Refusal } from '../core/refusal/refusal';
import { isSignedBy } from '../core/verification/signature';
import { ALGORITHMS } from '../../schema/algorithms';
import { FetchError } from '../documents/fetch-error';

/** Who may sign a document, and what kind of document it must be. */
export interface Signer {
  readonly keys: KeySource;
  /** Accepted algorithms; empty: what fits the key. */
  readonly algorithms: readonly string[];
  /** The `typ` that it must have, in lower case without `application/`. */
  readonly type: string;
}

/** The longest header that is read, in characters. */
const MAX_HEADER_LENGTH = 8192;

/** As {@link readSignedBytes}; what is signed is UTF-8 text. */
export async function readSignedText(jws: string, signer: Signer): Promise<string> {
  return decode(await readSignedBytes(jws, signer));
}

/**
 * Returns the bytes that a compact JWS signs, after its signature was verified. Only the header is parsed here.
 *
 * @throws FetchError when it is no such JWS, of another type, or not signed by the signer
 * @see RFC 7515 §5.2, RFC 8725 §3.11
 */
export async function readSignedBytes(jws: string, { keys, algorithms, type }: Signer): Promise<Uint8Array> {
  const segments = jws.trim().split('.', 4);
  const [header = '', payload = '', signature = ''] = segments;
  if (segments.length !== 3 || signature === '' || header.length > MAX_HEADER_LENGTH) {
    throw new FetchError('the document is not a signed JWT');
  }
  const accepted = checkJoseHeader(
    headerOf(header),
    new Set(algorithms.length > 0 ? algorithms : ALGORITHMS),
    new Set([type]),
  );
  if (accepted instanceof Refusal) throw new FetchError(`the document is not accepted: ${accepted.reason}`);
  const lookup = await keys.find(accepted);
  if (lookup.status === 'unavailable') throw new FetchError('the keys that verify the document are not available');
  if (lookup.status === 'not_found') throw new FetchError(`no key verifies the document (${lookup.reason})`);
  if (!(await isSignedBy(segments.join('.'), accepted.alg, lookup.key))) {
    throw new FetchError('the signature of the document does not fit');
  }
  return Buffer.from(payload, 'base64url');
}

function headerOf(segment: string): Readonly<Record<string, unknown>> {
  try {
    const header: unknown = JSON.parse(decode(Buffer.from(segment, 'base64url')));
    if (typeof header === 'object' && header !== null) return header as Readonly<Record<string, unknown>>;
  } catch {
    // Said below.
  }
  throw new FetchError('the document is not a signed JWT');
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new FetchError('the document is not UTF-8');
  }
}
