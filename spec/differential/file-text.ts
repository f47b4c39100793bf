/** A scalar that stands in the file exactly so: `y`, `0x1F`, `!!int "5"`. */
export class Raw {
  constructor(readonly text: string) {}
}

/** What a file says. */
export type Tree = null | boolean | number | string | Raw | readonly Tree[] | { readonly [name: string]: Tree };

/** Returns a list or map in YAML: its upper levels as blocks, what is below `flowFrom` levels in brackets. */
export function yamlOf(tree: Tree, flowFrom: number, depth = 0): string {
  const isNested = typeof tree === 'object' && tree !== null && !(tree instanceof Raw);
  if (!isNested || depth >= flowFrom || Object.keys(tree).length === 0) return ` ${flow(tree)}\n`;
  const indent = '  '.repeat(depth);
  const lines = Array.isArray(tree)
    ? tree.map((item: Tree) => `${indent}-${yamlOf(item, flowFrom, depth + 1)}`)
    : Object.entries(tree).map(([name, value]) => `${indent}${scalar(name)}:${yamlOf(value, flowFrom, depth + 1)}`);
  return `${depth === 0 ? '' : '\n'}${lines.join('')}`;
}

function flow(tree: Tree): string {
  if (Array.isArray(tree)) return `[${tree.map(flow).join(', ')}]`;
  if (typeof tree !== 'object' || tree === null || tree instanceof Raw) return scalar(tree);
  return `{${Object.entries(tree)
    .map(([name, value]) => `${scalar(name)}: ${flow(value)}`)
    .join(', ')}}`;
}

/** Plain where that is safe, otherwise in quotes. */
function scalar(value: null | boolean | number | string | Raw): string {
  if (value instanceof Raw) return value.text;
  if (typeof value !== 'string') return JSON.stringify(value);
  if (/^[a-z/][a-z0-9/._-]*$/.test(value) && !/^(y|n|yes|no|on|off|true|false|null)$/.test(value)) return value;
  return /^[^'\\\n]*$/.test(value) && value.length % 2 === 0 ? `'${value}'` : JSON.stringify(value);
}
