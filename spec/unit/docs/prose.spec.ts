import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const ROOT = join(__dirname, '../../..');
/** About packages and tests rather than for readers who do something. */
const LEFT_OUT = ['DEPENDENCIES.md', 'MUTATION.md'];
const DOCUMENTS = [
  ...['README.md', 'SECURITY.md', 'CONTRIBUTING.md'],
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md') && !LEFT_OUT.includes(name))
    .map((name) => join('docs', name)),
];

/** Words that the style of the documents rules out, each with what to write instead. */
const WORDS: readonly (readonly [pattern: RegExp, instead: string])[] = [
  [/\bwhoever\b/i, 'say who: an attacker, a client, a user'],
  [/\bnobody else\b/i, 'only …'],
  [/\bin (?:no|every) spelling\b/i, 'including variants such as …'],
  [/\bthe rooms?\b/i, 'folder, part'],
  [/\bto be had\b/i, 'cannot be fetched, is unavailable'],
  [/\bwhat is no\b|\b(?:that|which|who) is none\b/i, 'is not a …'],
  [/\btaken back\b/i, 'revoked'],
  [/\bblanks?\b/i, 'space'],
  [/\bmost seconds\b|\bleast seconds\b/i, 'maximum, minimum'],
  [/\bsays nonsense\b|\bwithout a word\b/i, 'sends invalid messages, silently'],
];
/** The style asks for 25; tables and names of things make some longer. */
const MOST_WORDS = 35;

/** The sentences of a document, without code, tables' rules and addresses of links. */
function sentences(text: string): string[] {
  const prose = text
    .replace(/^ *```[^]*?^ *```$/gm, '')
    .replace(/<!--[^]*?-->/g, '')
    .replace(/`[^`]*`/g, 'code')
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1');
  const blocks = prose.split(/\n\s*\n|\n(?= *(?:[-*]|\d+\.) )|(?<=\|)\s*\n|\|/);
  return blocks
    .flatMap((block) => block.replace(/\s+/g, ' ').split(/(?<=[.!?:;]\)?)\s+/))
    .map((text) => text.trim())
    .filter((text) => text !== '');
}

describe.each(DOCUMENTS.map((name) => [name]))('%s', (name) => {
  const all = sentences(readFileSync(join(ROOT, name), 'utf8'));

  it(`has no sentence of more than ${MOST_WORDS} words`, () => {
    expect(all.filter((sentence) => (sentence.match(/[\p{L}\p{N}'’-]+/gu) ?? []).length > MOST_WORDS)).toEqual([]);
  });

  it('has no word that the style rules out', () => {
    const found = WORDS.flatMap(([pattern, instead]) =>
      all.filter((sentence) => pattern.test(sentence)).map((sentence) => `${instead}: ${sentence}`),
    );
    expect(found).toEqual([]);
  });
});

describe('the check of sentences', () => {
  it('finds long sentences and ruled-out words in paragraphs, lists and tables, and not in code', () => {
    const long = `${'word '.repeat(36).trim()}.`;
    const text = `Short one. ${long}\n\n- Whoever can\n\n| a | ${long} |\n\n\`\`\`sh\nwhoever\n\`\`\`\n\nSee \`whoever\`.\n`;
    const all = sentences(text);
    expect(all.filter((sentence) => sentence === long)).toHaveLength(2);
    expect(all.filter((sentence) => /whoever/i.test(sentence))).toEqual(['- Whoever can']);
  });
});
