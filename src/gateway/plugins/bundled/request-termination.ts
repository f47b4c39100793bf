import type { Violation } from '../../../kong/schema-language/violation';
import { KONG_ONLY } from '../../../kong/declarative/configuration-error';
import { messageResponse, response } from '../../http/local-response';
import { queryTable } from '../../http/query';
import type { PluginKind } from '../plugin-kind';
import { configSchema, HEADER_NAME, HTTP_PROTOCOLS } from './config-schema';

interface Config {
  readonly status_code: number;
  readonly message?: string;
  readonly content_type?: string;
  readonly body?: string;
  readonly trigger?: string;
}

/** Kong 3.9.3: kong/plugins/request-termination/handler.lua; other statuses have no text. */
const MESSAGES: Readonly<Record<number, string>> = {
  401: 'Unauthorized',
  404: 'Not found',
  405: 'Method not allowed',
  500: 'An unexpected error occurred',
  502: 'Bad Gateway',
  503: 'Service unavailable',
};

/** Kong's `request-termination`: answers with a response of its own, always or when it is asked to. */
export const requestTermination: PluginKind = {
  name: 'request-termination',
  priority: 2,
  protocols: HTTP_PROTOCOLS,
  schema: configSchema([
    { status_code: { type: 'integer', required: true, default: 503, between: [100, 599] } },
    { message: { type: 'string' } },
    { content_type: { type: 'string' } },
    { body: { type: 'string' } },
    { echo: { type: 'boolean', required: true, default: false, ne: true, err: KONG_ONLY } },
    { trigger: HEADER_NAME },
  ]),
  violations: (config) => contradictions(config),
  configure: ({ config }) => {
    const {
      status_code: status,
      message = MESSAGES[status],
      content_type: type,
      body,
      trigger,
    } = config as unknown as Config;
    return {
      access: ({ headers, query }) => {
        const isMeant =
          trigger === undefined || headers.first(trigger) !== null || queryTable(query ?? '', 100).has(trigger);
        if (!isMeant) return null;
        if (body !== undefined) return response(status, body, type === undefined ? [] : [['Content-Type', type]]);
        return message === undefined ? response(status, '', []) : messageResponse(status, message);
      },
    };
  },
};

function contradictions({ message, content_type: type, body }: Partial<Config>): Violation[] {
  const isSet = (text: string | null | undefined): boolean => typeof text === 'string';
  if (isSet(message) && (isSet(type) || isSet(body))) {
    return [{ field: 'config', message: 'message cannot be used with content_type or body' }];
  }
  return isSet(type) && !isSet(body) ? [{ field: 'config', message: 'content_type requires a body' }] : [];
}
