import type { Consumer as ConsumerMessage, Credential } from '../../protocol/pdk-messages';
import type { Consumer } from '../../kong/declarative/entities';
import type { Exchange } from '../exchange/exchange';
import { PdkError, type PdkHandlers } from './handlers';

/** `kong.client.*`: who sent the request. */
export const identityMethods: PdkHandlers<
  | 'kong.client.authenticate'
  | 'kong.client.get_consumer'
  | 'kong.client.get_credential'
  | 'kong.client.get_forwarded_ip'
  | 'kong.client.get_ip'
  | 'kong.client.load_consumer'
> = {
  'kong.client.authenticate': ({ context }, [consumer, credential]) => {
    if (consumer === null && credential === null) {
      throw new PdkError('either credential or consumer must be provided');
    }
    // Kong 3.9.3: what a message leaves out arrives as its default, not as nil. A credential without a consumer so
    // belongs to the consumer '', and the acl plugin answers 500.
    context.set('authenticated_consumer', consumer === null ? null : { id: '', ...consumer });
    context.set('authenticated_credential', credential === null ? null : { id: '', consumer_id: '', ...credential });
  },
  'kong.client.get_consumer': ({ context }) =>
    (context.get('authenticated_consumer') as ConsumerMessage | null | undefined) ?? null,
  'kong.client.get_credential': (exchange) => identityOf(exchange).credential,
  'kong.client.get_forwarded_ip': ({ client }) => client.address,
  'kong.client.get_ip': ({ client }) => client.address,
  'kong.client.load_consumer': (_, [reference, byUsername = false], { consumers }) => {
    const isId = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(reference);
    if (!isId && !byUsername) throw new PdkError('cannot load a consumer with an id that is not a uuid');
    const found =
      (isId ? consumers.find(({ id }) => id === reference) : undefined) ??
      (byUsername ? consumers.find(({ username }) => username === reference) : undefined);
    return found === undefined ? null : consumerMessage(found);
  },
};

/** Who is behind a request, as far as plugins said so. `null` and absent members mean the same. */
export interface Identity {
  readonly consumerId: string | null;
  readonly credential: Credential | null;
}

/** Returns who is behind a request. */
export function identityOf({ context }: Pick<Exchange, 'context'>): Identity {
  const consumer = (context.get('authenticated_consumer') as ConsumerMessage | null | undefined) ?? null;
  const credential = (context.get('authenticated_credential') as Credential | null | undefined) ?? null;
  return { consumerId: consumer?.id ?? null, credential };
}

/** Returns a consumer as plugins get it. */
export function consumerMessage({ id, created_at, username, custom_id, tags }: Consumer): ConsumerMessage {
  return {
    id,
    created_at,
    ...(username === null ? {} : { username }),
    ...(custom_id === null ? {} : { custom_id }),
    ...(tags === null ? {} : { tags: [...tags] }),
  };
}
