import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

/** What came out of a load. */
export interface Load {
  readonly requests: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Answers that were not 2xx or 3xx. */
  readonly refused: number;
}

/** Whether there is a `wrk` on PATH (Debian: the package of this name). */
export function hasWrk(): boolean {
  return spawnSync('wrk', ['--version']).error === undefined;
}

/**
 * Asks for a URL over 32 connections, again and again.
 *
 * @param tokens - header lines; requests carry one after the other
 * @param paths - paths that requests ask for, one after the other, instead of the URL's
 * @throws when there were connection errors or timeouts
 */
export async function runWrk(
  url: string,
  headers: readonly string[],
  seconds: number,
  tokens: readonly string[] = [],
  paths: readonly string[] = [],
): Promise<Load> {
  const script = tokens.length + paths.length === 0 ? undefined : scriptFor(tokens, paths);
  const flags = ['--threads', '1', '--connections', '32', '--duration', `${seconds}s`, '--latency'];
  if (script !== undefined) flags.push('--script', script);
  const { stdout } = await promisify(execFile)('wrk', [
    ...flags,
    ...headers.flatMap((line) => ['--header', line]),
    url,
  ]);
  if (script !== undefined) rmSync(dirname(script), { recursive: true });
  const number = (pattern: RegExp): number => Number(pattern.exec(stdout)?.[1] ?? 0);
  if (stdout.includes('Socket errors')) throw new Error(`${url}: ${stdout}`);
  return {
    requests: number(/(\d+) requests in/),
    perSecond: number(/Requests\/sec:\s+([\d.]+)/),
    p50Ms: milliseconds(/^\s+50%\s+(\S+)/m.exec(stdout)?.[1]),
    p99Ms: milliseconds(/^\s+99%\s+(\S+)/m.exec(stdout)?.[1]),
    refused: number(/Non-2xx or 3xx responses: (\d+)/),
  };
}

/** Writes a script with which wrk sends one of these header lines, and asks for one of these paths, after the other. */
function scriptFor(lines: readonly string[], paths: readonly string[]): string {
  const file = join(mkdtempSync(join(tmpdir(), 'wrk-')), 'load.lua');
  const list = (texts: readonly string[]): string => texts.map((text) => `"${text}",`).join('\n');
  writeFileSync(
    file,
    `local tokens, paths, next = {\n${list(lines.map((line) => line.replace('Authorization: ', '')))}\n}, {\n${list(paths)}\n}, 0
function request()
  next = next + 1
  if #tokens > 0 then wrk.headers["Authorization"] = tokens[next % #tokens + 1] end
  return wrk.format(nil, #paths > 0 and paths[next % #paths + 1] or nil)
end
`,
  );
  return file;
}

function milliseconds(text = ''): number {
  const [, value = 'NaN', unit = ''] = /^([\d.]+)(us|ms|s)$/.exec(text) ?? [];
  return Number(value) * ({ us: 1e-3, ms: 1, s: 1e3 }[unit] ?? Number.NaN);
}
