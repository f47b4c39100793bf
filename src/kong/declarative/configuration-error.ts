import type { Violation } from '../schema-language/violation';

/** A configuration that cannot be used. Its message lists everything that is wrong, one a line. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';

  constructor(readonly violations: readonly Violation[]) {
    super(violations.map(({ field, message }) => (field === '' ? message : `${field}: ${message}`)).join('\n'));
  }
}

/** Said of everything that Kong has and this gateway does not. */
export const KONG_ONLY = 'the development gateway does not have this; run this file with Kong';
