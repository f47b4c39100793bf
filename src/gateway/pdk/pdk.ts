import { decode, encode } from '../../protocol/message';
import { findPdkMethod, type PdkMethodName } from '../../protocol/pdk-methods';
import type { Exchange } from '../exchange/exchange';
import type { LocalResponse } from '../http/local-response';
import { exitResponse } from './exit';
import type { PdkHandlers, PdkHost } from './handlers';
import { identityMethods } from './identity-methods';
import { kongMethods } from './kong-methods';
import { messageMethods } from './message-methods';
import { requestMethods } from './request-methods';

const handlers: PdkHandlers<Exclude<PdkMethodName, 'kong.response.exit'>> = {
  ...identityMethods,
  ...kongMethods,
  ...messageMethods,
  ...requestMethods,
};

/** How a call of a plugin ends: with a reply for it, or with the response that it wants to be sent. */
export type PdkOutcome =
  | { readonly kind: 'reply'; readonly payload: Uint8Array }
  | { readonly kind: 'exit'; readonly response: LocalResponse };

/** A plugin called a method that is not there. Kong 3.9.3 ends the request with 500. */
export class UnknownMethodError extends Error {
  override readonly name = 'UnknownMethodError';
}

/**
 * Carries out one call of a plugin.
 *
 * @throws {@link UnknownMethodError}, PdkError or an error of the codec; all of them end the request with 500
 */
export async function callPdk(
  method: string,
  payload: Uint8Array,
  exchange: Exchange,
  host: PdkHost,
): Promise<PdkOutcome> {
  const known = findPdkMethod(method);
  if (known === undefined) throw new UnknownMethodError(`method '${method}' not found`);
  const args = decode(known.arguments, payload);
  if (method === 'kong.response.exit') {
    return { kind: 'exit', response: exitResponse(args as unknown as Parameters<typeof exitResponse>[0]) };
  }
  const handler = handlers[method as keyof typeof handlers] as (...args: unknown[]) => unknown;
  const result = await handler(exchange, args, host);
  return { kind: 'reply', payload: known.answer === 'value' ? encode(known.result, result) : EMPTY };
}

const EMPTY = new Uint8Array(0);
