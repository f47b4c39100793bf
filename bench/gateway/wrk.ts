import { execFile, spawnSync } from 'node:child_process';
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

/** Asks for a URL over 32 connections, again and again. @throws when there were connection errors or timeouts */
export async function runWrk(url: string, headers: readonly string[], seconds: number): Promise<Load> {
  const flags = ['--threads', '1', '--connections', '32', '--duration', `${seconds}s`, '--latency'];
  const { stdout } = await promisify(execFile)('wrk', [
    ...flags,
    ...headers.flatMap((line) => ['--header', line]),
    url,
  ]);
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

function milliseconds(text = ''): number {
  const [, value = 'NaN', unit = ''] = /^([\d.]+)(us|ms|s)$/.exec(text) ?? [];
  return Number(value) * ({ us: 1e-3, ms: 1, s: 1e3 }[unit] ?? Number.NaN);
}
