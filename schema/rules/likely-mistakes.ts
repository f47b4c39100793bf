import type { Config } from '../config';
import { foldHeaderName } from '../header-name';
import type { Violation } from '../../src/kong/schema-language/violation';
import { isLoopback } from './key-url';

/** From how many seconds on stale keys are too old to go unnoticed: a day. */
const LONG_STALE = 86_400;
/** From how many seconds on clocks differ more than clocks do. */
const LONG_LEEWAY = 60;

/** Returns what is accepted and more often a mistake than meant. */
export function likelyMistakes(config: Config): Violation[] {
  return [
    ...issuerWarnings(config),
    ...claimPathWarnings(config),
    ...ruleWarnings(config),
    ...tokenWarnings(config),
  ].map(({ field, message }) => ({ field: `config.${field}`, message }));
}

function issuerWarnings({ issuers }: Config): Violation[] {
  return issuers.flatMap(({ issuer, jwksUri, discovery, anyAudience, audiences, keyFetch }, index) => {
    const found: Violation[] = [];
    const warn = (field: string, message: string): void => {
      found.push({ field: `issuers[${index + 1}].${field}`, message });
    };
    if (isPlainHttp(issuer)) {
      warn('issuer', 'is an http: URL; providers use https: ones, and iss is compared character by character');
    }
    if (jwksUri !== null && isPlainHttp(jwksUri)) {
      warn('jwks_uri', 'fetches keys over plain http: whoever can change that traffic can sign tokens that pass');
    }
    if (discovery === true && isPlainHttp(issuer)) {
      warn('discovery', 'fetches keys over plain http: whoever can change that traffic can sign tokens that pass');
    }
    if (anyAudience) {
      warn('any_audience', 'accepts tokens that the issuer made for any other service; list audiences instead');
    }
    if (audiences.includes('account')) {
      warn('audiences', 'holds account, which Keycloak puts into most tokens: name an audience of this API');
    }
    if (keyFetch.maxStale > LONG_STALE) {
      const hours = Math.round(keyFetch.maxStale / 3600);
      warn('key_fetch.max_stale', `lets a removed key work for ${hours} hours while the provider is down`);
    }
    return found;
  });
}

/** `realm_access.roles` is one claim's name here; the path is `/realm_access/roles`. A URL with dots is a usual name. */
function claimPathWarnings(config: Config): Violation[] {
  const { identityHeaders, requiredClaims, authorize, authorizeShadow } = config;
  const rules = (field: string, list: typeof authorize): [string, string][] =>
    (list ?? []).flatMap(({ claims }, i) =>
      (claims ?? []).map(({ claim }, j): [string, string] => [`${field}[${i + 1}].claims[${j + 1}].claim`, claim]),
    );
  const claims: readonly (readonly [field: string, claim: string | null])[] = [
    ['roles_claim', config.rolesClaim],
    ['scopes_claim', config.scopesClaim],
    ['consumer_claim', config.consumerClaim],
    ['credential_claim', config.credentialClaim],
    ['authenticated_groups_claim', config.authenticatedGroupsClaim],
    ...identityHeaders.map(({ claim }, i) => [`identity_headers[${i + 1}].claim`, claim] as const),
    ...requiredClaims.map((claim, i) => [`required_claims[${i + 1}]`, claim] as const),
    ...rules('authorize', authorize),
    ...rules('authorize_shadow', authorizeShadow),
  ];
  return claims.flatMap(([field, claim]) => {
    if (claim === null || !/^[a-z_]\w*(\.[a-z_]\w*)+$/i.test(claim)) return [];
    const pointer = `/${claim.replaceAll('.', '/')}`;
    return [{ field, message: `is one claim whose name has a dot in it; the path into claims is ${pointer}` }];
  });
}

function ruleWarnings({ authorize, authorizeShadow, rolesClaim, identityHeaders }: Config): Violation[] {
  const found: Violation[] = [];
  const rolesHeader = identityHeaders.find(({ header }) => /(^|-)(roles|groups)$/.test(foldHeaderName(header)));
  for (const [field, rules] of [
    ['authorize', authorize],
    ['authorize_shadow', authorizeShadow],
  ] as const) {
    if (rules === null) continue;
    const first = rules.findIndex(({ roles }) => roles !== null);
    if (first >= 0 && rolesHeader !== undefined && rolesHeader.claim !== rolesClaim) {
      const { header, claim } = rolesHeader;
      const message = `rules read roles from ${rolesClaim}, but ${header} is filled from ${claim}: set roles_claim to the same`;
      found.push({ field: `${field}[${first + 1}].roles`, message });
    }
    rules.forEach(({ methods }, index) => {
      const earlier = rules.slice(0, index);
      const before = earlier.findIndex((rule) => rule.methods.length === 0);
      const taken = new Set(earlier.flatMap((rule) => rule.methods));
      const isTaken = methods.length > 0 && methods.every((method) => taken.has(method));
      if (before < 0 && !isTaken) return;
      const by =
        before < 0 ? 'earlier rules decide all of its methods' : `${field}[${before + 1}] decides every method`;
      found.push({ field: `${field}[${index + 1}]`, message: `is never reached: ${by}` });
    });
  }
  return found;
}

function tokenWarnings({ issuers, maximumExpiration, leeway, uriParamNames, hideCredentials }: Config): Violation[] {
  const found: Violation[] = [];
  const isEndless = issuers.some(({ requiredClaims }) => !requiredClaims.some((claim) => /^\/?exp$/.test(claim)));
  if (isEndless && maximumExpiration === 0) {
    found.push({ field: 'required_claims', message: 'leaves exp out, so a token without it never expires' });
  }
  if (leeway > LONG_LEEWAY) {
    found.push({
      field: 'leeway',
      message: `accepts expired tokens for ${leeway} s; clocks that are set differ by less than 10`,
    });
  }
  if (uriParamNames.length > 0) {
    found.push({
      field: 'uri_param_names',
      message: 'takes tokens from URLs, which end up in logs and browser histories',
    });
  }
  if (!hideCredentials) {
    found.push({ field: 'hide_credentials', message: 'hands the token to the service, which can use it elsewhere' });
  }
  return found;
}

/** Whether a URL is fetched over plain http: from another machine. */
function isPlainHttp(text: string): boolean {
  return /^http:/i.test(text) && URL.canParse(text) && !isLoopback(new URL(text).hostname);
}
