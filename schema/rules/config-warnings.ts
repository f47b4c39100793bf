import type { Config } from '../config';
import type { Violation } from '../../src/kong/schema-language/violation';

/** Returns what is accepted but probably not meant, for the log of the start. */
export function configWarnings(config: Config): Violation[] {
  return sharedSubjects(config);
}

/** RFC 7519 §4.1.2: a `sub` is unique within its issuer only. */
function sharedSubjects({ issuers, identityHeaders, consumerClaim, credentialClaim }: Config): Violation[] {
  const identifies = identityHeaders.length > 0 || consumerClaim !== null || credentialClaim !== null;
  const tellsIssuers = identityHeaders.some(({ claim }) => claim === 'iss' || claim === '/iss');
  if (issuers.length < 2 || !identifies || tellsIssuers) return [];
  const message =
    'the same sub from two issuers is one caller for services, consumers and rate limits; an identity header with the claim iss tells them apart';
  return [{ field: 'config.issuers', message }];
}
