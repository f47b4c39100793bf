import { type Document, isAlias, LineCounter, parseDocument, visit, type YAMLParseError } from 'yaml';
import { ConfigurationError } from './configuration-error';

/** Kong 3.9.3 (lyaml) has no such values: what is written so stays the text, list or map that it is without its tag. */
const UNKNOWN_TO_KONG = ['binary', 'omap', 'pairs', 'set', 'timestamp'].map((name) => `tag:yaml.org,2002:${name}`);

/** Instead of the library's messages that quote the file, of which any part may be a secret, or speak of its API. */
const OWN_WORDS: Readonly<Partial<Record<YAMLParseError['code'], string>>> = {
  BAD_DQ_ESCAPE: 'Invalid escape sequence',
  MULTIPLE_DOCS: 'A second document begins',
  RESOURCE_EXHAUSTION: 'Nested too deeply',
  TAG_RESOLVE_FAILED: 'Unusable tag',
  UNEXPECTED_TOKEN: 'Unexpected characters',
};

/**
 * Returns what a kong.yml says, as maps, lists and what JSON has besides. Like Kong, it reads YAML 1.1 (`yes` is true),
 * anchors and `<<` merge keys; unlike Kong, it refuses a key that stands twice in one map.
 *
 * @throws {@link ConfigurationError} with line and column where they are known, which quotes nothing of the file
 */
export function readYaml(text: string): unknown {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, {
    version: '1.1',
    merge: true,
    customTags: (tags) => tags.filter((tag) => !UNKNOWN_TO_KONG.includes(typeof tag === 'string' ? tag : tag.tag)),
    resolveKnownTags: false,
    prettyErrors: false,
    lineCounter,
    // A warning would go to stderr and quote the file.
    logLevel: 'error',
  });
  const placed = (message: string, offset: number): ConfigurationError => {
    const { line, col } = lineCounter.linePos(offset);
    return unreadable(`${message} at line ${line}, column ${col}`);
  };
  const [error] = document.errors;
  if (error !== undefined) throw placed(OWN_WORDS[error.code] ?? error.message, error.pos[0]);
  try {
    return document.toJS({ maxAliasCount: 10_000 });
  } catch (cause) {
    const offset = unresolvedAlias(document);
    if (offset !== undefined) throw placed('Alias without an anchor before it', offset);
    throw unreadable(cause instanceof RangeError ? 'A merge key (<<) leads to itself' : (cause as Error).message);
  }
}

function unreadable(message: string): ConfigurationError {
  return new ConfigurationError([{ field: '', message: `not readable as YAML: ${message}` }]);
}

/** Where the first alias stands that has no anchor before it. */
function unresolvedAlias(document: Document): number | undefined {
  const anchors = new Set<string>();
  let offset: number | undefined;
  visit(document, {
    Node: (_key, node) => {
      if (isAlias(node) && !anchors.has(node.source)) {
        offset = node.range?.[0];
        return visit.BREAK;
      }
      if (!isAlias(node) && node.anchor !== undefined) anchors.add(node.anchor);
      return undefined;
    },
  });
  return offset;
}
