import { type FileKind, useTrustedFile } from '../files/trusted-file';
import { renewalChannel } from '../telemetry/channels';
import type { Log } from '../telemetry/log';

/** What {@link watchedFile} needs from the outside. */
export interface WatchedFileDependencies {
  /** The time, in milliseconds since the epoch. */
  readonly now: () => number;
  readonly log: Log;
}

/** How often the file is looked at while it is in use, in milliseconds. */
const LOOK_EVERY_MS = 5_000;

/** How often somebody wanted all files to be read anew. Counted, so that nothing keeps a file that is not used. */
let renewals = 0;
renewalChannel.subscribe(() => {
  renewals += 1;
});

/**
 * Returns a function that returns what `parse` makes of the file. It is read now; while it is in use it is looked at
 * every few seconds and read again when it was replaced or changed, and at the next use after a message on the renewal
 * channel. What cannot be read or parsed then is said in the log, and what was there before stays.
 *
 * @param kind - who may read and write it; see {@link useTrustedFile}
 * @param parse - told what it made of the file before, if anything; its errors must not quote the file
 * @throws what {@link useTrustedFile} or `parse` throw, now
 */
export function watchedFile<T>(
  path: string,
  kind: FileKind,
  parse: (text: string, before: T | undefined) => T,
  { now, log }: WatchedFileDependencies,
): () => T {
  let { version, current } = useTrustedFile(path, kind, (file) => ({
    version: file.version,
    current: parse(file.read(), undefined),
  }));
  let lookAt = now() + LOOK_EVERY_MS;
  let renewal = renewals;
  let isRenewalDue = false;
  return () => {
    if (now() < lookAt && renewal === renewals) return current;
    lookAt = now() + LOOK_EVERY_MS;
    // Once a message, whatever comes of it: a file that cannot be opened must not be tried with each request.
    isRenewalDue ||= renewal !== renewals;
    renewal = renewals;
    try {
      useTrustedFile(path, kind, (file) => {
        if (file.version === version && !isRenewalDue) return;
        version = file.version;
        isRenewalDue = false;
        current = parse(file.read(), current);
        log('notice', 'file reloaded', { path });
      });
    } catch (error) {
      log('error', 'file cannot be used, the previous version stays in use', {
        path,
        reason: (error as Error).message,
      });
    }
    return current;
  };
}
