import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { DOOR_PROBLEMS } from '../../../src/bff/door/problem';
import { REFUSALS } from '../../../src/core/refusal/refusal';

describe('docs/ERRORS.md', () => {
  const text = readFileSync(join(__dirname, '../../../docs/ERRORS.md'), 'utf8');
  const rows = text.split('\n').flatMap((line) => {
    const [, code, status, error] = /^\| `(\w+)`\s*\| (\d+)\s*\| (\w*)\s*\|/.exec(line) ?? [];
    return code === undefined ? [] : [[code, { status: Number(status), error: error === '' ? null : error }]];
  });

  it('lists every code with its status and its RFC 6750 error, and no other', () => {
    const documented: unknown = Object.fromEntries(rows);
    const actual = Object.entries(REFUSALS).map(([code, { status, error }]) => [code, { status, error }]);
    expect(documented).toEqual(Object.fromEntries(actual));
    expect(rows).toHaveLength(actual.length);
  });

  it('lists every code of the door with its status, and no other', () => {
    const found = [...text.matchAll(/^\| `(\w+)`\s*\| (\d+)\s*\| [A-Z]/gm)].map(([, code, status]) => [
      code,
      Number(status),
    ]);
    expect(found).toEqual(Object.entries(DOOR_PROBLEMS).map(([code, { status }]) => [code, status]));
  });
});
