/**
 * Records runs and writes the table of docs/COMPATIBILITY.md:
 *
 *   npx jest --json --outputFile=report.json …
 *   npx ts-node spec/compatibility/record.ts report.json [name of the group of specs]
 *
 * Without a report it only writes the table. A run in which everything was skipped is not recorded.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { DOCUMENT, recordedRuns, type Report, RUNS_FILE, runOf, withRun, withTable } from './run-table';

const [report, specs] = process.argv.slice(2);
if (report !== undefined) {
  const read = JSON.parse(readFileSync(report, 'utf8')) as Report;
  const isSkipped = read.testResults.every(({ status }) => status !== 'failed') && read.numPassedTests === 0;
  const run = isSkipped ? undefined : runOf(read, specs, process.env, new Date().toISOString().slice(0, 10));
  if (run === undefined) console.log('SKIPPED: this run is not recorded, because its gateway is not there');
  else {
    writeFileSync(RUNS_FILE, `${JSON.stringify(withRun(recordedRuns(), run), null, 2)}\n`);
  }
}
writeFileSync(DOCUMENT, withTable(readFileSync(DOCUMENT, 'utf8'), recordedRuns()));
