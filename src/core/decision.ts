import { Refusal } from './refusal/refusal';
import type { VerifiedToken } from './verification/verified-token';

/** Values for headers, by name; an empty list removes the header (Kong 3.9.3: `set_headers` does the same). */
export type HeaderChanges = Readonly<Record<string, string | readonly string[]>>;

/** The request may go on to the service, changed like this. */
export interface Proceed {
  readonly outcome: 'proceed';
  /** Everything to set and to remove, each header under one spelling. */
  readonly headers: HeaderChanges;
  /** The query string without the token; absent when it stays as it is. */
  readonly rawQuery?: string;
  /** Who is calling; `undefined` where the configuration lets a request without a token pass. */
  readonly token: VerifiedToken | undefined;
  /** Why a token in a cookie is not valid, where the request passes without it; for logs and metrics only. */
  readonly ignored?: Refusal;
  /** Values of `Set-Cookie` for the answer to the client: they remove the cookies of {@link ignored}. */
  readonly setCookies?: readonly string[];
  /** What `authorize_shadow` would have answered; for logs and metrics only, nothing may depend on it. */
  readonly shadow?: Refusal;
}

/** A refusal of a request whose token was verified. The token is for logs, never for the answer. */
export class CallerRefusal extends Refusal {
  constructor(
    { code, reason, hints }: Refusal,
    readonly token: VerifiedToken,
  ) {
    super(code, reason, hints);
  }
}

/** What becomes of a request. Anything that is not a {@link Proceed} refuses it. */
export type Decision = Proceed | Refusal | CallerRefusal;

/** Returns the verified token of the request; `undefined` when there is none. */
export function callerOf(decision: Decision): VerifiedToken | undefined {
  return 'token' in decision ? decision.token : undefined;
}

/**
 * Returns `changes` with `additions` on top. A header is named once, whatever its case: the same name set and removed
 * in one call would leave the outcome to the order in which Kong walks a Lua table.
 */
export function withHeaders(changes: HeaderChanges, additions: HeaderChanges): HeaderChanges {
  const added = Object.keys(additions);
  if (added.length === 0) return changes;
  // No member of it means anything special, whatever a client calls a header.
  const merged = Object.create(null) as Record<string, string | readonly string[]>;
  for (const [name, value] of Object.entries(changes)) {
    if (!added.some((other) => isSameName(name, other))) merged[name] = value;
  }
  return Object.assign(merged, additions);
}

function isSameName(one: string, other: string): boolean {
  return one.length === other.length && one.toLowerCase() === other.toLowerCase();
}
