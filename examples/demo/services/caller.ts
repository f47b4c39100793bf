import type { IncomingHttpHeaders } from 'node:http';

/** Who is calling, as a service is told. */
export interface Caller {
  readonly id: string;
  readonly name: string | undefined;
  readonly roles: readonly string[];
}

/**
 * Returns who the gateway says is calling, `undefined` when it says nobody is. This is all that a service needs to know
 * about identity: no token, no key, no library. docs/HEADERS.md says how values are encoded.
 */
export function callerOf(headers: IncomingHttpHeaders): Caller | undefined {
  const id = text(headers['x-user-id']);
  if (id === undefined) return undefined;
  const roles = text(headers['x-user-roles'])?.split(',') ?? [];
  const name = text(headers['x-user-name']);
  return {
    id: decodeURIComponent(id),
    name: name === undefined ? undefined : decodeURIComponent(name),
    roles: roles.map(decodeURIComponent),
  };
}

function text(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
