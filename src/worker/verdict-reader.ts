import { PACKAGE_VERSION, type Verdict } from '../protocol/verdict';
import { decode } from './json';

/**
 * Returns the verdict that the plugin server left for this request under this configuration, or a sentence that says
 * why there is none. The stock plugin server was seen to run requests with the configuration of another route after a
 * restart, so the verdict must name the configuration.
 *
 * @param left - what was in `kong.ctx.shared`
 */
export function readVerdict(left: unknown, conf: PluginConfig): Verdict | string {
  if (typeof left !== 'string') return 'the plugin server left no verdict';
  const verdict = decode(left) as Partial<Verdict> | undefined;
  if (typeof verdict !== 'object') return 'the verdict cannot be read';
  const { version } = verdict;
  if (version !== PACKAGE_VERSION) {
    return `the plugin server has version ${tostring(version)}, the handler ${PACKAGE_VERSION}: install both from one package`;
  }
  if (verdict.plugin !== conf.__plugin_id || verdict.sequence !== conf.__seq__) {
    return 'the verdict is about another configuration';
  }
  return isWhole(verdict) ? (verdict as Verdict) : 'the verdict is not whole';
}

/** Exactly one outcome, with everything that is needed to carry it out. */
function isWhole(verdict: Partial<Verdict>): boolean {
  const { server, proceed, refuse } = verdict;
  if (typeof server !== 'string') return false;
  if (proceed !== undefined) return refuse === undefined && areHeaders(proceed.headers);
  return typeof refuse === 'object' && typeof refuse.status === 'number' && typeof refuse.body === 'string';
}

/** A list of headers. What is no text would reach the service as Lua writes it. */
function areHeaders(headers: unknown): boolean {
  return isList(headers, (header) => {
    if (typeof header !== 'object') return false;
    const [name, value] = header as [unknown, unknown];
    return typeof name === 'string' && (typeof value === 'string' || isList(value, (text) => typeof text === 'string'));
  });
}

function isList(value: unknown, isMember: (this: void, member: unknown) => boolean): boolean {
  if (typeof value !== 'object') return false;
  // An object of JSON is a table, too, and a loop over a list would find nothing in it.
  for (const [index, member] of pairs(value as Record<string, unknown>)) {
    if (type(index) !== 'number' || !isMember(member)) return false;
  }
  return true;
}
