import { CONFIG_RECORD, PLUGIN_NAME } from '../../schema/parse-config';
import { ConfigurationError } from '../kong/declarative/configuration-error';
import { readDeclaration } from '../kong/declarative/declaration';
import type { Declaration } from '../kong/declarative/entities';
import { isMap, type Given } from '../kong/declarative/entity-reader';
import type { PluginDefinition } from '../kong/declarative/plugin-definition';
import { readYaml } from '../kong/declarative/yaml';
import { type PositionOf, yamlPositions } from '../kong/declarative/yaml-positions';
import type { RecordField } from '../kong/schema-language/field';
import type { Violation } from '../kong/schema-language/violation';
import { type CheckedEntry, entryFindings, entryViolations } from './entry';
import { comparisonFindings } from './entry-comparison';
import { type DiagnosisOptions, type Finding, type Report, unreadableFile } from './finding';
import { type Inspection, inspectionOf } from './inspection';
import { withSuggestion } from './known-names';
import { isEnabled, placedEntries, type PlacedEntries } from './placed-entries';
import { routeFindings } from './route';

/**
 * Finds everything that a load of a kong.yml would refuse, and everything in the entries of this plugin that is likely
 * a mistake, with its place. What only Kong itself can judge (other plugins, upstreams, certificates) is left out. Quotes
 * no secret.
 */
export function inspectKongFile(text: string, options: DiagnosisOptions): Inspection {
  let document: unknown;
  try {
    document = readYaml(text);
  } catch (error) {
    return inspectionOf(unreadableFile(error));
  }
  const positionOf = yamlPositions(text);
  const top: Given = isMap(document) ? document : {};
  const placed = placedEntries(top, PLUGIN_NAME);
  const findings: Finding[] = [];
  const report = reporter(findings, positionOf, placed, top);

  const { declaration, violations } = declared(document, options);
  for (const { field, message } of violations) report('error', field, withSuggestion(field, message));

  const entries = placed.entries.filter(isEnabled).flatMap((entry): CheckedEntry[] => {
    const isRefused = violations.some(({ field }) => field.startsWith(`${entry.path}.`));
    return isRefused ? [] : entryFindings(entry, options, report);
  });
  comparisonFindings(entries, report);
  routeFindings(placed, entries, options.overlaps ? declaration : undefined, report);
  return inspectionOf(findings, entries, report);
}

function declared(
  document: unknown,
  { plugins, environment }: DiagnosisOptions,
): { readonly declaration: Declaration | undefined; readonly violations: readonly Violation[] } {
  const findPlugin = (name: string): PluginDefinition =>
    name === PLUGIN_NAME ? OWN : (plugins.find((plugin) => plugin.name === name) ?? { ...UNKNOWN, name });
  try {
    return { declaration: readDeclaration(document, { findPlugin, environment, nowSeconds: 0 }), violations: [] };
  } catch (error) {
    return { declaration: undefined, violations: refused(error).filter(({ message }) => !isOfOurGateway(message)) };
  }
}

const OWN: PluginDefinition = {
  name: PLUGIN_NAME,
  priority: 0,
  schema: { type: 'record', fields: [{ config: { ...CONFIG_RECORD, required: true } }] },
  violations: entryViolations,
};

/** A plugin of which only Kong knows what may be in its configuration. */
const ANY_CONFIG: RecordField = { type: 'record', fields: [{ config: { type: 'any' } }] };
const UNKNOWN: Omit<PluginDefinition, 'name'> = { priority: 0, schema: ANY_CONFIG };

/** What the development gateway cannot do is nothing that is wrong with a file for Kong. */
function isOfOurGateway(message: string): boolean {
  return message.includes('the development gateway');
}

function refused(error: unknown): readonly Violation[] {
  if (error instanceof ConfigurationError) return error.violations;
  throw error;
}

function reporter(findings: Finding[], positionOf: PositionOf, placed: PlacedEntries, top: Given): Report {
  const holders: readonly (readonly [path: string, holder: string])[] = [
    ...placed.entries.map(({ path, holder }) => [path, holder] as const),
    ...placed.routes.map(({ path, name }) => [path, `route ${name}`] as const),
    ...services(top),
  ];
  return (severity, path, message) => {
    const within = holders.filter(([holder]) => path === holder || path.startsWith(`${holder}.`));
    const [closest] = within.sort(([a], [b]) => b.length - a.length);
    const entry = placed.entries.find((each) => path.startsWith(`${each.path}.config`));
    const own = entry && path.slice(entry.path.length + 1);
    findings.push({
      severity,
      field: own ?? path,
      message,
      concerns: closest === undefined ? [] : [closest[1]],
      ...positionOf(path),
    });
  };
}

function services(top: Given): (readonly [string, string])[] {
  const list = Array.isArray(top['services']) ? (top['services'] as readonly unknown[]) : [];
  return list.map((service, index) => {
    const name = isMap(service) ? service['name'] : undefined;
    return [`services[${index + 1}]`, `service ${typeof name === 'string' ? name : 'without a name'}`] as const;
  });
}
