import type { HttpAnswer } from '../../../core/refusal/refusal-response';
import type { GatewayAnswer, Permission } from '../gateway';

/** Nothing between gateway and decision server may keep a decision. */
const NO_STORE = ['Cache-Control', 'no-store'] as const;

/** The headers of a permission that have a value: names and values in turn. */
export function setHeaders({ headers }: Permission): string[] {
  return [...headers].flatMap(([name, value]) => (value === undefined ? [] : [name, value]));
}

/** The names of all headers that must not reach the service. */
export function removedNames({ headers, forged }: Permission): string[] {
  return [...headers].flatMap(([name, value]) => (value === undefined ? [name] : [])).concat(forged);
}

/** `Set-Cookie` lines: names and values in turn. */
export function cookieHeaders({ setCookies }: Permission): string[] {
  return setCookies.flatMap((value) => ['Set-Cookie', value]);
}

/** The first of them, for a gateway that would join several with commas, which browsers misread. */
export function firstCookie(permission: Permission): string[] {
  return cookieHeaders(permission).slice(0, 2);
}

/** An answer that lets a request pass. */
export function passing(headers: readonly string[]): GatewayAnswer {
  return { status: 200, headers: [...NO_STORE, ...headers], body: '' };
}

/** The client's answer as it is, for a gateway that hands it on. */
export function handedOn({ status, headers, body }: HttpAnswer): GatewayAnswer {
  return { status, headers: Object.entries(headers).flat(), body };
}
