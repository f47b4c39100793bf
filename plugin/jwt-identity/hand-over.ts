import type { Claims } from '../../src/core/claim-selector';
import { withHeaders, type HeaderChanges, type Proceed } from '../../src/core/decision';
import { stringItems } from '../../src/core/header-value';
import type { HandOver } from '../../src/core/policy';
import { Refusal } from '../../src/core/refusal';
import type { Consumer, Pdk } from './pdk';

/**
 * Lets a decided request go on to the service: tells the rest of Kong who is calling, where configured, and sets and
 * strips all headers with one call. Returns a {@link Refusal} when the configured consumer does not exist; nothing has
 * been changed then.
 */
export async function letThrough(kong: Pdk, decision: Proceed, handOver: HandOver): Promise<Refusal | undefined> {
  let { headers } = decision;
  if (decision.token !== undefined) {
    const { claims } = decision.token;
    if (handOver.consumer !== undefined) {
      const consumer = await findConsumer(kong, claims, handOver);
      if (consumer instanceof Refusal) return consumer;
      headers = withHeaders(headers, consumerHeaders(consumer));
      await kong.client.authenticate(consumer, null);
    }
    const groups = stringItems(handOver.groups?.(claims));
    // Kong 3.9.3: the acl plugin decides by this list, without a consumer.
    if (handOver.groups !== undefined) await kong.ctx.shared.set('authenticated_groups', groups);
    const credential = textOf(handOver.credential?.(claims));
    // Kong 3.9.3: client.authenticate without a consumer would leave an empty consumer_id that makes acl answer 500.
    if (credential !== undefined) await kong.nginx.setCtx('authenticated_credential', { id: credential });
  }
  if (decision.rawQuery !== undefined) await kong.service.request.setRawQuery(decision.rawQuery);
  if (Object.keys(headers).length > 0) await kong.service.request.setHeaders(headers);
  return undefined;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * Finds the consumer whose id or username is the claim's value. Kong 3.9.3: `load_consumer` raises an error for an id
 * that is no UUID, and takes a username that looks like a UUID for an id first; so what comes back is compared.
 */
async function findConsumer(kong: Pdk, claims: Claims, handOver: HandOver): Promise<Consumer | Refusal> {
  const unknown = new Refusal('consumer_unknown', `no consumer with the claim's ${handOver.consumerBy}`);
  const wanted = textOf(handOver.consumer?.(claims));
  const byUsername = handOver.consumerBy === 'username';
  if (wanted === undefined || (!byUsername && !UUID.test(wanted))) return unknown;
  const consumer = await kong.client.loadConsumer(wanted, byUsername);
  const found = byUsername ? consumer?.username : consumer?.id;
  return consumer && found === wanted ? consumer : unknown;
}

/** What Kong's own authentication plugins set (Kong 3.9.3: `client.authenticate` sets no header); absent ones removed. */
function consumerHeaders({ id, username, custom_id }: Consumer): HeaderChanges {
  return {
    'X-Consumer-ID': id ?? [],
    'X-Consumer-Username': username ?? [],
    'X-Consumer-Custom-ID': custom_id ?? [],
  };
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
  return typeof value === 'string' && value !== '' ? value : undefined;
}
