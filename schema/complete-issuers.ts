import {
  CALLER_ID_CLAIM,
  type ClaimRuleConfig,
  type IssuerConfig,
  type IssuerEntry,
  type TokenReadingConfig,
  type WrittenConfig,
} from './config';
import { issuerTemplate } from './issuer-template';
import type { Preset, PresetCondition } from './presets/preset';
import { PRESETS } from './presets/presets';
import type { Violation } from '../src/kong/schema-language/violation';

/** Entries of `issuers` with presets and defaults applied. Only usable without violations. */
export interface CompletedIssuers {
  readonly issuers: readonly IssuerConfig[];
  readonly violations: readonly Violation[];
}

/**
 * Completes the entries of `issuers`: what an entry does not say is as its preset says, and otherwise as the top level
 * says. What a preset demands of tokens (`conditions`, `required_claims`) holds beside what the entry demands: an entry
 * must not weaken it by accident. Finds what an entry lacks for its preset.
 */
export function completeIssuers(config: WrittenConfig): CompletedIssuers {
  const completed = config.issuers.map((entry, index) => {
    const preset = entry.provider === null ? undefined : PRESETS[entry.provider];
    const issuer = entry.issuer ?? preset?.issuer ?? '';
    const violations = presetProblems(entry, issuer, preset).map(([field, message]) => ({
      field: `config.issuers[${index + 1}].${field}`,
      message,
    }));
    return {
      issuer: frozen({
        ...entry,
        issuer,
        ...keysOf(entry, issuer, preset),
        ...readingOf(entry, preset, config),
      }),
      violations,
    };
  });
  return {
    issuers: Object.freeze(completed.map(({ issuer }) => issuer)),
    violations: completed.flatMap(({ violations }) => violations),
  };
}

function presetProblems(
  { provider, conditions }: IssuerEntry,
  issuer: string,
  preset: Preset | undefined,
): (readonly [field: string, message: string])[] {
  if (preset === undefined) return issuer === '' ? [['issuer', 'required field missing']] : [];
  const { shape, example, demands } = preset;
  if (issuer === '') return [['issuer', `is needed: the provider ${provider} has many, such as ${example}`]];
  // That the claim is there says nothing: every token of the provider has it.
  const named = (conditions ?? []).some(({ claim, present }) => demands?.includes(claim) && present === null);
  return [
    ...(shape.test(issuer) ? [] : [['issuer', `is not one of the provider ${provider}, such as ${example}`] as const]),
    ...(demands === undefined || named
      ? []
      : [
          [
            'conditions',
            `must have one on ${demands.join(', ')}, with one_of or matches: anybody can get a token of this provider`,
          ] as const,
        ]),
    ...(conditions ?? []).flatMap((condition, index) => {
      const refused = valuesThatPresetRefuses(condition, preset);
      if (refused.length === 0) return [];
      const message = `holds ${refused.join(', ')}, which the provider ${provider} does not accept there: remove it, or write the entry without provider`;
      return [[`conditions[${index + 1}].one_of`, message] as const];
    }),
  ];
}

/** Values that an entry lists although no token of the preset can have them: somebody wants to widen the preset. */
function valuesThatPresetRefuses({ claim, oneOf }: ClaimRuleConfig, { conditions = [] }: Preset): readonly string[] {
  const name = (text: string): string => text.replace(/^\//, '');
  const same = conditions.filter((other) => other.oneOf !== undefined && name(other.claim) === name(claim));
  return (oneOf ?? []).filter((value) => same.some((other) => other.oneOf?.includes(value) === false));
}

/** A preset's keys count when the entry names none; its algorithms are for public keys. */
function keysOf(
  entry: IssuerEntry,
  issuer: string,
  preset: Preset | undefined,
): Pick<IssuerConfig, 'algorithms' | 'jwksUri' | 'discovery' | 'tenantClaim'> {
  const { secret, jwksUri, discovery, jwks, publicKey, tenantClaim } = entry;
  const template = issuerTemplate(issuer);
  const isTemplate = typeof template === 'object';
  const algorithms =
    entry.algorithms.length > 0 || preset === undefined || secret !== null ? entry.algorithms : preset.algorithms;
  const own = { algorithms, jwksUri, discovery, tenantClaim: tenantClaim ?? (isTemplate ? claimOf(preset) : null) };
  const namesKeys = [secret, jwksUri, discovery, jwks, publicKey].some((source) => source !== null);
  if (namesKeys || preset === undefined) return own;
  const uri = isTemplate ? preset.tenants : preset.keys;
  if (uri === undefined || uri === 'discovery') return { ...own, discovery: true };
  return { ...own, jwksUri: presetUrl(uri.jwksUri, issuer) };
}

function claimOf(preset: Preset | undefined): string | null {
  return preset?.tenants?.claim ?? null;
}

function presetUrl(text: string, issuer: string): string {
  const origin = /^https?:\/\/[^/]+/.exec(issuer)?.[0] ?? '';
  return text.replace('{issuer}', () => issuer.replace(/\/$/, '')).replace('{origin}', () => origin);
}

function readingOf(entry: IssuerEntry, preset: Preset | undefined, config: WrittenConfig): TokenReadingConfig {
  const callerClaims = entry.callerClaims ?? preset?.callerClaims;
  const rolesClaims = entry.rolesClaims ?? preset?.rolesClaims;
  const scopesClaims = entry.scopesClaims ?? preset?.scopesClaims;
  return {
    audienceClaim: entry.audienceClaim ?? preset?.audienceClaim ?? 'aud',
    requiredClaims: union(entry.requiredClaims ?? config.requiredClaims, preset?.requiredClaims ?? []),
    conditions: [...(preset?.conditions ?? []).map(asWritten), ...(entry.conditions ?? [])],
    tokenTypes: entry.tokenTypes ?? preset?.tokenTypes ?? config.tokenTypes,
    callerClaims: callerClaims ?? [CALLER_ID_CLAIM],
    rolesClaims: rolesClaims ?? [config.rolesClaim],
    rolesSeparator: entry.rolesSeparator ?? preset?.rolesSeparator ?? 'none',
    scopesClaims: scopesClaims ?? [config.scopesClaim],
    scopesSeparator: entry.scopesSeparator ?? 'space',
    tenantFormat: entry.tenantFormat ?? preset?.tenants?.format ?? 'name',
  };
}

function asWritten({ claim, oneOf, matches }: PresetCondition): ClaimRuleConfig {
  return { claim, oneOf: oneOf ?? null, matches: matches ?? null, present: null };
}

/** Freezes all the way down; of what is frozen already, nothing is looked at. */
function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.values(value).forEach(frozen);
  return Object.freeze(value);
}

function union(one: readonly string[], other: readonly string[]): readonly string[] {
  return [...new Set([...one, ...other])];
}
