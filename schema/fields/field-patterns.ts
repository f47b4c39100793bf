import type { StringField } from '../../src/kong/schema-language/field';

/** A header name that reaches Kong: nginx drops names with other characters before any plugin runs. */
export const HEADER_NAME = {
  type: 'string',
  match: '^%w[%w_-]*$',
  len_max: 128,
  err: 'must be a header name of at most 128 letters, digits, "-" and "_", and begin with one of the first two',
} as const satisfies StringField;

/** A claim: its whole name or, when it starts with "/", a JSON Pointer into the claims (RFC 6901). */
export const CLAIM = {
  type: 'string',
  len_max: 256,
  match_none: [
    { pattern: '%c', err: 'must not hold control characters' },
    { pattern: '^/.*~[^01]', err: 'is not a JSON Pointer: "~" must be followed by 0 or 1 (RFC 6901 §3)' },
    { pattern: '^/.*~$', err: 'is not a JSON Pointer: "~" must be followed by 0 or 1 (RFC 6901 §3)' },
  ],
} as const satisfies StringField;

/** Text that is compared with, or looked up as, a string of a token. */
export const PLAIN_TEXT = {
  type: 'string',
  match_none: [{ pattern: '%c', err: 'must not hold control characters' }],
} as const satisfies StringField;

/** A pattern for a claim: text in which `*` stands for any text. It is no regular expression, so none can run away. */
export const CLAIM_PATTERN = {
  type: 'string',
  len_max: 256,
  match_none: [
    { pattern: '%c', err: 'must not hold control characters' },
    { pattern: '^%**$', err: 'matches everything: use present' },
  ],
} as const satisfies StringField;

/** A file or folder; absolute, because Kong and the plugin server may be started from anywhere. */
export const ABSOLUTE_PATH = {
  type: 'string',
  match: '^/[^%c]*$',
  err: 'must be an absolute path',
} as const satisfies StringField;
