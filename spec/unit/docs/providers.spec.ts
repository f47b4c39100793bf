import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { PRESETS } from '../../../schema/presets/presets';
import { PROVIDERS } from '../../../schema/presets/providers';

const FOLDER = join(__dirname, '../../../docs/providers');
const pageOf = (provider: string): string => readFileSync(join(FOLDER, `${provider}.md`), 'utf8').replace(/\s+/g, ' ');

describe('docs/providers', () => {
  it('has a page for each preset and for nothing else', () => {
    const pages = readdirSync(FOLDER).filter((name) => name !== 'README.md');
    expect(pages.sort()).toEqual(PROVIDERS.map((provider) => `${provider}.md`).sort());
    const index = readFileSync(join(FOLDER, 'README.md'), 'utf8');
    for (const page of pages) expect(index).toContain(`](${page})`);
  });

  it.each(PROVIDERS)('names what the preset of %s sets', (provider) => {
    const page = pageOf(provider);
    const { audienceClaim, requiredClaims, conditions, callerClaims, rolesClaims, scopesClaims } = PRESETS[provider];
    const claims = [
      ...[
        audienceClaim ?? [],
        requiredClaims ?? [],
        callerClaims ?? ['sub'],
        rolesClaims ?? [],
        scopesClaims ?? [],
      ].flat(),
      ...(conditions ?? []).flatMap(({ claim, oneOf = [], matches = [] }) => [claim, ...oneOf, ...matches]),
    ];
    expect(claims.filter((claim) => !page.includes(`\`${claim}\``))).toEqual([]);
    expect(page).toContain(`provider: ${provider}`);
  });
});
