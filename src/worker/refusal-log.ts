import { createLineBudget } from '../protocol/line-budget';
import { secondsOfUptime } from './clock';
import { currentPlace } from './place';
import { traceId } from './trace-context';

const mayWrite = createLineBudget();

/**
 * Writes one line about the current request to Kong's log, unless too many of the kind were written. The line begins
 * with the ids that the answer and Kong's configuration have for the request.
 *
 * It is written from a timer: to a line from inside a request, nginx adds the request line, and a client may have put a
 * token into the query. Never throws, because a refusal that cannot be logged is a refusal all the same.
 *
 * @param level - `notice` is what Kong shows by default
 * @param kind - lines of one kind and one route share a budget
 * @param text - fixed words and names of the configuration, without control characters
 */
export function logRefusal(level: 'notice' | 'err', kind: string, text: string): void {
  pcall(write, level, kind, text);
}

function write(level: 'notice' | 'err', kind: string, text: string): void {
  const { route, service } = currentPlace();
  const unwritten = mayWrite(`${kind} ${route}`, secondsOfUptime());
  if (unwritten === undefined) return;
  const trace = traceId();
  const about = `request_id=${requestId() ?? 'unknown'}${trace === undefined ? '' : ` trace_id=${trace}`} route=${route} service=${service}`;
  const more = unwritten === 0 ? '' : ` unwritten=${unwritten}`;
  ngx.timer.at(0, () => {
    // Kong's own words about an error may have several lines.
    const [line] = string.gsub(text, '%c', ' ');
    kong.log[level](`request refused ${about} ${line}${more}`);
  });
}

/** Kong's id of the current request, if it has one. Kong makes it of hexadecimal digits; anything else is not taken. */
export function requestId(): string | undefined {
  const id = ngx.var['kong_request_id'];
  return id === undefined ? undefined : string.match(id, '^%w+$');
}
