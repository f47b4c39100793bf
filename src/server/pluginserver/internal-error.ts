import { encode } from '../../protocol/message';
import { exitArguments } from '../../protocol/pdk-messages';
import { NO_VERDICT } from '../../protocol/verdict';

/** Arguments of `kong.response.exit` for a request whose event broke, encoded. */
export const INTERNAL_ERROR: Uint8Array = encode(exitArguments, [
  NO_VERDICT.status,
  NO_VERDICT.body,
  NO_VERDICT.headers,
]);
