import { Command, Option } from 'commander';
import type { Finding, Severity } from '../diagnostics/finding';
import { diagnose, findingLine, readTextFile } from './diagnosis';

/** Exit code when something was found that must not go into production. */
const FOUND = 3;

interface CheckFlags {
  readonly json: boolean;
  readonly failOn: Severity;
}

/** `check`: says what is wrong with configuration files, before Kong reads them. */
export function checkCommand(): Command {
  return new Command('check')
    .description('report errors and likely mistakes in a kong.yml before Kong loads it')
    .argument('<file...>', 'declarative configuration of Kong; - for stdin')
    .addOption(
      new Option('--fail-on <severity>', 'least severity with which the exit code is 3')
        .choices(['error', 'warning'])
        .default('error'),
    )
    .option('--json', 'print JSON', false)
    .addHelpText(
      'after',
      `
Exit codes: 0 nothing was found (or warnings only), 1 a file cannot be read, 2 wrong flags, 3 something was found.

Examples:
  $ kong-jwt-identity check kong.yml
  $ kong-jwt-identity check --fail-on warning --json kong.yml | jq '.files[].findings[].message'`,
    )
    .action((files: readonly string[], { json, failOn }: CheckFlags) => {
      const results = files.map((file) => ({ file, findings: diagnose(readTextFile(file)) }));
      const all = results.flatMap(({ findings }) => findings);
      const errors = count(all, 'error');
      const warnings = count(all, 'warning');
      if (json) process.stdout.write(`${JSON.stringify({ files: results, errors, warnings }, null, 2)}\n`);
      else {
        const lines = results.flatMap(({ file, findings }) => findings.map((finding) => findingLine(file, finding)));
        const summary = `${errors} errors, ${warnings} warnings in ${files.join(', ')}`;
        process.stdout.write([...lines, summary, ''].join('\n'));
      }
      if (errors > 0 || (failOn === 'warning' && warnings > 0)) process.exitCode = FOUND;
    });
}

function count(findings: readonly Finding[], severity: Severity): number {
  return findings.filter((finding) => finding.severity === severity).length;
}
