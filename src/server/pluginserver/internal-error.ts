import { encode } from '../../protocol/message';
import { exitArguments } from '../../protocol/pdk-messages';

/** The answer to a request whose event broke: fixed, so that it tells a client nothing. In the form of RFC 9457. */
const body = JSON.stringify({
  type: 'about:blank',
  title: 'Internal Server Error',
  status: 500,
  detail: 'An unexpected error occurred.',
  code: 'internal_error',
});

/** Arguments of `kong.response.exit` for a request whose event broke, encoded. */
export const INTERNAL_ERROR: Uint8Array = encode(exitArguments, [
  500,
  body,
  { 'Content-Type': 'application/problem+json', 'Cache-Control': 'no-store' },
]);
