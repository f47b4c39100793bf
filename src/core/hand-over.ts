import type { Config } from '../../schema/config';
import { roleItems } from './claim-items';
import { ruleSelector } from './claim-selector';
import { callerValue, type CallerValue } from './identity/caller-value';
import { encodeHeaderValue } from './identity/header-value';
import { Refusal } from './refusal/refusal';
import type { VerifiedToken } from './verification/verified-token';

/** The claim that holds the groups for Kong's acl plugin. */
export interface GroupsClaim {
  /** As the configuration names it, for the log. */
  readonly claim: string;
  readonly read: (token: Pick<VerifiedToken, 'claims' | 'caller'>) => readonly string[];
}

/** What is handed to the rest of Kong. */
export interface HandOver {
  readonly groups: GroupsClaim | undefined;
  readonly credential: CallerValue | undefined;
  readonly consumer: CallerValue | undefined;
  readonly consumerBy: Config['consumerBy'];
  readonly consumerOptional: boolean;
  readonly logDecisions: Config['logDecisions'];
  readonly logUser: CallerValue | undefined;
}

/** Compiles the fields that say what the rest of Kong is told. */
export function compileHandOver(config: Config): HandOver {
  const valueOf = (claim: string | null): CallerValue | undefined =>
    claim === null ? undefined : callerValue(claim, config);
  return {
    groups: groupsClaim(config),
    credential: valueOf(config.credentialClaim),
    consumer: valueOf(config.consumerClaim),
    consumerBy: config.consumerBy,
    consumerOptional: config.consumerOptional,
    logDecisions: config.logDecisions,
    logUser: valueOf(config.logUserClaim),
  };
}

/** Groups that are at `roles_claim` are the roles, as the issuer's entry reads them. */
function groupsClaim({ authenticatedGroupsClaim: claim, rolesClaim }: Config): GroupsClaim | undefined {
  if (claim === null) return undefined;
  const select = ruleSelector(claim);
  return {
    claim,
    read: claim === rolesClaim ? ({ caller }) => caller.roles : ({ claims }) => roleItems(select(claims), 'none'),
  };
}

/**
 * Returns the groups for Kong's acl plugin (Kong 3.9.3: it decides by this list, without a consumer), also when there
 * are none, so that no others count. acl joins them with commas in X-Authenticated-Groups and does not look at what is
 * in them, so a group that could be misread there is a {@link Refusal}.
 */
export function groupsOf(
  token: Pick<VerifiedToken, 'claims' | 'caller'>,
  { groups }: Pick<HandOver, 'groups'>,
): readonly string[] | undefined | Refusal {
  if (groups === undefined) return undefined;
  const items = groups.read(token);
  const encoded = encodeHeaderValue(items, groups.claim, 'refuse');
  return encoded instanceof Refusal ? encoded : items;
}
