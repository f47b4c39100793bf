import { watch } from 'node:fs';
import { basename, dirname } from 'node:path';

/** Editors write a file in several steps; this long after the last one it is read, in milliseconds. */
const SETTLE_MS = 100;

/**
 * Calls back after a file was written, also when it was replaced by another of the same name. Returns what ends it.
 *
 * @throws the error of `fs.watch` when the folder cannot be watched
 */
export function watchFile(path: string, onChange: () => void): () => void {
  let settled: NodeJS.Timeout | undefined;
  // The folder: a file that an editor puts in the place of the old one is another file.
  const watcher = watch(dirname(path), (_, name) => {
    if (name !== null && name !== basename(path)) return;
    clearTimeout(settled);
    settled = setTimeout(onChange, SETTLE_MS);
  });
  return () => {
    clearTimeout(settled);
    watcher.close();
  };
}
