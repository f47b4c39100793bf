import { readFileSync, statSync } from 'node:fs';
import type { Log } from '../telemetry/log';

/** What {@link watchedFile} needs from the outside. */
export interface WatchedFileDependencies {
  /** The time, in milliseconds since the epoch. */
  readonly now: () => number;
  readonly log: Log;
}

/** How often the file is looked at while it is in use, in milliseconds. */
const LOOK_EVERY_MS = 5_000;

/**
 * Returns a function that returns what `parse` makes of the file. It is read now; while it is in use it is looked at
 * every few seconds and read again when it was replaced or changed. What cannot be read or parsed then is said in the
 * log, and what was there before stays.
 *
 * @param parse - its errors must not quote the file
 * @throws what `readFileSync` or `parse` throw, now
 */
export function watchedFile<T>(
  path: string,
  parse: (text: string) => T,
  { now, log }: WatchedFileDependencies,
): () => T {
  let version = versionOf(path);
  let current = parse(readFileSync(path, 'utf8'));
  let lookAt = now() + LOOK_EVERY_MS;
  return () => {
    if (now() < lookAt) return current;
    lookAt = now() + LOOK_EVERY_MS;
    try {
      const found = versionOf(path);
      if (found === version) return current;
      version = found;
      current = parse(readFileSync(path, 'utf8'));
      log('notice', 'a file was read again', { path });
    } catch (error) {
      log('error', 'a file cannot be used, what was read before stays', { path, reason: (error as Error).message });
    }
    return current;
  };
}

/** Tells a file from the one that was there before; also one that was moved there, as a mounted secret is. */
function versionOf(path: string): string {
  const { ino, size, mtimeMs } = statSync(path);
  return `${ino} ${size} ${mtimeMs}`;
}
