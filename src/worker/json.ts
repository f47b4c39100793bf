/** @noSelf */
interface Cjson {
  decode(text: string): LuaMultiReturn<[value: unknown, problem: string | undefined]>;
  encode(value: unknown): string;
}

const cjson = require('cjson.safe') as Cjson;

/** Parses JSON; `undefined` when it is not JSON. */
export function decode(text: string): unknown {
  const [value] = cjson.decode(text);
  return value;
}

/** Writes JSON. */
export function encode(value: unknown): string {
  return cjson.encode(value);
}

/**
 * Returns a copy that shares nothing with `value` and has no metatable. Kong's plugins may change what they are given
 * (`kong.log.set_serialize_value('jwt_identity.x', …)` writes into the entry), and the next request must not see that.
 */
export function copy<T>(value: T): T {
  if (typeof value !== 'object') return value;
  const copied: Record<string, unknown> = {};
  for (const [name, member] of pairs(value as Record<string, unknown>)) copied[name] = copy(member);
  return copied as T;
}
