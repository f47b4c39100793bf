import { CALLER_ID_CLAIM, type Config, type IssuerConfig } from '../config';
import { issuerTemplate } from '../issuer-template';
import { hasTenantKeys } from './tenant-rules';
import type { Violation } from '../../src/kong/schema-language/violation';

/** Returns what would let callers of two issuers fall together, and what is wrong with `caller_claims`. */
export function callerViolations(config: Config): Violation[] {
  const { issuers, commonCallerIds } = config;
  const problems = issuers.flatMap((entry, index) =>
    [...callerClaimsProblems(entry), ...prefixProblems(entry, issuers.slice(0, index))].map(([field, message]) => ({
      field: `config.issuers[${index + 1}].${field}`,
      message,
    })),
  );
  const areSeveral = namesSeveralIssuers(issuers);
  if (!commonCallerIds) return [...problems, ...(areSeveral ? undistinguished(config) : [])];
  const unneeded = issuers.some(({ callerPrefix }) => callerPrefix !== null);
  return unneeded
    ? [...problems, { field: 'config.common_caller_ids', message: 'and caller_prefix contradict each other' }]
    : problems;
}

function callerClaimsProblems({ callerClaims, requiredClaims }: IssuerConfig): [field: string, message: string][] {
  const always = callerClaims.slice(0, -1).find((claim) => requiredClaims.includes(claim));
  if (always === undefined) return [];
  return [['caller_claims', `never gets beyond ${always}, which required_claims asks for: give this entry its own`]];
}

/** RFC 7519 §4.1.2: a `sub` is unique within its issuer only. */
function undistinguished(config: Config): Violation[] {
  const { issuers, identityHeaders, consumerClaim, credentialClaim } = config;
  const forKong = Object.entries({ consumer_claim: consumerClaim, credential_claim: credentialClaim });
  const others = forKong.flatMap(([field, claim]) =>
    claim === null || claim === CALLER_ID_CLAIM
      ? []
      : [
          {
            field: `config.${field}`,
            message: 'must be sub with several issuers: their caller_claims say what that is',
          },
        ],
  );
  const isForKong = consumerClaim !== null || credentialClaim !== null;
  const isForServices = identityHeaders.some(({ claim }) => claim === CALLER_ID_CLAIM) && !tellsIssuers(config);
  if (!isForKong && !isForServices) return [];
  const withoutPrefix = issuers.flatMap(({ callerPrefix }, index) =>
    callerPrefix === null ? [{ field: `config.issuers[${index + 1}].caller_prefix`, message: UNDISTINGUISHED }] : [],
  );
  return [...others, ...withoutPrefix];
}

const UNDISTINGUISHED =
  'is needed: with several issuers, callers with the same id would be one caller for services, consumers and rate limits; where they are meant to be one, set common_caller_ids (unsafe)';

/** Whether services are told the issuer beside the caller's id. */
export function tellsIssuers({ identityHeaders }: Pick<Config, 'identityHeaders'>): boolean {
  return identityHeaders.some(({ claim }) => claim === 'iss' || claim === '/iss');
}

/** Whether ids of callers can come from two issuers, who may give the same id to two callers. */
export function namesSeveralIssuers(issuers: readonly IssuerConfig[]): boolean {
  return new Set(issuers.map(({ issuer }) => issuer)).size > 1 || issuers.some(hasUnrelatedTenants);
}

/** What one provider is known to give to one caller only, whatever tenant it is of, when it signs for all of them. */
const UNIQUE_IN_PROVIDER = ['sub', 'oid'];

/** A tenant with keys of its own can make up any id; so can its administrators, for a name or an address. */
function hasUnrelatedTenants(entry: IssuerConfig): boolean {
  if (typeof issuerTemplate(entry.issuer) !== 'object' || entry.tenants?.length === 1) return false;
  return hasTenantKeys(entry) || !entry.callerClaims.every((claim) => UNIQUE_IN_PROVIDER.includes(claim));
}

function prefixProblems(entry: IssuerConfig, earlier: readonly IssuerConfig[]): [field: string, message: string][] {
  const { callerPrefix: prefix, issuer } = entry;
  if (prefix === null) return [];
  const template = issuerTemplate(issuer);
  const placeholder = typeof template === 'object' ? template.placeholder : undefined;
  const [before = '', after, ...more] = placeholder === undefined ? [prefix] : prefix.split(placeholder);
  const refuse = (message: string): [string, string][] => [['caller_prefix', message]];
  if (more.length > 0 || /[{}]/.test(before + (after ?? '')))
    return refuse('may hold only the placeholder of issuer, once');
  // Tenant "a" with the id "bc" must not be tenant "ab" with the id "c".
  if (after !== undefined && !/^[^\w.-]/.test(after))
    return refuse(`needs a sign such as ":" after ${placeholder ?? ''}`);
  if (after === undefined && hasUnrelatedTenants(entry))
    return refuse(`must hold ${placeholder ?? ''}: each tenant has ids of its own`);
  const clash = earlier.findIndex(
    (other) => other.issuer !== issuer && other.callerPrefix !== null && areAmbiguous(before, fixedPart(other)),
  );
  return clash < 0 ? [] : refuse(`begins like that of issuers[${clash + 1}], or the other way round`);
}

function areAmbiguous(one: string, other: string): boolean {
  return one.startsWith(other) || other.startsWith(one);
}

function fixedPart({ callerPrefix, issuer }: IssuerConfig): string {
  const template = issuerTemplate(issuer);
  const text = callerPrefix ?? '';
  return typeof template === 'object' ? (text.split(template.placeholder)[0] ?? '') : text;
}
