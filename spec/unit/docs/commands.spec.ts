import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const ROOT = join(__dirname, '../../..');

describe('docs/COMMANDS.md', () => {
  it('has a row for each command, and no other', () => {
    const source = readFileSync(join(ROOT, 'src/cli/main.ts'), 'utf8');
    const commands = [...source.matchAll(/^import \{[^}]*\} from '\.\/([\w-]+)';$/gm)]
      .map(([, file = '']) => readFileSync(join(ROOT, 'src/cli', `${file}.ts`), 'utf8'))
      .flatMap((text) => [...text.matchAll(/new Command\('([\w-]+)'\)/g)].map(([, name]) => name));
    const page = readFileSync(join(ROOT, 'docs/COMMANDS.md'), 'utf8');
    const rows = [...page.matchAll(/^\| `([\w-]+)` /gm)].map(([, name]) => name);
    expect(commands.length).toBeGreaterThan(10);
    expect(rows.sort()).toEqual(commands.sort());
  });
});
