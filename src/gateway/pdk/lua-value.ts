import type { JsonValue } from '../../protocol/json-value';
import { PdkError } from './handlers';

/**
 * Returns what becomes of a value on its way through Kong's Lua. Kong 3.9.3 (pb_rpc.lua): `false` arrives as nil and is
 * lost; an empty list is an empty table, which goes back as an empty object.
 */
export function throughLua(value: JsonValue): JsonValue {
  if (value === false) return null;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.length === 0 ? {} : value.map(throughLua);
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, member]) => {
      const arrived = throughLua(member);
      return arrived === null ? [] : [[name, arrived]];
    }),
  );
}

/**
 * Returns the lines that a value makes of a header. An empty text becomes a blank, a list one line for each item, and
 * an empty list, or an object, none.
 *
 * Kong 3.9.3: kong/pdk/private/checks.lua
 *
 * @throws {@link PdkError} for a value that Kong refuses
 */
export function headerTexts(name: string, value: JsonValue): string[] {
  const arrived = throughLua(value);
  if (typeof arrived === 'string') return [blankForEmpty(arrived)];
  if (typeof arrived === 'number' || typeof arrived === 'boolean') return [String(arrived)];
  if (arrived === null) throw new PdkError(`invalid header value for '${name}': got nil`);
  if (!Array.isArray(arrived)) return [];
  return arrived.map((item: JsonValue) => {
    if (typeof item !== 'string') throw new PdkError(`invalid header value in array '${name}': expected string`);
    return blankForEmpty(item);
  });
}

function blankForEmpty(text: string): string {
  return text === '' ? ' ' : text;
}
