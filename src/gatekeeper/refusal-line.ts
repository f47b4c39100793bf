import { CallerRefusal } from '../core/decision';
import { verifiedBy } from '../core/log-entry';
import type { Refusal } from '../core/refusal/refusal';
import { createLineBudget } from '../protocol/line-budget';
import { formatFields, type Log, type LogFields } from '../telemetry/log';

/** Most characters that the names of one list may take, and most names. nginx cuts a line at 2048 bytes. */
const MAX_LIST_LENGTH = 400;
const MAX_NAMES = 20;
/** Most characters of any other field. */
const MAX_FIELD_LENGTH = 300;

/**
 * Returns what is logged about a refusal beside the ids of request, route and service: `code=… reason="…" accepted=…
 * issuer=… kid=…`. It holds fixed words and what the configuration and the key set say, never a claim, a header
 * parameter or any other text of the token, verified or not. It has less than 1,500 characters.
 */
export function refusalLine(refusal: Refusal): string {
  return formatFields(fieldsOf(refusal));
}

/**
 * Returns a function that says whether a refusal is to be logged and, if so, how: what it returns makes the fields of the
 * line from those that tell the request apart. `undefined`: too many of the kind were logged. After the first lines of a
 * code, few are written each second, and the next one says how many were not, so that clients cannot fill a log.
 *
 * @param clock - seconds
 */
export function createRefusalLines(
  clock: () => number = () => performance.now() / 1000,
): (refusal: Refusal) => ((about?: LogFields) => LogFields) | undefined {
  const mayWrite = createLineBudget();
  return (refusal) => {
    const unwritten = mayWrite(refusal.code, clock());
    if (unwritten === undefined) return undefined;
    return (about) => ({ ...about, ...fieldsOf(refusal), unwritten: unwritten === 0 ? undefined : unwritten });
  };
}

/** Returns a function that logs a refusal at `notice`, for a door that writes to a log of its own ({@link createRefusalLines}). */
export function createRefusalLog(log: Log, clock?: () => number): (refusal: Refusal, about?: LogFields) => void {
  const lineOf = createRefusalLines(clock);
  return (refusal, about) => {
    const line = lineOf(refusal);
    if (line !== undefined) log('notice', REFUSED, line(about));
  };
}

/** What every line about a refusal begins with, but for the level. */
export const REFUSED = 'request refused';

function fieldsOf(refusal: Refusal): LogFields {
  const { code, reason, hints } = refusal;
  const { issuer = hints.issuer, kid = hints.kid } = refusal instanceof CallerRefusal ? verifiedBy(refusal.token) : {};
  const accepted = hints.accepted ?? hints.scope;
  return {
    code,
    reason: cut(reason),
    hint: hints.hint === undefined ? undefined : cut(hints.hint),
    accepted: accepted === undefined || accepted.length === 0 ? undefined : names(accepted),
    issuer: issuer === undefined ? undefined : cut(issuer),
    kid: kid === undefined ? undefined : cut(kid),
  };
}

/** As many names as fit, and how many more there are. */
function names(list: readonly string[]): string {
  let text = '';
  for (const [index, name] of list.entries()) {
    const longer = index === 0 ? cut(name) : `${text}, ${name}`;
    if (index === MAX_NAMES || longer.length > MAX_LIST_LENGTH) return `${text}, and ${list.length - index} more`;
    text = longer;
  }
  return text;
}

function cut(text: string): string {
  return text.length <= MAX_FIELD_LENGTH ? text : `${text.slice(0, MAX_FIELD_LENGTH)}…`;
}
