import type { JsonValue } from '../../protocol/json-value';
import type { Exchange } from '../exchange/exchange';
import { toByteString } from '../http/byte-string';
import { headerName, headerValue } from '../http/header-list';
import type { PdkHandlers } from './handlers';
import { headerTexts, throughLua } from './lua-value';

/** `kong.service.request.*` and `kong.response.set_*`: what goes to the service and back to the client. */
export const messageMethods: PdkHandlers<
  | 'kong.response.add_header'
  | 'kong.response.set_header'
  | 'kong.response.set_headers'
  | 'kong.service.request.add_header'
  | 'kong.service.request.clear_header'
  | 'kong.service.request.set_header'
  | 'kong.service.request.set_headers'
  | 'kong.service.request.set_raw_query'
> = {
  'kong.service.request.set_header': (exchange, [name, value]) => {
    setHeader(exchange, name, value);
  },
  'kong.service.request.set_headers': (exchange, [headers]) => {
    // As in Kong, a member that is `false` is lost on the way, and nothing is changed unless all of them are good.
    const lines = Object.entries(throughLua(headers) as typeof headers).map(
      ([name, value]) => [name, value, headerTexts(name, value)] as const,
    );
    for (const [name, value] of lines) setHeader(exchange, name, value);
  },
  'kong.service.request.add_header': ({ headers }, [name, value]) => {
    const added = headerTexts(name, value).map(headerValue);
    headers.set(headerName(name), [...headers.values(name), ...added]);
  },
  'kong.service.request.clear_header': ({ headers }, [name]) => {
    headers.remove(headerName(name));
  },
  'kong.service.request.set_raw_query': (exchange, [query]) => {
    exchange.query = toByteString(query).replace(/[^\x21-\x7e]/g, (char) => encodeByte(char));
  },
  'kong.response.add_header': ({ responseHeaders }, [name, value]) => {
    const added = headerTexts(name, value).map(headerValue);
    responseHeaders.set(responseName(name), [...responseHeaders.values(responseName(name)), ...added]);
  },
  'kong.response.set_header': ({ responseHeaders }, [name, value]) => {
    responseHeaders.set(responseName(name), headerTexts(name, value).map(headerValue));
  },
  'kong.response.set_headers': ({ responseHeaders }, [headers]) => {
    for (const [name, value] of Object.entries(throughLua(headers) as typeof headers)) {
      responseHeaders.set(responseName(name), headerTexts(name, value).map(headerValue));
    }
  },
};

/** Returns the name of a response header: nginx's Lua turns underscores into hyphens there, unlike in requests. */
export function responseName(name: string): string {
  return headerName(name).replaceAll('_', '-');
}

function setHeader(exchange: Exchange, name: string, value: JsonValue): void {
  const values = headerTexts(name, value).map(headerValue);
  if (name.toLowerCase() === 'host') exchange.upstreamHost = values[0] ?? null;
  exchange.headers.set(headerName(name), values);
}

function encodeByte(char: string): string {
  return `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}
