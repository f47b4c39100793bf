import { parseDocument } from 'yaml';
import { ConfigurationError } from './configuration-error';

/**
 * Returns what a kong.yml says. Like Kong, it reads YAML 1.1 (`yes` is true), anchors and `<<` merge keys; unlike
 * Kong, it refuses a key that stands twice in one map.
 *
 * @throws {@link ConfigurationError} with line and column
 */
export function readYaml(text: string): unknown {
  const document = parseDocument(text, {
    version: '1.1',
    merge: true,
    // Kong 3.9.3 (lyaml): a date stays the text it is.
    customTags: (tags) => tags.filter((tag) => tag !== 'timestamp'),
    prettyErrors: true,
  });
  const [error] = document.errors;
  if (error !== undefined) throw unreadable(error);
  try {
    return document.toJS({ maxAliasCount: 10_000 });
  } catch (cause) {
    throw unreadable(cause as Error);
  }
}

function unreadable({ message }: Error): ConfigurationError {
  return new ConfigurationError([{ field: '', message: `not readable as YAML: ${message.split('\n')[0] ?? ''}` }]);
}
