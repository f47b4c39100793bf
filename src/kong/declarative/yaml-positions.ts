import { isAlias, isMap, isScalar, isSeq, type Document, type Node, type Pair, type YAMLMap } from 'yaml';
import { parseYaml } from './yaml';

/** A place in a file, both from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/**
 * Returns the place of what a path such as `services[1].plugins[2].config.issuers[1].issuer` leads to. A member whose name
 * may hold dots or brackets is written as {@link memberStep} does.
 */
export type PositionOf = (path: string) => Position;

/**
 * Returns where the things of a kong.yml stand. What an alias or a merge key (`<<`) brings in stands where its anchor
 * is, so that a fault in it is one fault, however often it is used. Of what is not there, it returns the place of the
 * closest thing around it.
 *
 * @param text - a file that `readYaml` takes
 */
export function yamlPositions(text: string): PositionOf {
  const { documents, lineCounter } = parseYaml(text);
  const [document] = documents;
  return (path) => {
    const offset = document === undefined ? 0 : offsetOf(document, stepsOf(path));
    const { line, col } = lineCounter.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
}

/** Returns the step of a path that leads to a member, whatever its name is: `["a.b"]`. */
export function memberStep(name: string): string {
  return `[${JSON.stringify(name)}]`;
}

/** A member's name, or the position of an item from 1. */
type Step = string | number;

function stepsOf(path: string): Step[] {
  return [...path.matchAll(/\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]|([^.[\]]+)/g)].map(([, item, quoted, member = '']) => {
    if (item !== undefined) return Number(item);
    return quoted === undefined ? member : (JSON.parse(quoted) as string);
  });
}

function offsetOf(document: Document.Parsed, steps: readonly Step[]): number {
  let value: Node | null = followed(document, document.contents);
  let place: Node | null = value;
  for (const step of steps) {
    const pair: Pair | undefined = typeof step === 'string' && isMap(value) ? pairOf(document, value, step) : undefined;
    const item: unknown = typeof step === 'number' && isSeq(value) ? value.items[step - 1] : undefined;
    if (pair === undefined && item === undefined) break;
    value = followed(document, (pair === undefined ? item : pair.value) as Node | null);
    place = pair === undefined ? value : (pair.key as Node);
  }
  return place?.range?.[0] ?? 0;
}

function followed(document: Document.Parsed, node: Node | null): Node | null {
  return isAlias(node) ? (node.resolve(document) ?? node) : node;
}

/** The member of a map, or of what is merged into it. */
function pairOf(document: Document.Parsed, map: YAMLMap, name: string): Pair | undefined {
  const isNamed = ({ key }: Pair, wanted: string): boolean => isScalar(key) && key.value === wanted;
  const own = map.items.find((pair) => isNamed(pair, name));
  if (own !== undefined) return own;
  for (const merge of map.items.filter((pair) => isNamed(pair, '<<'))) {
    const source = followed(document, merge.value as Node | null);
    for (const each of isSeq(source) ? source.items : [source]) {
      const merged = followed(document, each as Node | null);
      const found = isMap(merged) ? pairOf(document, merged, name) : undefined;
      if (found !== undefined) return found;
    }
  }
  return undefined;
}
