import type { PdkArguments } from '../../protocol/pdk-methods';
import { headerValue, type HeaderLine } from '../http/header-list';
import { response, type LocalResponse } from '../http/local-response';
import { PdkError } from './handlers';
import { headerTexts, throughLua } from './lua-value';
import { responseName } from './message-methods';

/**
 * Returns the response of `kong.response.exit`. Its length is the body's, whatever the plugin says about framing.
 *
 * @throws {@link PdkError} for a status that Kong refuses
 */
export function exitResponse([status, body, headers = {}]: PdkArguments<'kong.response.exit'>): LocalResponse {
  if (status < 100 || status > 599) throw new PdkError('code must be a number between 100 and 599');
  const lines = Object.entries(throughLua(headers) as typeof headers).flatMap(([name, value]): HeaderLine[] => {
    const texts = headerTexts(name, value);
    const isFraming = ['transfer-encoding', 'content-length'].includes(responseName(name).toLowerCase());
    return isFraming ? [] : texts.map((text) => [responseName(name), headerValue(text)]);
  });
  return response(status, body ?? '', lines);
}
