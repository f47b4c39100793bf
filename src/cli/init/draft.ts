import { PRESETS } from '../../../schema/presets/presets';
import type { Provider } from '../../../schema/presets/providers';
import type { FileFormat } from '../diagnosis';

/** A service behind the gateway. */
export interface DraftService {
  readonly name: string;
  /** Needed for a kong.yml only. */
  readonly url: string | undefined;
  readonly path: string;
  /** One of them is needed to reach it; empty: what all services ask for. */
  readonly roles: readonly string[];
}

/** A claim that tokens must have with one of some values. */
export interface DraftCondition {
  readonly claim: string;
  readonly values: readonly string[];
}

/** What `init` writes a file about. */
export interface Draft {
  readonly format: FileFormat;
  readonly provider: Provider;
  readonly issuer: string;
  readonly caFile: string | undefined;
  readonly audiences: readonly string[];
  readonly conditions: readonly DraftCondition[];
  readonly services: readonly DraftService[];
  /** One of them is needed for every service that says nothing else; empty: any verified caller may. */
  readonly roles: readonly string[];
  /** Parts that were not given, and must be replaced. */
  readonly examples: ReadonlySet<Asked>;
}

/** What a draft cannot do without. */
export type Asked = 'issuer' | 'audiences' | 'conditions' | 'services';

/** Returns an issuer of a provider: the only one, or an example. */
export function exampleIssuer(provider: Provider): { readonly issuer: string; readonly isExample: boolean } {
  const { issuer, example } = PRESETS[provider];
  const isOnly = issuer !== undefined && !issuer.includes('{');
  return { issuer: isOnly ? issuer : example, isExample: !isOnly };
}

/** An audience that no token has. */
export const EXAMPLE_AUDIENCES: readonly string[] = ['example-audience'];
/** A service that nobody has. */
export const EXAMPLE_SERVICES: readonly DraftService[] = [
  { name: 'orders', url: 'http://orders.internal:8080', path: '/orders', roles: [] },
];

/** The condition that a provider's preset asks for, with a value that no token has; empty when it asks for none. */
export function exampleConditions(provider: Provider): readonly DraftCondition[] {
  const claim = demandedClaims(provider).find((name) => name === 'repository_owner') ?? demandedClaims(provider)[0];
  return claim === undefined ? [] : [{ claim, values: ['example-organization'] }];
}

/** Claims of which one must be named in a condition. */
export function demandedClaims(provider: Provider): readonly string[] {
  return PRESETS[provider].demands ?? [];
}

/** The claim that holds the audience, in the tokens of a provider. */
export function audienceClaim(provider: Provider): string {
  return PRESETS[provider].audienceClaim ?? 'aud';
}
