import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { configurationMarkdown, configurationSections } from '../../../../schema/generate/markdown';
import { namedFields } from '../../../../src/kong/schema-language/field';

describe('docs/CONFIGURATION.md', () => {
  it('is what `npm run docs` makes of the schema', () => {
    const written = readFileSync(join(__dirname, '../../../../docs/CONFIGURATION.md'), 'utf8');
    expect(written).toBe(configurationMarkdown());
  });

  it('has one entry for each field, with its type, default, meaning and example', () => {
    const text = configurationMarkdown();
    const entries = text.split('\n').filter((line) => line.startsWith('- **`'));
    const fields = [...configurationSections().keys()].flatMap((record) => namedFields(record));
    expect(entries).toHaveLength(fields.length);
    for (const entry of entries) expect(entry).toMatch(/^- \*\*`\w+`\*\* [^<]+<br>[^<]{10,}<br>`[^`]+`$/);
    expect(text).toContain('- **`timeout_ms`** integer; 100 to 9000; default `5000`<br>Maximum milliseconds');
  });

  it('links to each page that a description names', () => {
    const text = configurationMarkdown();
    expect(text).toContain('([TOKENS](TOKENS.md))');
    expect(text).not.toContain('docs/');
  });
});
