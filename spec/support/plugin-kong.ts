import type { Pdk } from '../../plugin/jwt-identity/pdk';

/** One call of the plugin into Kong. */
export interface RecordedCall {
  readonly method: string;
  readonly args: readonly unknown[];
}

/** Answers by method, such as `request.getHeaders`; a function may throw or never settle. */
export type PluginAnswers = Readonly<Record<string, (...args: readonly unknown[]) => unknown>>;

/**
 * Returns a `kong` object as plugin servers pass it to a phase, for faults that a real socket does not make at will, and
 * the calls that were made on it. A method without an answer resolves to `undefined`.
 */
export function pluginKong(answers: PluginAnswers): { readonly kong: Pdk; readonly calls: RecordedCall[] } {
  const calls: RecordedCall[] = [];
  const method =
    (name: string) =>
    (...args: readonly unknown[]) => {
      calls.push({ method: name, args });
      return answers[name]?.(...args) ?? Promise.resolve(undefined);
    };
  const group = (prefix: string, ...names: readonly string[]): Record<string, unknown> =>
    Object.fromEntries(names.map((name) => [name, method(`${prefix}.${name}`)]));
  const kong = {
    request: group('request', 'getHeaders', 'getMethod', 'getRawQuery'),
    service: { request: group('service.request', 'setHeaders', 'setRawQuery') },
    response: group('response', 'exit', 'addHeader'),
    client: group('client', 'getConsumer', 'getCredential', 'loadConsumer', 'authenticate'),
    log: group('log', 'setSerializeValue', 'notice'),
    router: group('router', 'getRoute', 'getService'),
    ctx: { shared: group('ctx.shared', 'set') },
    nginx: group('nginx', 'getVar', 'setCtx'),
  };
  return { kong: kong as unknown as Pdk, calls };
}
