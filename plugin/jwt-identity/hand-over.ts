import { CONSUMER_HEADERS } from '../../schema/rules/reserved-headers';
import { CallerRefusal, withHeaders, type HeaderChanges, type Proceed } from '../../src/core/decision';
import { textOf } from '../../src/core/claim-items';
import { groupsOf, type HandOver } from '../../src/core/hand-over';
import { logEntry } from '../../src/core/log-entry';
import { Refusal } from '../../src/core/refusal/refusal';
import type { VerifiedToken } from '../../src/core/verification/verified-token';
import type { Permission } from './carrier';
import { earlierAuthentication, KONG_HEADERS, type EarlierAuthentication } from './earlier-authentication';
import type { Consumer, Pdk } from './pdk';

/** What Kong is to be told about a caller, and whether it was told a consumer already. */
export interface HandedOver {
  readonly permission: Permission;
  /** Kong knows the consumer that the configuration asks for. */
  readonly knowsConsumer: boolean;
}

/**
 * Prepares a decided request for the service: asks Kong what must be asked, in one round trip, tells it which consumer
 * is calling, where configured, and returns the rest of what it must be told. Returns a {@link Refusal} when the
 * configured consumer does not exist or groups could be misread; nothing has been changed then.
 */
export async function handOver(kong: Pdk, decision: Proceed, settings: HandOver): Promise<HandedOver | Refusal> {
  const { token, rawQuery, setCookies } = decision;
  const ofCaller = (refusal: Refusal): Refusal => (token === undefined ? refusal : new CallerRefusal(refusal, token));
  const groups = token && groupsOf(token, settings);
  if (groups instanceof Refusal) return ofCaller(groups);
  let headers = decision.headers;
  let knowsConsumer = false;
  // A request without a token is somebody else's, or anonymous: only Kong can tell.
  const mustAskKong = token === undefined || isKongHeaderTaken(headers);
  if (mustAskKong || settings.consumer !== undefined) {
    const [consumer, earlier] = await Promise.all([
      token && findConsumer(kong, token, settings),
      mustAskKong ? earlierAuthentication(kong) : undefined,
    ]);
    if (consumer instanceof Refusal) return ofCaller(consumer);
    knowsConsumer = consumer !== undefined;
    headers = withHeaders(headers, await tellWhoIsCalling(kong, token, consumer, earlier));
  }
  const credential = token && textOf(settings.credential?.(token));
  const log = logEntry(decision, settings);
  return { permission: { headers, groups, credential, log, rawQuery, setCookies }, knowsConsumer };
}

/** Sets or clears Kong's idea of the caller where it must change, and returns the headers that say the same. */
async function tellWhoIsCalling(
  kong: Pdk,
  token: VerifiedToken | undefined,
  consumer: Consumer | undefined,
  earlier: EarlierAuthentication | undefined,
): Promise<HeaderChanges> {
  if (consumer !== undefined) {
    await kong.client.authenticate(consumer, null);
    return consumerHeaders(consumer);
  }
  const { consumer: known, credential } = earlier ?? {};
  if (token !== undefined && credential === undefined && known !== undefined) {
    // Kong's plugins take a consumer without a credential for the anonymous one, and this caller is not anonymous.
    // Kong 3.9.3: `false` arrives as nil, which is what clears it; null would arrive as a number.
    await kong.nginx.setCtx('authenticated_consumer', false);
    return {};
  }
  const headers: HeaderChanges = {
    ...(known !== undefined && consumerHeaders(known)),
    ...(credential !== undefined && { 'X-Credential-Identifier': credential.id }),
  };
  const isAnonymous = token === undefined && earlier !== undefined && credential === undefined;
  return isAnonymous ? { ...headers, 'X-Anonymous-Consumer': 'true' } : headers;
}

/** Whether a header goes that Kong's own authentication plugins write: it may be the client's, or theirs. */
function isKongHeaderTaken(headers: HeaderChanges): boolean {
  return Object.keys(headers).some((name) => KONG_HEADERS.has(name.toLowerCase()));
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * Finds the consumer whose id or username is the claim's value. Kong 3.9.3: `load_consumer` raises an error for an id
 * that is no UUID, and takes a username that looks like a UUID for an id first; so what comes back is compared.
 */
async function findConsumer(
  kong: Pdk,
  token: VerifiedToken,
  { consumer: read, consumerBy, consumerOptional }: HandOver,
): Promise<Consumer | undefined | Refusal> {
  if (read === undefined) return undefined;
  const unknown = consumerOptional
    ? undefined
    : new Refusal('consumer_unknown', `no consumer with the claim's ${consumerBy}`);
  const wanted = textOf(read(token));
  const byUsername = consumerBy === 'username';
  if (wanted === undefined || (!byUsername && !UUID.test(wanted))) return unknown;
  const consumer = await kong.client.loadConsumer(wanted, byUsername);
  const found = byUsername ? consumer?.username : consumer?.id;
  return consumer && found === wanted ? consumer : unknown;
}

/** What Kong's own authentication plugins set (Kong 3.9.3: `client.authenticate` sets no header); absent ones removed. */
function consumerHeaders({ id, username, custom_id }: Consumer): HeaderChanges {
  const values = [id, username, custom_id].map((value) => (value === undefined || value === '' ? [] : value));
  return Object.fromEntries(CONSUMER_HEADERS.map((name, index) => [name, values[index] ?? []]));
}
