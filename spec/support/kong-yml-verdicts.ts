import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What is said of a file: see the head of spec/fixtures/kong-yml-verdicts.txt. */
export type FileVerdict = 'accepted' | 'refused' | 'kong' | 'stricter';

/** A file, and what Kong 3.9.3 and the development gateway say of it. */
export interface JudgedFile {
  readonly verdict: FileVerdict;
  readonly text: string;
}

/** Returns the files of spec/fixtures/kong-yml-verdicts.txt. */
export function judgedFiles(): JudgedFile[] {
  const lines = readFileSync(join(__dirname, '../fixtures/kong-yml-verdicts.txt'), 'utf8').split('\n');
  return lines.flatMap((line): JudgedFile[] => {
    const [, verdict, bang, rest = ''] = /^(accepted|refused|kong|stricter) +(!?)(.*)$/.exec(line) ?? [];
    if (verdict === undefined) return [];
    const text = rest.startsWith('"') ? (JSON.parse(rest) as string) : rest;
    return [{ verdict: verdict as FileVerdict, text: bang === '!' ? text : `_format_version: '3.0'\n${text}` }];
  });
}
