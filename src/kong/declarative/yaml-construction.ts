import { isAlias, isMap, isScalar, isSeq, type Node, type ParsedNode, type Scalar, type YAMLMap } from 'yaml';
import { readScalar, ScalarError } from './yaml-scalar';

/** What a document cannot be turned into, and where it stands, counted in characters from the start of the file. */
export class ConstructionError extends Error {
  override readonly name = 'ConstructionError';

  constructor(
    message: string,
    readonly offset: number,
  ) {
    super(message);
  }
}

/** Most nodes that a file may have once every alias stands for what it names. */
const MAX_NODES = 1_000_000;

/** A value, and of how many nodes it is made with all aliases followed. */
interface Built {
  readonly value: unknown;
  readonly nodes: number;
}

/** What is the same for all nodes of a document. */
interface Run {
  /** The file. */
  readonly text: string;
  /** What anchors name; `null` while what they name is not complete. */
  readonly anchors: Map<string, Built | null>;
}

/**
 * Returns what the nodes of one document say, as Kong 3.9.3 (lyaml) does: `<<` merges maps, also when it is quoted,
 * and what stands in a map already is not merged into it; what comes later replaces what was merged. Tags of maps and
 * lists mean nothing. Unlike Kong, it refuses a key that occurs twice in a map and keys that are not texts.
 *
 * @param root - from a parser that leaves scalars as they are written
 * @param text - the file that was parsed
 * @throws {@link ConstructionError}, which quotes nothing of the file
 */
export function construct(root: ParsedNode | null, text: string): unknown {
  return root === null ? null : build(root, { text, anchors: new Map() }, false).value;
}

function build(node: Node | null, run: Run, isInFlow: boolean): Built {
  const { anchors } = run;
  if (isAlias(node)) return aliased(node, anchors);
  const anchor = (node as { anchor?: string } | null)?.anchor;
  // Kong 3.9.3 (libyaml): nothing else may be in the name of an anchor.
  if (anchor !== undefined && !/^[\w-]+$/.test(anchor)) throw new ConstructionError('Unusable anchor', offsetOf(node));
  if (anchor !== undefined) anchors.set(anchor, null);
  const built = isScalar(node) || node === null ? scalar(node, run.text, isInFlow) : collection(node, run);
  if (built.nodes > MAX_NODES) throw new ConstructionError('Excessive use of aliases', offsetOf(node));
  if (anchor !== undefined) anchors.set(anchor, built);
  return built;
}

function aliased(node: Node & { source: string }, anchors: Run['anchors']): Built {
  const built = anchors.get(node.source);
  if (built === undefined) throw new ConstructionError('Alias without an anchor before it', offsetOf(node));
  if (built === null) throw new ConstructionError('Alias that leads to itself', offsetOf(node));
  return built;
}

function scalar(node: Scalar | null, file: string, isInFlow: boolean): Built {
  const text = node?.source ?? '';
  const isPlain = node === null || node.type === 'PLAIN';
  // Kong 3.9.3 (libyaml, lyaml): refuses the first two, and reads no further than a NUL.
  const isHalf = node?.type === 'QUOTE_DOUBLE' && HALF_CHARACTER.test(file.slice(...(node.range ?? [0, 0])));
  if (isHalf || (isPlain && isInFlow && text.startsWith(':')) || text.includes('\0')) {
    throw new ConstructionError('Text that Kong cannot read', offsetOf(node));
  }
  try {
    return { value: readScalar(text, isPlain, node?.tag), nodes: 1 };
  } catch (error) {
    if (!(error instanceof ScalarError)) throw error;
    throw new ConstructionError(error.message, offsetOf(node));
  }
}

/** One half of a surrogate pair, as JSON escapes what has no 16-bit code. */
const HALF_CHARACTER = /(?<!\\)(?:\\\\)*\\u[dD][89a-fA-F]/;

function collection(node: Node, run: Run): Built {
  if (isMap(node)) return map(node, run);
  if (!isSeq(node)) throw new ConstructionError('Unexpected node', offsetOf(node));
  const items = node.items.map((item) => build(item as Node | null, run, node.flow === true));
  return { value: items.map(({ value }) => value), nodes: sum(items) };
}

function map(node: YAMLMap, run: Run): Built {
  const isInFlow = node.flow === true;
  const members = new Map<string, unknown>();
  const written = new Set<string>();
  let nodes = 1;
  for (const pair of node.items) {
    const keyNode = pair.key as Node | null;
    const key = build(keyNode, run, isInFlow);
    const value = build(pair.value as Node | null, run, isInFlow);
    nodes += key.nodes + value.nodes;
    if (typeof key.value !== 'string') throw new ConstructionError('Map key that is not text', offsetOf(keyNode));
    if (key.value === '<<' || (isScalar(keyNode) && keyNode.tag === 'tag:yaml.org,2002:merge')) {
      for (const [name, member] of merged(value.value, keyNode)) if (!members.has(name)) members.set(name, member);
      continue;
    }
    if (written.has(key.value)) throw new ConstructionError('Map keys must be unique', offsetOf(keyNode));
    written.add(key.value);
    members.set(key.value, value.value);
  }
  return { value: Object.fromEntries(members), nodes };
}

function merged(source: unknown, keyNode: Node | null): [string, unknown][] {
  const sources: readonly unknown[] = Array.isArray(source) ? source : [source];
  return sources.flatMap((item) => {
    if (typeof item === 'object' && item !== null && !Array.isArray(item)) return Object.entries(item);
    throw new ConstructionError('Merge key (<<) without a map', offsetOf(keyNode));
  });
}

function sum(parts: readonly Built[]): number {
  return parts.reduce((total, { nodes }) => total + nodes, 1);
}

function offsetOf(node: Node | null): number {
  return node?.range?.[0] ?? 0;
}
