import { CONFIG_RECORD } from '../../schema/parse-config';
import { isMap } from '../kong/declarative/entity-reader';
import { readYaml } from '../kong/declarative/yaml';
import { memberStep, type PositionOf, yamlPositions } from '../kong/declarative/yaml-positions';
import { validate } from '../kong/schema-language/validation';
import { writtenPolicies } from '../policies/policy-file';
import { type CheckedEntry, entryFindings, entryViolations } from './entry';
import { comparisonFindings } from './entry-comparison';
import { type DiagnosisOptions, type Finding, type Report, unreadableFile } from './finding';
import { type Inspection, inspectionOf } from './inspection';
import { withSuggestion } from './known-names';
import type { PlacedEntry } from './placed-entries';
import { suggestion } from './suggestion';

const TOP = 'policies';

/** Whether a file is meant to be a policies.yml: it says so at the top, perhaps misspelt, and holds no entity of Kong. */
export function isPoliciesFile(text: string): boolean {
  let top: unknown;
  try {
    top = readYaml(text);
  } catch {
    return false;
  }
  if (!isMap(top) || KONG_MEMBERS.some((name) => Object.hasOwn(top, name))) return false;
  return Object.keys(top).some((name) => suggestion(name, [TOP]) === TOP);
}

const KONG_MEMBERS = ['_format_version', 'services', 'routes', 'plugins', 'consumers', 'upstreams'];

/**
 * Finds everything that a load of a policies.yml would refuse, and everything in it that is likely a mistake, with its
 * place. Fields are those of a policy, which the finding concerns by its name. Quotes no secret.
 */
export function inspectPoliciesFile(text: string, options: DiagnosisOptions): Inspection {
  let document: unknown;
  try {
    document = readYaml(text);
  } catch (error) {
    return inspectionOf(unreadableFile(error));
  }
  const positionOf = yamlPositions(text);
  const { policies, problems } = writtenPolicies(document);
  const findings: Finding[] = [];
  for (const { field, message, steps } of problems) {
    const [name] = steps;
    const isMisspelt = steps.length === 1 && name !== undefined && suggestion(name, [TOP]) === TOP && name !== TOP;
    findings.push({
      severity: 'error',
      field: field === '' ? (name ?? '') : field,
      message: isMisspelt ? `unknown field; did you mean \`${TOP}\`?` : message,
      concerns: [],
      ...positionOf(steps.map(memberStep).join('')),
    });
  }
  const placed = policies.map(([name, config]): PlacedEntry => ({
    path: `${TOP}${memberStep(name)}`,
    given: { config },
    holder: `policy ${name}`,
  }));
  const report = reporter(findings, positionOf, placed);
  const entries = placed.flatMap((entry) => policyFindings(entry, options, report));
  comparisonFindings(entries, report);
  return inspectionOf(findings, entries, report);
}

function policyFindings(entry: PlacedEntry, options: DiagnosisOptions, report: Report): CheckedEntry[] {
  const { value, violations } = validate(CONFIG_RECORD, entry.given['config'], 'config', 'user');
  const refused = violations.length > 0 ? violations : entryViolations(value);
  for (const { field, message } of refused) report('error', `${entry.path}.${field}`, withSuggestion(field, message));
  return refused.length > 0 ? [] : entryFindings(entry, options, report);
}

/** A policy is a configuration itself: what is `config.issuers` of an entry in a kong.yml is `issuers` here. */
function reporter(findings: Finding[], positionOf: PositionOf, placed: readonly PlacedEntry[]): Report {
  return (severity, path, message) => {
    const entry = placed.find((each) => path.startsWith(`${each.path}.config`));
    const field = entry === undefined ? path : path.slice(entry.path.length).replace(/^\.config\.?/, '');
    findings.push({
      severity,
      field,
      message,
      concerns: entry === undefined ? [] : [entry.holder],
      ...positionOf(entry === undefined || field === '' ? (entry?.path ?? path) : `${entry.path}.${field}`),
    });
  };
}
