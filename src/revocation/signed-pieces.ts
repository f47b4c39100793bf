import { checkJoseHeader } from '../core/verification/jose-header';
import type { KeySource } from '../core/verification/key-source';
import { Refusal } from '../core/refusal/refusal';
import { ALGORITHMS } from '../../schema/algorithms';
import { FetchError } from '../documents/fetch-error';
import { piecesOf, type Pieces } from './list-text';
import { openSignature, type SignatureCheck } from './signature-check';

/** Who may sign a document, and what kind of document it must be. */
export interface Signer {
  readonly keys: KeySource;
  /**
   * Whose document it is, where the keys may be those of several issuers: one that names another issuer does not count.
   * Left out where all keys are the signer's own.
   */
  readonly iss?: string | undefined;
  /** Accepted algorithms; empty: what fits the key. */
  readonly algorithms: readonly string[];
  /** The `typ` that it must have, in lower case without `application/`. */
  readonly type: string;
}

/** The longest header and the longest signature that are read, in characters. */
const MAX_HEADER_LENGTH = 8192;
const MAX_SIGNATURE_LENGTH = 8192;

const BASE64URL = /^[\w-]*$/;
const NOT_A_JWT = 'the document is not a signed JWT';

/** Returns the text that a compact JWS signs, as {@link signedPieces} does. */
export async function readSignedText(chunks: readonly Uint8Array[], signer: Signer): Promise<string> {
  const signed: Uint8Array[] = [];
  for await (const piece of signedPieces(piecesOf(chunks), signer)) signed.push(piece);
  return decode(Buffer.concat(signed));
}

/**
 * Returns the bytes that a compact JWS signs, piece by piece: a list of a million entries is 130 MB. The header is checked
 * before the first piece, the signature after the last one. **What was returned counts only when the end is reached**:
 * until then, nobody knows whose words they are.
 *
 * Throws a {@link FetchError} when it is no such JWS, of another type, or not signed by the signer.
 *
 * @see RFC 7515 §5.2, RFC 8725 §3.11
 */
export async function* signedPieces(pieces: Pieces, signer: Signer): AsyncGenerator<Uint8Array> {
  let header = '';
  let check: SignatureCheck | undefined;
  /** Characters of the payload that are not a whole number of bytes; `undefined` behind the payload. */
  let rest: string | undefined = '';
  let signature = '';
  for await (const piece of pieces) {
    let text = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength).toString('latin1');
    if (check === undefined) {
      const dot = text.indexOf('.');
      header = (header + (dot < 0 ? text : text.slice(0, dot))).trimStart();
      if (header.length > MAX_HEADER_LENGTH) throw new FetchError(NOT_A_JWT);
      if (dot < 0) continue;
      check = await openCheck(header, signer);
      check.update(Buffer.from(`${header}.`, 'latin1'));
      text = text.slice(dot + 1);
    }
    if (rest !== undefined) {
      const dot = text.indexOf('.');
      const payload = dot < 0 ? text : text.slice(0, dot);
      check.update(Buffer.from(payload, 'latin1'));
      const characters: string = rest + payload;
      const whole = dot < 0 ? characters.length - (characters.length % 4) : characters.length;
      yield bytesOf(characters.slice(0, whole));
      rest = dot < 0 ? characters.slice(whole) : undefined;
      if (dot < 0) continue;
      text = text.slice(dot + 1);
    }
    signature += text;
    if (signature.length > MAX_SIGNATURE_LENGTH) throw new FetchError(NOT_A_JWT);
  }
  signature = signature.trimEnd();
  if (check === undefined || rest !== undefined || signature === '') throw new FetchError(NOT_A_JWT);
  if (!(await check.fits(bytesOf(signature)))) throw new FetchError('the signature of the document does not fit');
}

/** Without a `kid`, each of the few keys that were found may have signed it (RFC 7515 Appendix D). */
async function openCheck(header: string, { keys, iss, algorithms, type }: Signer): Promise<SignatureCheck> {
  const accepted = checkJoseHeader(
    headerOf(header),
    new Set(algorithms.length > 0 ? algorithms : ALGORITHMS),
    new Set([type]),
  );
  if (accepted instanceof Refusal) throw new FetchError(`the document is not accepted: ${accepted.reason}`);
  const lookup = await keys.find(iss === undefined ? accepted : { ...accepted, iss });
  if (lookup.status === 'unavailable') throw new FetchError('the keys that verify the document are not available');
  if (lookup.status === 'not_found') throw new FetchError(`no key verifies the document (${lookup.reason})`);
  const checks = [lookup.key, ...(lookup.others ?? [])].map((key) => openSignature(accepted.alg, key));
  return {
    update: (bytes) => {
      for (const check of checks) check.update(bytes);
    },
    fits: async (signature) => {
      for (const check of checks) if (await check.fits(signature)) return true;
      return false;
    },
  };
}

function headerOf(segment: string): Readonly<Record<string, unknown>> {
  try {
    const header: unknown = JSON.parse(decode(bytesOf(segment)));
    if (typeof header === 'object' && header !== null) return header as Readonly<Record<string, unknown>>;
  } catch {
    // Said below.
  }
  throw new FetchError(NOT_A_JWT);
}

/** Other characters would be left out, and the pieces would fit together otherwise than the whole. */
function bytesOf(segment: string): Uint8Array {
  if (!BASE64URL.test(segment) || segment.length % 4 === 1) throw new FetchError(NOT_A_JWT);
  return Buffer.from(segment, 'base64url');
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new FetchError('the document is not UTF-8');
  }
}
