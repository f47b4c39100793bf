import { randomUUID } from 'node:crypto';
import { KONG_ONLY } from '../../../kong/declarative/configuration-error';
import type { Exchange } from '../../exchange/exchange';
import { headerValue } from '../../http/header-list';
import { responseName } from '../../pdk/message-methods';
import { headerOf } from '../../pdk/request-methods';
import type { PluginKind } from '../plugin-kind';
import { configSchema, FLAG, HTTP_PROTOCOLS } from './config-schema';

interface Config {
  readonly header_name: string;
  readonly generator: 'uuid' | 'uuid#counter';
  readonly echo_downstream: boolean;
}

const processId = randomUUID();
let counter = 0;

/** Kong's `correlation-id`: gives a request an id that the services, the client and the log share. */
export const correlationId: PluginKind = {
  name: 'correlation-id',
  priority: 100_001,
  protocols: HTTP_PROTOCOLS,
  schema: configSchema([
    { header_name: { type: 'string', default: 'Kong-Request-ID' } },
    {
      generator: {
        type: 'string',
        required: true,
        default: 'uuid#counter',
        one_of: ['uuid', 'uuid#counter'],
        err: `expected one of: uuid, uuid#counter; tracker: ${KONG_ONLY}`,
      },
    },
    { echo_downstream: FLAG },
  ]),
  configure: ({ config }) => {
    const { header_name: name, generator, echo_downstream: isEchoed } = config as unknown as Config;
    const generate = (): string => {
      if (generator === 'uuid') return randomUUID();
      counter += 1;
      return `${processId}#${counter}`;
    };
    const ids = new WeakMap<Exchange, string>();
    return {
      access: (exchange) => {
        const given = headerOf(exchange, name);
        const id = given === null || given === '' ? generate() : given;
        if (id !== given) exchange.headers.set(name, [headerValue(id)]);
        exchange.serialized.set('correlation_id', id);
        ids.set(exchange, id);
        return null;
      },
      headerFilter: (exchange, { headers }) => {
        if (!isEchoed) return;
        const id = ids.get(exchange) ?? headerOf(exchange, name) ?? generate();
        headers.set(responseName(name), [id]);
      },
    };
  },
};
