import { KONG_ONLY } from '../../../kong/declarative/configuration-error';
import type { Consumer, KeyCredential } from '../../../kong/declarative/entities';
import { errorFor, type Exchange } from '../../exchange/exchange';
import { toByteString } from '../../http/byte-string';
import { headerValue } from '../../http/header-list';
import type { LocalResponse } from '../../http/local-response';
import { queryTable, withoutArgument } from '../../http/query';
import { consumerMessage, identityOf } from '../../pdk/identity-methods';
import type { PluginHost, PluginKind } from '../plugin-kind';
import { configSchema, FLAG, HEADER_NAME, HTTP_PROTOCOLS } from './config-schema';

interface Config {
  readonly key_names: readonly string[];
  readonly hide_credentials: boolean;
  readonly anonymous?: string;
  readonly key_in_header: boolean;
  readonly key_in_query: boolean;
  readonly run_on_preflight: boolean;
  readonly realm?: string;
}

/** Kong 3.9.3: `get_headers` and `get_query` are cut here. */
const LIMIT = 100;

/** Kong's `key-auth`: finds the consumer by a key. */
export const keyAuth: PluginKind = {
  name: 'key-auth',
  priority: 1250,
  protocols: HTTP_PROTOCOLS,
  refusesConsumer: true,
  schema: configSchema([
    { key_names: { type: 'array', required: true, default: ['apikey'], elements: HEADER_NAME } },
    { hide_credentials: FLAG },
    { anonymous: { type: 'string' } },
    { key_in_header: { ...FLAG, default: true } },
    { key_in_query: { ...FLAG, default: true } },
    { key_in_body: { ...FLAG, ne: true, err: KONG_ONLY } },
    { run_on_preflight: { ...FLAG, default: true } },
    { realm: { type: 'string' } },
  ]),
  configure: ({ config }, host) => ({
    access: (exchange) => authenticate(exchange, config as unknown as Config, host),
  }),
};

/** Kong 3.9.3: kong/plugins/key-auth/handler.lua */
function authenticate(exchange: Exchange, config: Config, { consumers }: PluginHost): LocalResponse | null {
  if (!config.run_on_preflight && exchange.method === 'OPTIONS') return null;
  const { anonymous } = config;
  // "Logical OR": who was recognized by another plugin stays who they are.
  if (anonymous !== undefined && identityOf(exchange).credential !== null) return null;
  const found = findCaller(exchange, config, consumers);
  if (typeof found !== 'string') {
    setCaller(exchange, found.consumer, found.credential);
    return null;
  }
  if (anonymous === undefined) return unauthorized(exchange, config, found);
  const consumer = consumers.find(({ id, username }) => id === anonymous || username === anonymous);
  if (consumer === undefined) throw new Error(`the anonymous consumer '${anonymous}' does not exist`);
  setCaller(exchange, consumer, null);
  return null;
}

/** Returns who sent the key, or what is wrong with it. */
function findCaller(
  exchange: Exchange,
  config: Config,
  consumers: readonly Consumer[],
): string | { readonly consumer: Consumer; readonly credential: KeyCredential } {
  const key = givenKey(exchange, config);
  if (Array.isArray(key)) return 'Duplicate API key found';
  if (key === null || key === '') return 'No API key found in request';
  for (const consumer of consumers) {
    const credential = consumer.keys.find((candidate) => toByteString(candidate.key) === key);
    if (credential !== undefined) return { consumer, credential };
  }
  return 'Unauthorized';
}

/** Returns the key, several if there are, and takes it out of the request if it is to be hidden. */
function givenKey(exchange: Exchange, config: Config): string | readonly string[] | null {
  const headers = exchange.headers.table(LIMIT);
  const query = queryTable(exchange.query ?? '', LIMIT);
  for (const name of config.key_names) {
    const inHeader = config.key_in_header ? headers.get(name.toLowerCase()) : undefined;
    const values = inHeader ?? (config.key_in_query ? query.get(name) : undefined) ?? [];
    const [key, ...others] = values.filter((value) => value !== true);
    if (values.length > 1) return [key ?? '', ...others];
    if (key === undefined) continue;
    if (config.hide_credentials) {
      exchange.headers.remove(name);
      if (exchange.query !== null) exchange.query = withoutArgument(exchange.query, name);
    }
    return key;
  }
  return null;
}

function setCaller({ context, headers }: Exchange, consumer: Consumer, credential: KeyCredential | null): void {
  context.set('authenticated_consumer', consumerMessage(consumer));
  context.set('authenticated_credential', credential === null ? null : { id: credential.id });
  const values: Readonly<Record<string, string | null>> = {
    'X-Consumer-ID': consumer.id,
    'X-Consumer-Custom-ID': consumer.custom_id,
    'X-Consumer-Username': consumer.username,
    'X-Credential-Identifier': credential?.id ?? null,
    'X-Anonymous-Consumer': credential === null ? 'true' : null,
  };
  for (const [name, value] of Object.entries(values)) headers.set(name, value === null ? [] : [headerValue(value)]);
}

function unauthorized(exchange: Exchange, { realm }: Config, message: string): LocalResponse {
  const answer = errorFor(exchange, 401, message);
  const challenge = realm === undefined ? 'Key' : `Key realm="${realm}"`;
  return { ...answer, headers: [...answer.headers, ['WWW-Authenticate', headerValue(challenge)]] };
}
