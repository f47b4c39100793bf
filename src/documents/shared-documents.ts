import { LRUCache } from 'lru-cache';
import { renewalChannel } from '../telemetry/channels';

/** A document that can be fetched anew now, or something made of one. */
export interface Renewable {
  renew(): Promise<void>;
}

/** Returns what is shared under `identity`, opened when it is not there. */
export type SharedDocuments<D extends Renewable> = (identity: string, open: () => D) => D;

/**
 * Shares documents within a process: everybody who names the same identity gets the same one, so a URL is fetched once
 * for a process. A message on the renewal channel makes all that are still in use be fetched anew, also those that are
 * no longer shared.
 *
 * @param maxShared - the least recently opened go first; one that is gone goes on working for those who have it
 */
export function sharedDocuments<D extends Renewable>(maxShared: number): SharedDocuments<D> {
  const shared = new LRUCache<string, D>({ max: maxShared });
  const inUse = new Set<WeakRef<D>>();
  renewalChannel.subscribe(() => {
    for (const reference of inUse) {
      const document = reference.deref();
      if (document === undefined) inUse.delete(reference);
      else void document.renew();
    }
  });
  return (identity, open) => {
    const known = shared.get(identity);
    if (known !== undefined) return known;
    const opened = open();
    shared.set(identity, opened);
    inUse.add(new WeakRef(opened));
    return opened;
  };
}
