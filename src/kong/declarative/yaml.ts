import { type Document, LineCounter, parseAllDocuments, type YAMLParseError } from 'yaml';
import { ConfigurationError } from './configuration-error';
import { construct, ConstructionError } from './yaml-construction';

/** Instead of the library's messages that quote the file, of which any part may be a secret, or speak of its API. */
const OWN_WORDS: Readonly<Partial<Record<YAMLParseError['code'], string>>> = {
  BAD_DIRECTIVE: 'Unknown directive',
  BAD_DQ_ESCAPE: 'Invalid escape sequence',
  RESOURCE_EXHAUSTION: 'Nested too deeply',
  TAG_RESOLVE_FAILED: 'Unusable tag',
  UNEXPECTED_TOKEN: 'Unexpected characters',
};

/**
 * Kong 3.9.3 (libyaml) refuses control characters and what is no character. It takes U+0085, U+2028 and U+2029 for ends
 * of lines, which YAML 1.2 does not, so what follows one would be read differently.
 */
const STRANGE = /[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;

/**
 * Parses a file, with everything in it that is wrong left to {@link readYaml}. Scalars stay as they are written: what they
 * mean is decided as in Kong.
 */
export function parseYaml(text: string): {
  readonly documents: readonly Document.Parsed[];
  readonly lineCounter: LineCounter;
} {
  const lineCounter = new LineCounter();
  const parsed = parseAllDocuments(text, {
    version: '1.1',
    schema: 'failsafe',
    resolveKnownTags: false,
    uniqueKeys: false,
    prettyErrors: false,
    lineCounter,
    // A warning would go to stderr and quote the file.
    logLevel: 'error',
  });
  return { documents: 'empty' in parsed ? [] : parsed, lineCounter };
}

/**
 * Returns what a kong.yml says, as maps, lists and what JSON has besides. Like Kong, it reads scalars as YAML 1.1 does
 * (`yes` is true, `y` is a text), follows anchors and `<<` merge keys, and takes the first of several documents, when
 * all can be read. Unlike Kong, it refuses a key that occurs twice in one map.
 *
 * @throws {@link ConfigurationError} with line and column where they are known, which quotes nothing of the file
 */
export function readYaml(text: string): unknown {
  const { documents, lineCounter } = parseYaml(text);
  const refuse = (message: string, offset: number): never => {
    const { line, col } = lineCounter.linePos(offset);
    const place = `not readable as YAML: ${message} at line ${line}, column ${col}`;
    throw new ConfigurationError([{ field: '', message: place, position: { line, column: col } }]);
  };
  const strange = STRANGE.exec(text);
  if (strange !== null) refuse('Character that cannot stand in a file', strange.index);
  documents.forEach((document, i) => {
    const [error] = [...document.errors, ...document.warnings.filter(({ code }) => code === 'BAD_DIRECTIVE')];
    if (error !== undefined) refuse(OWN_WORDS[error.code] ?? error.message, error.pos[0]);
    // Kong 3.9.3 (libyaml): only the first document may begin without a mark.
    if (i > 0 && document.directives.docStart !== true) refuse('Document without --- before it', document.range[0]);
  });
  try {
    return documents.map(({ contents }) => construct(contents, text))[0];
  } catch (error) {
    if (error instanceof ConstructionError) return refuse(error.message, error.offset);
    throw error;
  }
}
