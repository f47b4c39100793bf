import { closeSync, openSync } from 'node:fs';

/**
 * Closes this process's stdout and stderr, so that their readers see the end. What is written later is lost.
 *
 * For a worker that outlives its supervisor. Kong 3.9.3: a plugin server's output is read to its end before its exit is
 * noticed, and only then another server is started.
 */
export function releaseOutput(): void {
  for (const stream of [process.stdout, process.stderr]) {
    // Another thread may take the descriptor between the two calls: nothing may be written into what it opens.
    stream.write = () => true;
    closeSync(stream.fd);
    openSync('/dev/null', 'w');
  }
}
