import { Refusal } from '../../src/core/refusal/refusal';
import { createGatekeepers, type OpenGatekeeper } from '../../src/gatekeeper/gatekeeper';
import { publicJwk, signToken, type SigningKey } from './tokens';

/** What became of a request: why it was refused, or the headers that the service gets. */
export type IssuerAnswer =
  { readonly code: string; readonly reason: string } | Readonly<Record<string, string | readonly string[]>>;

/** One process with its caches: configurations that are opened through one of these share verified tokens and keys. */
export class IssuerDoor {
  readonly #open: OpenGatekeeper = createGatekeepers({ log: () => undefined });

  /** Decides about a request with this token. */
  async ask(config: object, token?: string): Promise<IssuerAnswer> {
    const door = { signingKeys: undefined, isKong: true, knowsUpstreamPath: true };
    const { decide } = this.#open(config, door);
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const decision = await decide({ headers, method: 'GET' });
    if (decision instanceof Refusal) return { code: decision.code, reason: decision.reason };
    return Object.fromEntries(Object.entries(decision.headers).filter(([name]) => name !== 'authorization'));
  }
}

/** A key set in the configuration. */
export function inlineSet(...keys: readonly (SigningKey | Readonly<Record<string, unknown>>)[]): string {
  return JSON.stringify({ keys: keys.map((key) => ('publicKey' in key ? publicJwk(key as SigningKey) : key)) });
}

/** Signs a token of `https://idp.example.test/` that is good unless the changes say otherwise. */
export function tokenOf(
  key: SigningKey,
  changes: Readonly<Record<string, unknown>> = {},
  header: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const claims = { iss: 'https://idp.example.test/', aud: 'api', sub: 'alice', exp: 4_000_000_000, ...changes };
  return signToken(key, claims, { typ: 'JWT', ...header });
}
