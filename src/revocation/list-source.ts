import type { FetchError } from '../documents/fetch-error';
import type { Renewable } from '../documents/shared-documents';
import type { RevocationTable } from './revocation-table';

/** A list of revoked tokens that is kept up to date, wherever it comes from. */
export interface ListSource extends Renewable {
  /** Returns the list if it may be used now. Synchronous and cheap. */
  current(): RevocationTable | undefined;
  /** Waits for the list, for a bounded time, and returns it if it may be used then. Never rejects. */
  load(): Promise<RevocationTable | undefined>;
  /** Whole seconds until the next attempt to get the list, at least 1. */
  readonly retryAfterSeconds: number;
  /** Where the list comes from, as the log calls it. */
  readonly name: string;
  /** Why the last attempt failed, when it did and the reason holds nothing of the list. */
  readonly failure: FetchError | undefined;
}
