import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { CommandFailure } from './command-failure';
import { unreadable } from './diagnosis';

/** A line about a refusal, as Kong's log or that of another door has it. */
export interface LoggedRefusal {
  /** What precedes the line, such as Kong's time and level. */
  readonly before: string;
  readonly fields: Readonly<Record<string, string>>;
}

/**
 * Finds the line about a refused request in a log, of any size.
 *
 * @param requestId - the `request_id` of the answer
 * @throws CommandFailure when the log cannot be read or does not have it
 */
export async function findLoggedRefusal(path: string, requestId: string): Promise<LoggedRefusal> {
  const input = path === '-' ? process.stdin : createReadStream(path);
  const lines = createInterface({ input, crlfDelay: Infinity });
  const failed = new Promise<never>((_, reject) => {
    input.on('error', (error: unknown) => {
      reject(unreadable(path, error));
    });
  });
  return Promise.race([failed, search(lines, path, requestId)]);
}

async function search(lines: AsyncIterable<string>, path: string, requestId: string): Promise<LoggedRefusal> {
  const wanted = `request_id=${requestId} `;
  for await (const line of lines) {
    const at = line.indexOf('request refused ');
    if (at < 0 || !line.includes(wanted)) continue;
    return { before: line.slice(0, at).trim(), fields: fieldsOf(line.slice(at)) };
  }
  throw new CommandFailure(
    `${path}: no refusal with the id ${requestId}. Is it this node's log, with log_level = notice or below? In a flood, most lines are left out (unwritten=…).`,
  );
}

/** Returns an explanation for people, one field a line. */
export function loggedRefusalText({ before, fields }: LoggedRefusal): string {
  const { code = 'unknown' } = fields;
  const rows: readonly (readonly [string, string])[] = [
    ...(before === '' ? [] : [['logged', before] as const]),
    ...Object.entries(fields),
    ['cure', `docs/ERRORS.md, row ${code}`],
  ];
  return rows.map(([label, text]) => `${label.padEnd(10)} ${text}\n`).join('');
}

/** Reads `name=value name="other value"`. */
function fieldsOf(text: string): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const [, name = '', quoted, plain = ''] of text.matchAll(
    /(?<=\s)([a-z_]+)=(?:("(?:[^"\\]|\\.)*")|([^\s,"]*))/g,
  )) {
    fields[name] ??= quoted === undefined ? plain : unquoted(quoted);
  }
  return fields;
}

function unquoted(text: string): string {
  try {
    return String(JSON.parse(text));
  } catch {
    return text;
  }
}
