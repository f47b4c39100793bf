import {
  decisionChannel,
  type DecisionMessage,
  routeDecisionChannel,
  type RouteDecisionMessage,
  tokenCacheChannel,
} from '../../telemetry/channels';

/** What one label stands for more often than this is no report. */
const MAX_COUNT = 1e9;

/**
 * Counts the answers that the handler inside Kong's worker has repeated, as if each had been decided here: a decision,
 * and for a verified token a hit of the token cache. Outcomes by route, which the handler alone knows, are counted apart.
 *
 * @param report - JSON: pairs of a label and how often it was repeated, and outcomes with their number, route and service.
 *   Labels are decision messages of this plugin, which it handed out with its verdicts
 * @throws TypeError or SyntaxError when it is no report; then nothing has been counted
 */
export function countRepeated(report: string): void {
  const entries = parseReport(report);
  for (const entry of entries) {
    if ('route' in entry) {
      routeDecisionChannel.publish(entry);
      continue;
    }
    const { message, count } = entry;
    decisionChannel.publish({ ...message, count });
    if (message.issuer !== undefined) tokenCacheChannel.publish({ hit: true, count });
  }
}

interface Repeated {
  readonly message: DecisionMessage;
  readonly count: number;
}

function parseReport(report: string): readonly (Repeated | RouteDecisionMessage)[] {
  const pairs: unknown = JSON.parse(report);
  // Lua's JSON encoder cannot tell an empty list from an empty object.
  if (!Array.isArray(pairs)) throw new TypeError('a report is a list');
  return pairs.map((pair: unknown) => {
    const [label, count, route, service] = Array.isArray(pair) ? (pair as unknown[]) : [];
    const isCount = typeof count === 'number' && Number.isSafeInteger(count) && count > 0 && count <= MAX_COUNT;
    if (typeof label !== 'string' || !isCount) throw new TypeError('an entry of a report is a label and a count');
    if (route === undefined) return { message: decisionMessage(JSON.parse(label)), count };
    if (!isName(route) || !isName(service) || !OUTCOME.test(label)) throw new TypeError('an outcome has a route');
    return { route, service, outcome: label === 'proceed' ? 'proceed' : 'refuse', code: label, count };
  });
}

/** `proceed`, or the code of a refusal. */
const OUTCOME = /^[a-z_]{1,64}$/;

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= 255;
}

function decisionMessage(value: unknown): DecisionMessage {
  if (typeof value !== 'object' || value === null) throw new TypeError('a label is no decision');
  const { outcome, code, status, issuer, kid, shadow } = value as Partial<Record<keyof DecisionMessage, unknown>>;
  const isText = (member: unknown): member is string | undefined => member === undefined || typeof member === 'string';
  if ((outcome !== 'proceed' && outcome !== 'refuse') || typeof code !== 'string' || typeof status !== 'number') {
    throw new TypeError('a label is no decision');
  }
  if (!isText(issuer) || !isText(kid) || !isText(shadow)) throw new TypeError('a label is no decision');
  return {
    outcome,
    code,
    status,
    ...(issuer !== undefined && { issuer }),
    ...(kid !== undefined && { kid }),
    ...(shadow !== undefined && { shadow }),
  };
}
