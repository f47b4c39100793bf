/**
 * Log lines for Kong's error log: one line a record, `level: message key=value …`, on stderr. Kong copies a plugin
 * server's stderr into its own error log (Kong 3.9.3: at `info`) and adds the time itself; stdout must stay clean,
 * because Kong reads the dump from it.
 *
 * Nothing that comes from a token (its text, a claim's value) and no key material may be passed in `fields`.
 */

/** Severities in Kong's own words, from most to least severe. */
export const LOG_LEVELS = ['error', 'warn', 'notice', 'info', 'debug'] as const;

/** One of {@link LOG_LEVELS}. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** What may be attached to a log record. `undefined` members are left out. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** A logger: writes one record when `level` is enabled, otherwise does nothing. */
export type Log = (level: LogLevel, message: string, fields?: LogFields) => void;

/** A {@link Log} whose threshold can be asked, so that hot paths can skip building `fields`. */
export interface Logger {
  readonly log: Log;
  isEnabled(level: LogLevel): boolean;
}

/** Environment variable that sets the threshold when no flag does; default `notice`. */
export const LOG_LEVEL_VARIABLE = 'JWT_IDENTITY_LOG_LEVEL';

/** Whether `text` is one of {@link LOG_LEVELS}. */
export function isLogLevel(text: string | undefined): text is LogLevel {
  return (LOG_LEVELS as readonly (string | undefined)[]).includes(text);
}

/** Returns one log line without its line end; control characters are escaped, so a value can never start a new line. */
export function formatRecord(level: LogLevel, message: string, fields: LogFields = {}): string {
  const text = formatFields(fields);
  return `${level}: ${escapeControls(message)}${text === '' ? '' : ` ${text}`}`;
}

/** Returns fields as they are written in a log line: `name=value name="other value"`. */
export function formatFields(fields: LogFields): string {
  return Object.entries(fields)
    .flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${quoteIfNeeded(String(value))}`]))
    .join(' ');
}

/**
 * Returns a logger that writes to stderr.
 *
 * @param threshold - the least severe level that is written; an unknown text means `notice`
 * @param write - where lines go; stderr unless a test says otherwise
 */
export function createLogger(
  threshold: string | undefined = process.env[LOG_LEVEL_VARIABLE],
  write: (line: string) => void = (line) => process.stderr.write(line),
): Logger {
  const limit = LOG_LEVELS.indexOf(isLogLevel(threshold) ? threshold : 'notice');
  const isEnabled = (level: LogLevel): boolean => LOG_LEVELS.indexOf(level) <= limit;
  return {
    isEnabled,
    log: (level, message, fields) => {
      if (isEnabled(level)) write(`${formatRecord(level, message, fields)}\n`);
    },
  };
}

function quoteIfNeeded(text: string): string {
  return /^[\x21\x23-\x3c\x3e-\x7e]+$/.test(text) ? text : escapeControls(JSON.stringify(text));
}

/** Returns a text in which nothing can start a new line or move the reader's cursor. */
export function escapeControls(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, (char) => {
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
