import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './running-process';

/** A command of the runbook, and what it prints there; `…` stands for any text. */
export interface RunbookStep {
  readonly command: string;
  /** Lines that its output has, in this order. */
  readonly shown: readonly string[];
}

/** A row of the table that leads from a line of the log to a section. */
interface Lead {
  readonly code: string;
  /** `undefined` where any reason leads there. */
  readonly reason: string | undefined;
  readonly anchor: string;
}

/** How docs/RUNBOOK.md leads from the id in an answer to the cause. */
export interface Runbook {
  /** Finds the line of a refusal; takes the id in `REQUEST_ID`. */
  readonly first: RunbookStep;
  /** Returns the heading of the section that the table names. @throws when it names none */
  sectionFor(code: string, reason: string): string;
  /** Headings of all sections that the table leads to. */
  readonly sections: readonly string[];
  /**
   * Returns what a section says: the lines that the first command prints, and then its commands in their order.
   *
   * @throws when there is no such section
   */
  section(heading: string): { readonly line: readonly string[]; readonly steps: readonly RunbookStep[] };
}

const START = "From a client's answer to the cause";

/** Reads the runbook from docs/RUNBOOK.md, and nothing else: a spec that follows it sees when the document is wrong. */
export function readRunbook(): Runbook {
  const text = readFileSync(join(ROOT, 'docs/RUNBOOK.md'), 'utf8');
  const [, body = ''] = text.split(`\n## ${START}\n`);
  const [chapter = ''] = body.split('\n## ');
  const [intro = '', ...parts] = chapter.split('\n### ');
  const { steps } = blocksOf(intro);
  const [first, ...others] = steps;
  if (first === undefined || others.length > 0) throw new Error(`"${START}" must begin with one command`);
  const leads = [...intro.matchAll(/^\| `(\w+)` +\| (.+?) +\| \[.+?\]\(#(.+?)\) +\|$/gm)].map(
    ([, code = '', reason = '', anchor = '']): Lead => ({ code, reason: /^`(.*)`$/.exec(reason)?.[1], anchor }),
  );
  const bodies = new Map(
    parts.map((part) => {
      const end = part.indexOf('\n');
      return [part.slice(0, end), part.slice(end)] as const;
    }),
  );
  const headingOf = (anchor: string): string => {
    const heading = [...bodies.keys()].find((each) => anchorOf(each) === anchor);
    if (heading === undefined) throw new Error(`#${anchor} is no section of "${START}"`);
    return heading;
  };
  return {
    first,
    sections: [...new Set(leads.map(({ anchor }) => headingOf(anchor)))],
    sectionFor: (code, reason) => {
      const lead = leads.find((each) => each.code === code && (each.reason ?? reason) === reason);
      if (lead === undefined) throw new Error(`the table leads nowhere from ${code}, ${reason}`);
      return headingOf(lead.anchor);
    },
    section: (heading) => {
      const content = bodies.get(heading);
      if (content === undefined) throw new Error(`there is no section "${heading}"`);
      const { before, steps: commands } = blocksOf(content);
      return { line: before, steps: commands };
    },
  };
}

/** As GitHub makes it. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replaceAll(' ', '-');
}

/** `sh` blocks are commands; a `text` block is what the command before it prints. */
function blocksOf(text: string): { readonly before: readonly string[]; readonly steps: readonly RunbookStep[] } {
  const before: string[] = [];
  const steps: { command: string; shown: string[] }[] = [];
  for (const [, language, content = ''] of text.matchAll(/^```(\w+)\n([^]*?)^```$/gm)) {
    if (language === 'sh') steps.push({ command: content.trim(), shown: [] });
    if (language === 'text') (steps.at(-1)?.shown ?? before).push(...content.trimEnd().split('\n'));
  }
  return { before, steps };
}

/**
 * Returns the lines of `shown` that are not among the lines of an output, in their order. `…` stands for any text, and one
 * space for several.
 */
export function missingLines(output: string, shown: readonly string[]): readonly string[] {
  const lines = output.split('\n').map(oneSpace);
  let from = 0;
  return shown.filter((line) => {
    const parts = oneSpace(line).split('…');
    const pattern = new RegExp(`^${parts.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('.*')}$`);
    const at = lines.findIndex((each, index) => index >= from && pattern.test(each));
    if (at >= 0) from = at + 1;
    return at < 0;
  });
}

function oneSpace(line: string): string {
  return line.trim().replace(/\s+/g, ' ');
}
