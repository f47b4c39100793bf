import type { Config } from '../../schema/config';
import { stringItems } from './claim-items';
import { claimSelector, ruleSelector, type ClaimSelector } from './claim-selector';
import { encodeHeaderValue } from './identity/header-value';
import { Refusal } from './refusal/refusal';
import type { VerifiedToken } from './verification/verified-token';

/** A claim that is read for the rest of Kong. */
export interface NamedClaim {
  /** As the configuration names it, for the log. */
  readonly claim: string;
  readonly select: ClaimSelector;
}

/** What is handed to the rest of Kong. */
export interface HandOver {
  readonly groups: NamedClaim | undefined;
  readonly credential: ClaimSelector | undefined;
  readonly consumer: ClaimSelector | undefined;
  readonly consumerBy: Config['consumerBy'];
  readonly consumerOptional: boolean;
  readonly logDecisions: Config['logDecisions'];
  readonly logUser: ClaimSelector | undefined;
}

/** Compiles the fields that say what the rest of Kong is told. */
export function compileHandOver(config: Config): HandOver {
  const { authenticatedGroupsClaim: groupsClaim } = config;
  return {
    groups: groupsClaim === null ? undefined : { claim: groupsClaim, select: ruleSelector(groupsClaim) },
    credential: selectorOrNone(config.credentialClaim),
    consumer: selectorOrNone(config.consumerClaim),
    consumerBy: config.consumerBy,
    consumerOptional: config.consumerOptional,
    logDecisions: config.logDecisions,
    logUser: selectorOrNone(config.logUserClaim),
  };
}

/**
 * Returns the groups for Kong's acl plugin (Kong 3.9.3: it decides by this list, without a consumer), also when there
 * are none, so that no others count. acl joins them with commas in X-Authenticated-Groups and does not look at what is
 * in them, so a group that could be misread there is a {@link Refusal}.
 */
export function groupsOf(
  { claims }: VerifiedToken,
  { groups }: Pick<HandOver, 'groups'>,
): readonly string[] | undefined | Refusal {
  if (groups === undefined) return undefined;
  const items = stringItems(groups.select(claims));
  const encoded = encodeHeaderValue(items, groups.claim, 'refuse');
  return encoded instanceof Refusal ? encoded : items;
}

/** Returns a claim's value as the text of an id or a name; `undefined` for what is neither text nor a whole number. */
export function textOf(value: unknown): string | undefined {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function selectorOrNone(claim: string | null): ClaimSelector | undefined {
  return claim === null ? undefined : claimSelector(claim);
}
