import type { EntityChecks, Fields, RecordField, StringField } from '../../../kong/schema-language/field';

/** Kong 3.9.3, `typedefs.protocols_http`: for which routes most of Kong's plugins can be configured. */
export const HTTP_PROTOCOLS = ['grpc', 'grpcs', 'http', 'https'];

/** Returns the schema of a plugin from the fields of its `config` and the rules across them. */
export function configSchema(fields: Fields, entityChecks: EntityChecks = []): RecordField {
  return {
    type: 'record',
    fields: [{ config: { type: 'record', required: true, fields, entity_checks: entityChecks } }],
  };
}

/** The name of a header, as Kong's plugins take it. */
export const HEADER_NAME: StringField = {
  type: 'string',
  match: '^[%w_-]+$',
  err: "bad header name, allowed characters are A-Z, a-z, 0-9, '_', and '-'",
};

/** A flag that is off unless it is set. */
export const FLAG = { type: 'boolean', required: true, default: false } as const;
