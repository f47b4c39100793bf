import { CONSUMER_HEADERS } from '../../schema/rules/reserved-headers';
import type { Consumer, Credential, Pdk } from './pdk';

/** Whom an authentication plugin that ran before found. A consumer without a credential is Kong's anonymous consumer. */
export interface EarlierAuthentication {
  readonly consumer: Consumer | undefined;
  readonly credential: Required<Credential> | undefined;
}

/** What Kong's own authentication plugins tell services, in lower case. */
export const KONG_HEADERS: ReadonlySet<string> = new Set(
  [...CONSUMER_HEADERS, 'X-Credential-Identifier', 'X-Anonymous-Consumer'].map((name) => name.toLowerCase()),
);

/** Asks Kong whom another plugin found, in one round trip. */
export async function earlierAuthentication(kong: Pdk): Promise<EarlierAuthentication> {
  const [consumer, credential] = await Promise.all([kong.client.getConsumer(), kong.client.getCredential()]);
  return { consumer: presentEntity(consumer), credential: presentEntity(credential) };
}

/** Kong 3.9.3: nobody arrives as nothing or as an empty message. */
export function presentEntity<T extends { readonly id?: string }>(
  entity: T | null | undefined,
): (T & { readonly id: string }) | undefined {
  return entity?.id === undefined || entity.id === '' ? undefined : { ...entity, id: entity.id };
}
