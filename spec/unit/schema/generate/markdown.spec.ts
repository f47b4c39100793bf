import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { configurationMarkdown } from '../../../../schema/generate/markdown';

describe('docs/CONFIGURATION.md', () => {
  it('is what `npm run docs` makes of the schema', () => {
    const written = readFileSync(join(__dirname, '../../../../docs/CONFIGURATION.md'), 'utf8');
    expect(written).toBe(configurationMarkdown());
  });

  it('has one row of four cells for each field, with an example', () => {
    const rows = configurationMarkdown()
      .split('\n')
      .filter((line) => line.startsWith('| `'));
    expect(rows.map((row) => row.split(/(?<!\\)\|/).length)).toEqual(rows.map(() => 6));
    expect(rows.join()).toContain('| `timeout_ms` | integer; 100 to 9000 | `5000` | Maximum milliseconds');
  });

  it('links to each page that a description names', () => {
    const text = configurationMarkdown();
    expect(text).toContain('([TOKENS](TOKENS.md))');
    expect(text).not.toContain('docs/');
  });
});
