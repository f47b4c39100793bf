import { ABSOLUTE_PATH, PLAIN_TEXT } from './field-patterns';
import { ALLOW_UNAVAILABLE, LIST_FETCH, MAX_STALE } from './list-fetch-fields';
import { REDIS_FIELDS } from './redis-fields';
import type { EntityChecks, Fields } from '../../src/kong/schema-language/field';

/** One list of revoked tokens. */
export const REVOCATION_LIST_FIELDS = [
  {
    file: {
      ...ABSOLUTE_PATH,
      description: 'File with the list, looked at every second. `kong-jwt-identity revoke` writes it.',
    },
  },
  {
    url: {
      ...PLAIN_TEXT,
      len_max: 2048,
      description: 'URL of the list, https: unless on this machine or with list_fetch.allow_http.',
    },
  },
  {
    redis: {
      type: 'record',
      required: false,
      fields: REDIS_FIELDS,
      description: 'Stream in Redis or Valkey that every gateway follows.',
    },
  },
  {
    issuer: {
      ...PLAIN_TEXT,
      len_max: 2048,
      description: 'Issuer of all entries, which may omit `iss`.',
    },
  },
  {
    signed: {
      type: 'boolean',
      required: true,
      default: false,
      description: 'The list at url is a JWT of the type revocation-list+jwt, signed with a key of issuer.',
    },
  },
  { max_stale: MAX_STALE },
  { allow_unavailable: ALLOW_UNAVAILABLE },
  {
    max_entries: {
      type: 'integer',
      required: true,
      default: 1_000_000,
      between: [1, 10_000_000],
      description: 'Maximum entries. A million take about 65 MB in each process.',
    },
  },
  { list_fetch: LIST_FETCH },
] as const satisfies Fields;

/** What Kong can check across the fields of a list. */
export const REVOCATION_LIST_ENTITY_CHECKS = [
  { only_one_of: ['file', 'url', 'redis'] },
  ...(['url', 'issuer'] as const).map((field) => ({
    conditional: {
      if_field: 'signed',
      if_match: { eq: true },
      then_field: field,
      then_match: { required: true },
      then_err: `a signed list needs ${field}`,
    },
  })),
] as const satisfies EntityChecks;
