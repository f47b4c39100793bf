import type { Config, IssuerConfig } from '../../../schema/config';
import { issuerTemplate, withTenant } from '../../../schema/issuer-template';
import { UNKNOWN_PROXY } from '../../diagnostics/entry';
import type { Inspection } from '../../diagnostics/inspection';
import { FetchError } from '../../documents/fetch-error';
import { inspectIssuer, type IssuerInspection } from '../../keys/issuer-inspection';
import { describeKey } from '../../keys/key-findings';
import { createKeySources } from '../../keys/key-sources';
import { inspectRevocationList } from '../../revocation/list-inspection';
import { issuerFindings } from './issuer-findings';

/** What was asked, and what came: a line for people, whether or not something is wrong. */
export interface Asked {
  /** A URL, or the path of a list. */
  readonly target: string;
  /** Begins with {@link NOT_ASKED} when nobody was. */
  readonly seen: string;
}

/** Before the reason for which something was not asked. */
export const NOT_ASKED = 'not asked: ';

/** Most issuers and lists that are asked for one file. */
const MAX_ASKED = 200;
/** How many are asked at once. */
const MAX_AT_ONCE = 4;

interface Question {
  /** What makes it the same as another one. */
  readonly identity: unknown;
  /** Fields to which findings belong, as paths. */
  readonly paths: string[];
  readonly ask: (tell: (field: string, severity: 'error' | 'warning', message: string) => void) => Promise<Asked[]>;
}

/**
 * Asks the issuers and reads the revocation lists of a file, and adds what does not fit to its findings. Equal entries are
 * asked once. It sends GET requests only, with the plugin's own fetcher and limits.
 */
export async function inspectOnline({ entries, report }: Inspection, maxAsked = MAX_ASKED): Promise<Asked[]> {
  const questions = new Map<string, Question>();
  for (const { path, config } of entries) {
    for (const { paths, ...question } of questionsOf(config)) {
      const key = JSON.stringify(question.identity);
      const known = questions.get(key) ?? { ...question, paths: [] };
      questions.set(key, { ...known, paths: [...known.paths, ...paths.map((field) => `${path}.config.${field}`)] });
    }
  }
  const all = [...questions.values()];
  const asked = await inTurns(all.slice(0, maxAsked), ({ paths, ask }) =>
    ask((field, severity, message) => {
      for (const path of paths) report(severity, `${path}.${field}`, message);
    }),
  );
  const more = all.length - maxAsked;
  return more <= 0
    ? asked.flat()
    : [...asked.flat(), { target: `${more} more`, seen: `${NOT_ASKED}they are too many` }];
}

function questionsOf(config: Config): Question[] {
  const keySourceFor = createKeySources({ now: Date.now, log: () => undefined });
  return [
    ...config.issuers.map((issuer, index): Question => ({
      identity: [issuer.issuer, issuer.jwksUri, issuer.discovery, issuer.jwks, issuer.algorithms, issuer.keyFetch],
      paths: [`issuers[${index + 1}]`],
      ask: async (tell) => {
        const asked = askable(issuer);
        if (typeof asked === 'string') return [{ target: issuer.issuer, seen: `${NOT_ASKED}${asked}` }];
        const inspection = await inspectIssuer(asked);
        for (const { field, severity, message } of issuerFindings(asked, inspection)) tell(field, severity, message);
        return seenOf(asked, inspection);
      },
    })),
    ...config.revocationLists.map((list, index): Question => ({
      identity: [list, list.signed ? config.issuers : null],
      paths: [`revocation_lists[${index + 1}]`],
      ask: async (tell) => {
        const found = await inspectRevocationList(list, config.issuers, keySourceFor);
        const target = list.url ?? list.file ?? 'Redis';
        if ('notAsked' in found) return [{ target, seen: `${NOT_ASKED}${found.notAsked}` }];
        if ('entries' in found) return [{ target, seen: `${found.entries} entries` }];
        const what = list.allowUnavailable ? 'revoked tokens are accepted' : 'requests are answered with 503';
        const severity = list.allowUnavailable ? 'warning' : 'error';
        tell(list.url === null ? 'file' : 'url', severity, `the list cannot be used, so ${what}: ${found.problem}`);
        return [{ target, seen: found.problem }];
      },
    })),
  ];
}

/** The entry that is asked: of a template, that of its first tenant where each has keys of its own. Or why none is. */
function askable(entry: IssuerConfig): IssuerConfig | string {
  if (entry.keyFetch.proxyUrl === UNKNOWN_PROXY) return 'proxy_url is in a vault that is not looked up here';
  const template = issuerTemplate(entry.issuer);
  const hasOwnKeys = entry.discovery !== null || entry.jwksUri?.includes('{') === true;
  const [tenant] = entry.tenants ?? [];
  if (typeof template !== 'object' || !hasOwnKeys || tenant === undefined) return entry;
  const jwksUri = entry.jwksUri === null ? null : withTenant(entry.jwksUri, template, tenant);
  return { ...entry, issuer: withTenant(entry.issuer, template, tenant), jwksUri };
}

function seenOf({ issuer, jwksUri }: IssuerConfig, { metadata, keySet }: IssuerInspection): Asked[] {
  const document = { target: `discovery document of ${issuer}`, seen: '' };
  const asked: Asked[] =
    metadata === undefined ? [] : [{ ...document, seen: metadata instanceof FetchError ? metadata.message : 'found' }];
  if (keySet === undefined) return asked;
  if (keySet instanceof FetchError) return [...asked, { target: jwksUri ?? `keys of ${issuer}`, seen: keySet.message }];
  const { keys, skipped, uri } = keySet;
  const list = [...keys.map(describeKey), ...skipped.map((reason) => `not used: ${reason}`)];
  return [...asked, { target: uri, seen: `${keys.length} usable keys (${list.slice(0, 20).join('; ')})` }];
}

/** Runs tasks, a few at a time, and returns what they return, in their order. */
async function inTurns<T, R>(tasks: readonly T[], run: (task: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < tasks.length; index = next++) {
      results[index] = await run(tasks[index] as T);
    }
  };
  await Promise.all(Array.from({ length: MAX_AT_ONCE }, worker));
  return results;
}
