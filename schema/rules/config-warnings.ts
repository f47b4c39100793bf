import { CALLER_ID_CLAIM, type Config } from '../config';
import { namesSeveralIssuers, tellsIssuers } from './caller-rules';
import { likelyMistakes } from './likely-mistakes';
import { resourceWarnings } from './resource-rules';
import type { Violation } from '../../src/kong/schema-language/violation';

/** Returns what is accepted but probably not meant, for the log of a start and for `check`. */
export function configWarnings(config: Config): Violation[] {
  return [...sharedNames(config), ...resourceWarnings(config), ...likelyMistakes(config)];
}

/** A name or an e-mail address of two issuers may be that of two callers. For `sub`, `caller_prefix` is demanded. */
function sharedNames(config: Config): Violation[] {
  const { issuers, identityHeaders, commonCallerIds } = config;
  const namesId = identityHeaders.some(({ claim }) => claim === CALLER_ID_CLAIM);
  if (commonCallerIds || namesId || identityHeaders.length === 0 || tellsIssuers(config)) return [];
  if (!namesSeveralIssuers(issuers)) return [];
  const message =
    'the same value from two issuers is one caller for services; an identity header with the claim iss tells them apart';
  return [{ field: 'config.identity_headers', message }];
}
