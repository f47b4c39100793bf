import { Command, Option } from 'commander';
import type { Finding, Severity } from '../diagnostics/finding';
import { escapeControls } from '../telemetry/log';
import { type Asked, inspectOnline, NOT_ASKED } from './check/online';
import { FILE_FORMATS, type FileFormat, findingLine, inspect, readTextFile } from './diagnosis';

/** Exit code when something was found that must not go into production. */
const FOUND = 3;

interface CheckFlags {
  readonly online: boolean;
  readonly json: boolean;
  readonly format?: FileFormat;
  readonly failOn: Severity;
}

/** `check`: says what is wrong with configuration files, before Kong reads them. */
export function checkCommand(): Command {
  return new Command('check')
    .description('report errors and likely mistakes in a kong.yml or policies.yml before it is loaded')
    .argument('<file...>', 'declarative configuration of Kong, or policies for authz; - for stdin')
    .addOption(
      new Option('--format <format>', 'format of the files; without it, each is recognized by its content').choices(
        FILE_FORMATS,
      ),
    )
    .addOption(
      new Option('--fail-on <severity>', 'lowest severity that gives exit code 3')
        .choices(['error', 'warning'])
        .default('error'),
    )
    .option('--online', 'also ask issuers and revocation lists, with GET requests, and compare', false)
    .option('--json', 'print JSON', false)
    .addHelpText(
      'after',
      `
Exit codes: 0 nothing was found (or warnings only), 1 a file cannot be read, 2 wrong flags, 3 something was found.

Examples:
  $ kong-jwt-identity check kong.yml policies.yml
  $ kong-jwt-identity check --online kong.yml
  $ kong-jwt-identity check --fail-on warning --json kong.yml | jq '.files[].findings[].message'`,
    )
    .action(async (files: readonly string[], { json, failOn, format, online }: CheckFlags) => {
      const texts = files.map((file) => [file, readTextFile(file)] as const);
      const results: Result[] = [];
      for (const [file, text] of texts) {
        const inspection = inspect(text, { format });
        const asked = online ? await inspectOnline(inspection) : undefined;
        results.push({ file, findings: inspection.findings(), ...(asked !== undefined && { asked }) });
      }
      const all = results.flatMap(({ findings }) => findings);
      const errors = count(all, 'error');
      const warnings = count(all, 'warning');
      if (json) process.stdout.write(`${JSON.stringify({ files: results, errors, warnings }, null, 2)}\n`);
      else {
        const summary = `${errors} errors, ${warnings} warnings in ${files.join(', ')}`;
        process.stdout.write([...results.flatMap(linesOf), summary, ''].join('\n'));
      }
      if (errors > 0 || (failOn === 'warning' && warnings > 0)) process.exitCode = FOUND;
    });
}

/** What was found in one file. */
interface Result {
  readonly file: string;
  readonly findings: readonly Finding[];
  readonly asked?: readonly Asked[];
}

function linesOf({ file, findings, asked = [] }: Result): string[] {
  return [
    ...asked.map(({ target, seen }) => {
      const isUnasked = seen.startsWith(NOT_ASKED);
      const line = isUnasked ? `${NOT_ASKED}${target}: ${seen.slice(NOT_ASKED.length)}` : `asked ${target}: ${seen}`;
      return escapeControls(line);
    }),
    ...findings.map((finding) => findingLine(file, finding)),
  ];
}

function count(findings: readonly Finding[], severity: Severity): number {
  return findings.filter((finding) => finding.severity === severity).length;
}
