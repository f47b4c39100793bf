import { type ExchangeRecord, problemCode } from '../gateway/exchange/exchange-record';
import { formatRecord } from '../telemetry/log';

/** Returns one line about a request that is over: what was asked, the status, who answered and, if known, why. */
export function requestLine(record: ExchangeRecord): string {
  const { exchange, response, answeredBy, durations, isComplete } = record;
  const { route, otherRoutes, method, target } = exchange;
  // The query may hold a token, so it is left out.
  const line = formatRecord('info', `${method} ${target.split('?', 1)[0] ?? ''} ${response.status}`, {
    route: route === null ? undefined : (route.name ?? route.id),
    also_matches: otherRoutes.map(({ name, id }) => name ?? id).join(',') || undefined,
    by: answeredBy.kind === 'plugin' ? answeredBy.plugin : answeredBy.kind,
    code: problemCode(record) ?? undefined,
    ms: durations.total,
    cut: isComplete ? undefined : true,
  });
  return line.slice('info: '.length);
}
