import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ConfigError } from '../../schema/config-error';
import { CONFIG_ENTITY_CHECKS, CONFIG_FIELDS } from '../../schema/fields/config-fields';
import type { RecordField } from '../../src/kong/schema-language/field';
import { parseConfig } from '../../schema/parse-config';
import { validate } from '../../src/kong/schema-language/validation';
import { randomConfig } from '../support/random-config';

const CONFIG: RecordField = { type: 'record', fields: CONFIG_FIELDS, entity_checks: CONFIG_ENTITY_CHECKS };

function inSnakeCase(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inSnakeCase);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([name, member]) => [
    name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    inSnakeCase(member),
  ]);
  return Object.fromEntries(entries) as unknown;
}

describe('whatever somebody writes as a configuration', () => {
  it('becomes the same configuration again once its defaults are written out, or a ConfigError that names a field', () => {
    const seen = { accepted: 0, refused: 0 };
    fc.assert(
      fc.property(randomConfig, (raw) => {
        let parsed;
        try {
          parsed = parseConfig(raw);
        } catch (error) {
          seen.refused += 1;
          expect(error).toBeInstanceOf(ConfigError);
          expect((error as ConfigError).field).toMatch(/^config(\.[a-z_0-9]+(\[\d+\])*)*$/);
          return;
        }
        seen.accepted += 1;
        expect(parseConfig(inSnakeCase(parsed))).toEqual(parsed);
      }),
      { numRuns: 1500 },
    );
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(50);
  });

  it('is never accepted here when Kong would refuse it', () => {
    fc.assert(
      fc.property(randomConfig, (raw) => {
        const { violations } = validate(CONFIG, raw, 'config', 'user');
        // Kong does not accept a null for a required field, but sends one for what is not set.
        fc.pre(!violations.some(({ message }) => message === 'required field missing'));
        if (violations.length > 0) expect(() => parseConfig(raw)).toThrow(ConfigError);
      }),
      { numRuns: 1000 },
    );
  });
});
