import { escapeControls } from '../telemetry/log';
import type { ExplainedRoute } from './explanation';
import type { RouteNeighbour } from './route-order';
import type { SourceReport } from './token-sources';

/** Returns an explanation for people: what was looked at, one finding a line, then the decision and what follows. */
export function explanationText(explained: ExplainedRoute): string {
  const { sources, findings, decision, shadow, changes, kong = {} } = explained;
  const lines: readonly Line[] = [
    ...placeLines(explained),
    ...sources.map(({ place, state, detail }) => ['source', `${place}: ${SAID[state]}${bracketed(detail)}`] as const),
    ...findings.map(({ stage, finding }) => [stage, finding] as const),
    ['decision', decisionText(decision)],
    ...(shadow === undefined ? [] : [['shadow', `would be refused: ${shadow.code} (${shadow.reason})`] as const]),
    ...Object.entries(changes?.set ?? {}).map(([name, value]) => ['set', `${name}: ${value}`] as const),
    ...(changes?.remove ?? []).map((name) => ['remove', name] as const),
    ...(changes?.query === undefined ? [] : [['query', changes.query] as const]),
    ...Object.entries(kong).map(([name, value]) => ['kong', `${name} = ${JSON.stringify(value)}`] as const),
  ];
  // What a client sent must not move the reader's cursor.
  return lines.map(([label, text]) => `${label.padEnd(10)} ${escapeControls(text)}\n`).join('');
}

type Line = readonly [label: string, text: string];

/** Which configuration decides, and what runs around it. */
function placeLines({ policy, route, service, otherRoutes, plugin, plugins }: ExplainedRoute): Line[] {
  if (policy !== undefined) return [['policy', policy]];
  const name = route ?? '';
  return [
    ['route', service === null ? name : `${name}, of the service ${service}`],
    ...(otherRoutes.length === 0
      ? []
      : [['not', `${otherRoutes.join(', ')}: would match too, but Kong asks later`] as const]),
    ...plugins.filter(({ runs }) => runs === 'before').map(neighbourLine),
    ['plugin', `attached to ${plugin ?? ''}`],
    ...plugins.filter(({ runs }) => runs !== 'before').map(neighbourLine),
  ];
}

const SAID: Readonly<Record<SourceReport['state'], string>> = {
  used: 'the token is taken from here',
  repeated: 'the same token',
  conflict: 'another token',
  unreadable: 'there, but no token can be read',
  absent: 'no token',
  ignored: 'there, but not looked at',
};

function neighbourLine({ name, place, priority, runs }: RouteNeighbour): Line {
  if (runs === 'unknown') return ['order?', `${name}, attached to ${place}: its handler says its priority`];
  return [runs, `${name} (priority ${priority ?? ''}), attached to ${place}`];
}

function bracketed(text: string | undefined): string {
  return text === undefined ? '' : ` (${text})`;
}

function decisionText(decision: ExplainedRoute['decision']): string {
  if (decision.outcome === 'answer') return `answer with ${decision.status}, by the plugin itself`;
  if (decision.outcome === 'refuse') return `refuse with ${decision.status} ${decision.code}: ${decision.reason}`;
  return decision.code === 'anonymous' ? 'proceed without a caller' : 'proceed';
}
