import {
  authentication,
  consumerReference,
  exitArguments,
  limit,
  nameAndValue,
  noArguments,
  nothing,
  objectResult,
  oneObject,
  oneText,
  optionalConsumer,
  optionalCredential,
  optionalRoute,
  optionalService,
  optionalText,
  rawBody,
  textResult,
  valueResult,
  values,
} from './pdk-messages';
import type { Codec, ValueOf } from './message';

/** What Kong answers: the value that was asked for, an empty frame, or nothing at all. */
export type PdkAnswer = 'value' | 'empty' | 'none';

/** One method of Kong's plugin development kit. */
export interface PdkMethod<Arguments extends readonly unknown[] = readonly unknown[], Result = unknown> {
  readonly arguments: Codec<Arguments>;
  readonly result: Codec<Result>;
  readonly answer: PdkAnswer;
}

function read<A extends readonly unknown[], R>(args: Codec<A>, result: Codec<R>): PdkMethod<A, R> {
  return { arguments: args, result, answer: 'value' };
}

function write<A extends readonly unknown[]>(args: Codec<A>): PdkMethod<A, undefined> {
  return { arguments: args, result: nothing, answer: 'empty' };
}

/** The methods that a plugin may call in the access phase, by the names that travel on the socket (Kong 3.9.3). */
export const pdkMethods = {
  'kong.client.authenticate': write(authentication),
  'kong.client.get_consumer': read(noArguments, optionalConsumer),
  'kong.client.get_credential': read(noArguments, optionalCredential),
  'kong.client.get_forwarded_ip': read(noArguments, textResult),
  'kong.client.get_ip': read(noArguments, textResult),
  'kong.client.load_consumer': read(consumerReference, optionalConsumer),
  'kong.ctx.shared.get': read(oneText, valueResult),
  'kong.ctx.shared.set': write(nameAndValue),
  'kong.log.alert': write(values),
  'kong.log.crit': write(values),
  'kong.log.debug': write(values),
  'kong.log.err': write(values),
  'kong.log.info': write(values),
  'kong.log.notice': write(values),
  'kong.log.set_serialize_value': write(nameAndValue),
  'kong.log.warn': write(values),
  'kong.nginx.get_ctx': read(oneText, valueResult),
  'kong.nginx.get_var': read(oneText, optionalText),
  'kong.nginx.set_ctx': write(nameAndValue),
  'kong.node.get_id': read(noArguments, textResult),
  'kong.request.get_forwarded_host': read(noArguments, textResult),
  'kong.request.get_header': read(oneText, optionalText),
  'kong.request.get_headers': read(limit, objectResult),
  'kong.request.get_method': read(noArguments, textResult),
  'kong.request.get_path': read(noArguments, textResult),
  'kong.request.get_path_with_query': read(noArguments, textResult),
  'kong.request.get_query': read(limit, objectResult),
  'kong.request.get_query_arg': read(oneText, optionalText),
  'kong.request.get_raw_body': read(noArguments, rawBody),
  'kong.request.get_raw_query': read(noArguments, textResult),
  'kong.request.get_scheme': read(noArguments, textResult),
  // Kong never answers: it sends the response and closes the connection.
  'kong.response.exit': { arguments: exitArguments, result: nothing, answer: 'none' },
  'kong.response.add_header': write(nameAndValue),
  'kong.response.set_header': write(nameAndValue),
  'kong.response.set_headers': write(oneObject),
  'kong.router.get_route': read(noArguments, optionalRoute),
  'kong.router.get_service': read(noArguments, optionalService),
  'kong.service.request.add_header': write(nameAndValue),
  'kong.service.request.clear_header': write(oneText),
  'kong.service.request.set_header': write(nameAndValue),
  'kong.service.request.set_headers': write(oneObject),
  'kong.service.request.set_raw_query': write(oneText),
} as const;

/** The name of a method in {@link pdkMethods}. */
export type PdkMethodName = keyof typeof pdkMethods;
/** The arguments of a method, in order. */
export type PdkArguments<M extends PdkMethodName> = ValueOf<(typeof pdkMethods)[M]['arguments']>;
/** What a method returns. */
export type PdkResult<M extends PdkMethodName> = ValueOf<(typeof pdkMethods)[M]['result']>;

const byName: ReadonlyMap<string, PdkMethod> = new Map(
  Object.entries(pdkMethods as unknown as Record<string, PdkMethod>),
);

/** Returns the method with this name, if there is one; the name may come from anywhere. */
export function findPdkMethod(name: string): PdkMethod | undefined {
  return byName.get(name);
}
