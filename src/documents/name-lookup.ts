import type { LookupAddress } from 'node:dns';
import { lookup, Resolver } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';

/** How long name servers may take before the lookup of a name has to wait for its turn, in milliseconds. */
const SLOW_AFTER_MS = 1000;

const pending = new Map<string, Promise<readonly LookupAddress[]>>();
let slowLane: Promise<unknown> = Promise.resolve();

/**
 * Returns the addresses of a name as the system finds them (`/etc/hosts`, search domains, name servers). Rejects as
 * `dns.lookup` does, and when there is no address.
 *
 * A name whose servers do not answer occupies a thread of the process for ten seconds and more, whoever gave up waiting,
 * and libuv lets lookups have two threads only. So one name is looked up once at a time, and all names whose servers did
 * not answer within a second share one thread: they cannot keep other names from being found. The question that tells
 * needs no thread (c-ares); its answer is not used, because it knows neither `/etc/hosts` nor search domains: for
 * `keycloak.dev` it would return a host on the internet, not the service in the namespace `dev`.
 */
export function lookUpName(name: string): Promise<readonly LookupAddress[]> {
  const known = pending.get(name);
  if (known !== undefined) return known;
  const found = addressesOf(name).finally(() => pending.delete(name));
  pending.set(name, found);
  return found;
}

async function addressesOf(name: string): Promise<readonly LookupAddress[]> {
  const find = (): Promise<readonly LookupAddress[]> => lookup(name, { all: true });
  if ((await isInHosts(name)) || (await isAnswered(name))) return find();
  const found = slowLane.then(find);
  slowLane = found.catch(() => undefined);
  return found;
}

/** Whether the file of hosts mentions a name, so that no name server is asked. */
async function isInHosts(name: string): Promise<boolean> {
  const text = await readFile('/etc/hosts', 'latin1').catch(() => '');
  return text.toLowerCase().split(/\s+/).includes(name.toLowerCase());
}

/** Whether name servers say anything about a name in time, be it that there is none. */
async function isAnswered(name: string): Promise<boolean> {
  const resolver = new Resolver({ timeout: SLOW_AFTER_MS, tries: 1 });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, SLOW_AFTER_MS, false);
  });
  const answered = resolver.resolve4(name).then(
    () => true,
    (error: unknown) => (error as NodeJS.ErrnoException).code !== 'ETIMEOUT',
  );
  try {
    return await Promise.race([answered, late]);
  } finally {
    clearTimeout(timer);
    resolver.cancel();
  }
}
