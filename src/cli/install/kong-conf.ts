import { PLUGIN, type Setting } from './kong-settings';

/** A kong.conf with the settings in it, or what stands in their way. */
export type MergedConf =
  | { readonly outcome: 'changed' | 'unchanged'; readonly text: string }
  | { readonly outcome: 'conflict'; readonly problems: readonly string[] };

const LINE = /^\s*([a-z0-9_]+)\s*=\s*(.*?)\s*(?:(?<!\\)#.*)?$/;
const HEADING = '# jwt-identity: written by `kong-jwt-identity install`';
/** Lists of names to which one is added. Kong 3.9.3 separates names by commas. */
const NAMES: Readonly<Record<string, string>> = { plugins: PLUGIN, pluginserver_names: 'jwt_identity' };

/**
 * Returns a kong.conf with the settings in it. Lines that are there already stay; a list of names gets the name that is
 * missing; anything else that is set to another value is a conflict that somebody has to decide. Running it twice
 * changes nothing the second time.
 */
export function withSettings(text: string, settings: readonly Setting[]): MergedConf {
  const lines = text.split('\n');
  const missing: Setting[] = [];
  const problems: string[] = [];
  let isChanged = false;
  for (const setting of settings) {
    const index = lines.findLastIndex((line) => LINE.exec(line)?.[1] === setting.name);
    const current = LINE.exec(lines[index] ?? '')?.[2];
    if (current === undefined) missing.push(setting);
    else if (current !== setting.value) {
      const extended = holds(setting, current) ? current : extendedList(setting, current);
      if (extended === undefined) {
        problems.push(`line ${index + 1} sets ${setting.name} = ${current}; it must be ${setting.value}`);
      } else if (extended !== current) {
        lines[index] = `${setting.name} = ${extended}`;
        isChanged = true;
      }
    }
  }
  if (problems.length > 0) return { outcome: 'conflict', problems };
  if (missing.length === 0 && !isChanged) return { outcome: 'unchanged', text };
  const added = missing.map(({ name, value }) => `${name} = ${value}`);
  const before = lines.join('\n').replace(/\n*$/, '\n');
  return {
    outcome: 'changed',
    text: added.length === 0 ? before : `${before}\n${[HEADING, ...added].join('\n')}\n`,
  };
}

/** Whether a path of Lua folders has ours already. */
function holds({ name, value }: Setting, current: string): boolean {
  return name === 'lua_package_path' && current.split(';').includes(value.replace(/;;$/, ''));
}

/** The list with our part in it; `undefined` for a setting that is no list. */
function extendedList({ name, value }: Setting, current: string): string | undefined {
  // Before the folders that are there: another file of the same name must not be loaded instead of the handler.
  if (name === 'lua_package_path') return `${value.replace(/;;$/, '')};${current}`;
  const wanted = NAMES[name];
  if (wanted === undefined) return undefined;
  const names = current.split(',').map((item) => item.trim());
  if (names.includes(wanted)) return current;
  // `plugins = off` loads none; ours alone is what is meant then.
  return names.join('') === 'off' || names.join('') === '' ? wanted : [...names, wanted].join(',');
}
