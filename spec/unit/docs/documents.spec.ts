import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { parseConfig } from '../../../schema/parse-config';
import { scripts } from '../../../package.json';

const ROOT = join(__dirname, '../../..');
const markdownIn = (folder: string): string[] =>
  readdirSync(join(ROOT, folder), { recursive: folder !== '.', encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name));
const DOCUMENTS = [...markdownIn('.'), ...markdownIn('docs')];
const textOf = (document: string): string => readFileSync(join(ROOT, document), 'utf8');
/** The address of a heading, as GitHub makes it. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(' ', '-');

describe('README.md', () => {
  it.each(['npm ci && npm start', 'npm ci && npm test'])(
    'shows the command `%s`, which is all the set-up there is',
    (command) => {
      expect(textOf('README.md').split('\n')).toContain(command);
    },
  );
});

describe.each(DOCUMENTS.map((document) => [document]))('%s', (document) => {
  const text = textOf(document);
  const prose = text.replace(/^```[\s\S]*?^```/gm, '');

  it('links only to what is there', () => {
    const links = [...prose.matchAll(/\]\((?!https?:|mailto:)([^)\s]+)\)/g)].map(([, link]) => link!);
    const broken = links.filter((link) => {
      const [path = '', anchor] = link.split('#');
      const file = path === '' ? join(ROOT, document) : join(ROOT, dirname(document), path);
      if (!existsSync(file)) return true;
      if (anchor === undefined) return false;
      const headings = [...readFileSync(file, 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, heading]) => anchorOf(heading!));
      return !headings.includes(anchor);
    });
    expect(broken).toEqual([]);
  });

  it('names only npm scripts that exist', () => {
    const named = [...text.matchAll(/\bnpm (?:run ([\w:-]+)|(start|test)\b)/g)].map(
      ([, script, short]) => script ?? short!,
    );
    expect(named.filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
  });

  it('shows only plugin configurations that are accepted', () => {
    for (const [, yaml] of text.matchAll(/^```yaml\n([\s\S]*?)^```/gm)) {
      const { plugins = [] } = (parse(yaml!, { merge: true }) ?? {}) as {
        plugins?: { name: string; config: unknown }[];
      };
      for (const { name, config } of plugins)
        if (name === 'jwt-identity') expect(() => parseConfig(config)).not.toThrow();
    }
  });
});

describe('docs/README.md', () => {
  it('leads to every document, itself or through the README of its folder', () => {
    const indexes = DOCUMENTS.filter((document) => /^docs\/(?:.*\/)?README\.md$/.test(document));
    const linked = indexes.flatMap((index) =>
      [...textOf(index).matchAll(/\]\(([^)#\s]+\.md)/g)].map(([, link]) => join(dirname(index), link!)),
    );
    const pages = DOCUMENTS.filter((document) => document.startsWith('docs/') && document !== 'docs/README.md');
    expect(pages.filter((page) => !linked.includes(page))).toEqual([]);
  });
});
