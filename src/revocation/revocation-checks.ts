import type { Config, IssuerConfig, RevocationListConfig } from '../../schema/config';
import { ConfigError } from '../../schema/config-error';
import type { KeySource } from '../core/verification/key-source';
import type { RevocationCheck } from '../core/verification/revocation';
import { keysNameIssuer } from '../core/verification/trust';
import { Refusal } from '../core/refusal/refusal';
import { readCaFile } from '../documents/ca-file';
import { elapsedClock, type Clock } from '../documents/elapsed-clock';
import { FetchError } from '../documents/fetch-error';
import { sharedDocuments } from '../documents/shared-documents';
import type { Log } from '../telemetry/log';
import { DocumentList, LIST_TYPE, type ListDependencies } from './document-list';
import { listUnavailable } from './list-unavailable';
import type { ListSource } from './list-source';
import { RedisList } from './redis-list';
import type { RevocationTable } from './revocation-table';
import { createStatusLists } from './status-lists';

/** What {@link createRevocationChecks} needs from the outside. */
export interface RevocationDependencies {
  /** The time, in milliseconds since the epoch. */
  readonly now: Clock;
  readonly log: Log;
  /** Opens an issuer's keys, which verify its signed lists. */
  readonly keySourceFor: (issuer: IssuerConfig) => KeySource;
  /** A clock that never steps back, in milliseconds. */
  readonly monotonic?: Clock;
  /** A number from 0 to 1, for jitter. */
  readonly random?: () => number;
}

/** Lists that are shared; one that falls out goes on working for who has it. */
const MAX_SHARED_LISTS = 256;

/**
 * Returns a function that opens the lists of a configuration and returns the check of tokens against them; `undefined`
 * when none is configured. A list is shared by everything that was opened through it with the same settings, so it is
 * read once for a process: make one of these for each process.
 *
 * What it returns throws a `ConfigError` for a `ca_file` that cannot be read or holds no certificate.
 */
export function createRevocationChecks({
  now: wallClock,
  log,
  keySourceFor,
  monotonic = () => performance.now(),
  random = Math.random,
}: RevocationDependencies): (config: Config) => RevocationCheck | undefined {
  const shared = sharedDocuments<ListSource>(MAX_SHARED_LISTS);
  const dependencies: ListDependencies = { now: elapsedClock(wallClock, monotonic), wallClock, random, log };
  const statusLists = createStatusLists(dependencies);
  return (config) => {
    const lists = config.revocationLists.map((list, index) => {
      const path = `config.revocation_lists[${index + 1}]`;
      checkCaFile(list.listFetch.caFile, `${path}.list_fetch.ca_file`);
      checkCaFile(list.redis?.caFile ?? null, `${path}.redis.ca_file`);
      const signer = list.signed ? config.issuers.find(({ issuer }) => issuer === list.issuer) : undefined;
      const source = shared(JSON.stringify([list, signer]), () => openList(list, signer, keySourceFor, dependencies));
      return listCheck(source, list.allowUnavailable);
    });
    for (const [index, { statusList }] of config.issuers.entries()) {
      checkCaFile(statusList?.listFetch.caFile ?? null, `config.issuers[${index + 1}].status_list.list_fetch.ca_file`);
    }
    const hasStatusLists = config.issuers.some(({ statusList }) => statusList !== null);
    const checks = hasStatusLists ? [...lists, statusLists] : lists;
    return checks.length === 0 ? undefined : everyOf(checks);
  };
}

function openList(
  list: RevocationListConfig,
  signer: IssuerConfig | undefined,
  keySourceFor: (issuer: IssuerConfig) => KeySource,
  dependencies: ListDependencies,
): ListSource {
  const { redis } = list;
  if (redis !== null) return new RedisList({ ...list, redis }, dependencies);
  const signing = signer && {
    keys: keySourceFor(signer),
    iss: keysNameIssuer(signer) ? signer.issuer : undefined,
    algorithms: signer.algorithms,
    type: LIST_TYPE,
  };
  return new DocumentList(list, signing, dependencies);
}

/** Asks one list. Only a list that cannot be used now is waited for. */
function listCheck(source: ListSource, allowUnavailable: boolean): RevocationCheck {
  return (token, nowSeconds, observe) => {
    const judge = (table: RevocationTable | undefined): Refusal | undefined => {
      if (table === undefined) {
        observe?.('revocation', `the list is not available; allow_unavailable is ${allowUnavailable}`);
        if (allowUnavailable) return undefined;
        return listUnavailable('no usable list of revoked tokens', source.name, source);
      }
      const kind = table.findRevocation(token.claims, nowSeconds);
      observe?.('revocation', `${table.size} entries; ${kind === undefined ? 'none fits' : `one fits by ${kind}`}`);
      return kind === undefined ? undefined : new Refusal('token_revoked', `a revocation list names its ${kind}`);
    };
    const table = source.current();
    return table === undefined ? source.load().then(judge) : judge(table);
  };
}

/** The first refusal counts. Synchronous as long as the checks are. */
function everyOf(checks: readonly RevocationCheck[]): RevocationCheck {
  return (token, nowSeconds, observe) => {
    let index = 0;
    const next = (): ReturnType<RevocationCheck> => {
      for (let check = checks[index]; check !== undefined; check = checks[index]) {
        index += 1;
        const found = check(token, nowSeconds, observe);
        if (found instanceof Promise) return found.then((refusal) => refusal ?? next());
        if (found !== undefined) return found;
      }
      return undefined;
    };
    return next();
  };
}

/** The file is read again for every use; here a mistake is found while the configuration is being loaded. */
function checkCaFile(path: string | null, field: string): void {
  if (path === null) return;
  try {
    readCaFile(path);
  } catch (error) {
    if (!(error instanceof FetchError)) throw error;
    throw new ConfigError(field, error.message);
  }
}
