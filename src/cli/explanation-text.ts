import type { ExplainedRoute } from './explanation';

/** Returns an explanation for people: what was looked at, one finding a line, then the decision and what follows. */
export function explanationText(explained: ExplainedRoute): string {
  const { route, service, otherRoutes, plugin, findings, decision, shadow, changes, kong = {} } = explained;
  const lines: readonly (readonly [label: string, text: string])[] = [
    ['route', service === null ? route : `${route}, of the service ${service}`],
    ...(otherRoutes.length === 0
      ? []
      : [['not', `${otherRoutes.join(', ')}: would match too, but Kong asks later`] as const]),
    ['plugin', `attached to ${plugin}`],
    ...findings.map(({ stage, finding }) => [stage, finding] as const),
    ['decision', decisionText(decision)],
    ...(shadow === undefined ? [] : [['shadow', `would be refused: ${shadow.code} (${shadow.reason})`] as const]),
    ...Object.entries(changes?.set ?? {}).map(([name, value]) => ['set', `${name}: ${value}`] as const),
    ...(changes?.remove ?? []).map((name) => ['remove', name] as const),
    ...(changes?.query === undefined ? [] : [['query', changes.query] as const]),
    ...Object.entries(kong).map(([name, value]) => ['kong', `${name} = ${JSON.stringify(value)}`] as const),
  ];
  return lines.map(([label, text]) => `${label.padEnd(10)} ${printable(text)}\n`).join('');
}

function decisionText(decision: ExplainedRoute['decision']): string {
  if (decision.outcome === 'answer') return `answer with ${decision.status}, by the plugin itself`;
  if (decision.outcome === 'refuse') return `refuse with ${decision.status} ${decision.code}: ${decision.reason}`;
  return decision.code === 'anonymous' ? 'proceed without a caller' : 'proceed';
}

/** What a client sent must not move the cursor of whoever reads this. */
function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, (char) => {
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
