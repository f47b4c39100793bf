import { promisify } from 'node:util';
import { gunzip, type ZlibOptions } from 'node:zlib';
import { FetchError } from './fetch-error';

/** What a body is made into: the value of its JSON, its text, or a list of its bytes that somebody else reads. */
export type BodyForm = 'json' | 'text' | 'chunks';

/** Make a body into what was asked for, from its bytes. They throw a {@link FetchError}. */
export const bodyParsers: Readonly<Record<BodyForm, (chunks: readonly Uint8Array[]) => unknown>> = {
  json: parseJson,
  text: parseText,
  chunks: (chunks) => chunks,
};

const gunzipped = promisify<Buffer | Uint8Array, ZlibOptions, Buffer>(gunzip);

/**
 * Some servers compress although nobody asked. gzip is unpacked, off this thread, until there are too many bytes: a small
 * body may unpack to gigabytes.
 */
export async function unpacked(
  coding = 'identity',
  chunks: readonly Uint8Array[],
  maxBytes: number,
): Promise<readonly Uint8Array[]> {
  const name = coding.trim().toLowerCase();
  if (name === 'identity') return chunks;
  if (name !== 'gzip' && name !== 'x-gzip') {
    throw new FetchError('the provider compressed its answer in another way than gzip, which was not asked for');
  }
  try {
    return [await gunzipped(Buffer.concat(chunks), { maxOutputLength: maxBytes })];
  } catch (error) {
    const isTooLarge = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    throw isTooLarge ? tooLarge(maxBytes) : new FetchError('the compressed document cannot be unpacked');
  }
}

/** Says that a document is larger than it may be. */
export function tooLarge(maxBytes: number): FetchError {
  return new FetchError(`the document has more than ${maxBytes} bytes`);
}

function parseJson(chunks: readonly Uint8Array[]): unknown {
  try {
    return JSON.parse(parseText(chunks));
  } catch {
    throw new FetchError('the document is not JSON');
  }
}

function parseText(chunks: readonly Uint8Array[]): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    throw new FetchError('the document is not UTF-8');
  }
}
