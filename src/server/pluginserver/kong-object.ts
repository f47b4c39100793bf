import { encode } from '../../protocol/message';
import { type PdkMethod, pdkMethods } from '../../protocol/pdk-methods';

/** A PDK method, ready to be called. */
export interface PdkCall {
  /** The name that travels on the socket. */
  readonly name: string;
  /** That name as a payload. */
  readonly namePayload: Uint8Array;
  readonly method: PdkMethod;
}

/** Performs a call for one event. */
export type CallPdk = (call: PdkCall, args: readonly unknown[]) => Promise<unknown>;

/** What a plugin's phase gets: `kong.request.getHeaders(…)`, in kong-pdk's shape. */
export type KongObject = object;

/** `kong.response.exit`, which the server itself calls too. */
export const EXIT = pdkCall('kong.response.exit', pdkMethods['kong.response.exit']);

/** A group of methods such as `kong.request`. Its subclasses carry the methods; an object knows only whose they are. */
class Namespace {
  readonly #call: CallPdk;

  constructor(call: CallPdk) {
    this.#call = call;
  }

  static perform(namespace: Namespace, call: PdkCall, args: readonly unknown[]): Promise<unknown> {
    return namespace.#call(call, args);
  }

  static within(namespace: Namespace, Child: typeof Namespace): Namespace {
    return new Child(namespace.#call);
  }
}

const Root = buildNamespaces();

/**
 * Returns the `kong` object of one event. Every method of the table is there under kong-pdk's camelCase name and under
 * Kong's own; any other name is no function, so that calling it throws and the request is refused.
 */
export function createKongObject(call: CallPdk): KongObject {
  return new Root(call);
}

/** Encodes the arguments of a call. @throws TypeError or RangeError when Kong could not be told. */
export function encodeArguments({ method }: PdkCall, args: readonly unknown[]): Uint8Array {
  return encode(method.arguments, args);
}

function pdkCall(name: string, method: unknown): PdkCall {
  return { name, namePayload: Buffer.from(name), method: method as PdkMethod };
}

function buildNamespaces(): typeof Namespace {
  const classes = new Map<string, typeof Namespace>();
  const classAt = (path: readonly string[]): typeof Namespace => {
    const key = path.join('.');
    const known = classes.get(key);
    if (known !== undefined) return known;
    const created = class extends Namespace {};
    classes.set(key, created);
    const name = path.at(-1);
    if (path.length > 1 && name !== undefined) {
      Object.defineProperty(classAt(path.slice(0, -1)).prototype, name, {
        get(this: Namespace) {
          return Namespace.within(this, created);
        },
      });
    }
    return created;
  };
  for (const [name, method] of Object.entries(pdkMethods)) {
    const path = name.split('.');
    const own = path.pop() ?? '';
    const call = pdkCall(name, method);
    const perform = function (this: Namespace, ...args: unknown[]): Promise<unknown> {
      return Namespace.perform(this, call, args);
    };
    const prototype = classAt(path).prototype;
    for (const spelling of new Set([own, camelCase(own)]))
      Object.defineProperty(prototype, spelling, { value: perform });
  }
  return classAt(['kong']);
}

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
