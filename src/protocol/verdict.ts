/**
 * What the plugin server and the handler inside Kong's worker say to each other about one request.
 *
 * The handler runs the plugin server's event as Kong would. In the write that ends the event, the plugin server leaves a
 * {@link Verdict}, as JSON text, in `kong.ctx.shared`. The handler removes it and carries it out. A request passes only
 * when its verdict says `proceed`; everything else (no verdict, half a verdict, one of another version or another
 * configuration) is refused with {@link NO_VERDICT}. So it does not matter what Kong's own code makes of an error.
 *
 * A client cannot write a verdict: `kong.ctx` belongs to Kong's plugins, and the handler clears the member before it asks.
 *
 * The handler knows no rule, no claim and no header policy. It may repeat an answer for a request that is the same in
 * everything that {@link Repetition} names, and it must ask about every other request.
 *
 * This file is compiled twice, to JavaScript and to Lua, and imports nothing.
 */

/** Version of the package. Handler and plugin server must come from one package: each refuses to work with another. */
export const PACKAGE_VERSION = '1.0.0';

/** Name of the plugin in Kong's configuration. */
export const PLUGIN = 'jwt-identity';

/** Priority of the plugin: the handler's own and the plugin server's are one. */
export const PRIORITY = 985;

/** Member of `kong.ctx.shared` that carries the verdict. */
export const VERDICT_MEMBER = 'jwt_identity_verdict';

/**
 * Member that the handler adds to the plugin's `config`: its {@link PACKAGE_VERSION}. Kong hands it to the plugin server
 * when it starts the instance, so the plugin server knows whether a handler reads verdicts.
 */
export const HANDLER_MEMBER = '__handler__';

/** Member of what Kong's log plugins write. */
export const LOG_MEMBER = 'jwt_identity';

/** Field of `RpcCall` (ProtoBuf:1) with which the handler reports repeated answers; Kong itself uses no such number. */
export const REPORT_FIELD = 50;

/**
 * Field of the answer to `cmd_get_plugin_names` (ProtoBuf:1) with the version of the handler that each instance of the
 * plugin has in front of it, an empty text for none. A health check reads it, Kong never asks.
 */
export const HANDLERS_FIELD = 50;

/** Field of the same answer with a sentence for each instance that cannot let any request pass. */
export const PROBLEMS_FIELD = 51;

/** What becomes of a request. Exactly one of {@link Verdict.proceed} and {@link Verdict.refuse} is there. */
export interface Verdict {
  /** {@link PACKAGE_VERSION} of the plugin server. */
  readonly version: string;
  /** Differs after each start of the plugin server. Answers of an earlier start are forgotten. */
  readonly server: string;
  /** `__plugin_id` of the configuration that decided. */
  readonly plugin: string;
  /** `__seq__` of the configuration that decided. */
  readonly sequence: number;
  /** The request goes to the service, changed like this. */
  readonly proceed?: Proceeding;
  /** The request ends with this answer. */
  readonly refuse?: Answer;
  /** What Kong's log plugins write as {@link LOG_MEMBER}. No member is null. */
  readonly log?: Readonly<Record<string, unknown>>;
  /** For a refusal: what the handler writes to Kong's log beside the ids of request, route and service. */
  readonly line?: RefusalLine;
  /** Present when the answer may be repeated. */
  readonly repeat?: Repetition;
  /**
   * Three digits that differ from one verdict to the next, and the last member of the text. LuaJIT (Kong 3.9.3) hashes a
   * long text by its first and last bytes and a few between. Texts that agree there are compared one by one: verdicts of
   * many callers made a request twice as dear.
   */
  readonly spread: number;
}

/** A line about a refusal, without what differs from one request to the next. */
export interface RefusalLine {
  /** Lines of one kind and one route share a budget, so that a flood of refusals does not fill a disk. */
  readonly kind: string;
  /** Fixed words and names of the configuration, without control characters, at most 1,500 characters. */
  readonly text: string;
}

/** What the handler tells Kong about a request that goes on. */
export interface Proceeding {
  /** Headers to set: name and value; several values become as many lines, none removes the header. */
  readonly headers: readonly (readonly [name: string, value: string | readonly string[]])[];
  /** `kong.ctx.shared.authenticated_groups`, for Kong's acl plugin. */
  readonly groups?: readonly string[];
  /** Id of `ngx.ctx.authenticated_credential`. */
  readonly credential?: string;
}

/** A complete answer to a refused request. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** The body is a JSON object, to which the handler adds `request_id` and `trace_id` where it knows them. */
  readonly takesIds?: true;
}

/**
 * For which requests an answer may be repeated: those of the same configuration (the same Lua table, `__plugin_id` and
 * `__seq__`) in the same worker of Kong that are equal in everything below. Whatever is not listed may not matter.
 */
export interface Repetition {
  /** For how long, in seconds from the moment before the plugin server was asked. */
  readonly seconds: number;
  /** What the answer depends on. One configuration has at most one list of each kind. */
  readonly kind: 'token' | 'missing';
  /** Headers, in lower case, whose value must be equal, byte for byte, or which must both be absent. One line each. */
  readonly equal: readonly string[];
  /** Headers, in lower case, that must be absent. */
  readonly absent: readonly string[];
  /** Whether the request method must be equal. */
  readonly method: boolean;
  /**
   * Names of other headers, in lower case, that matter neither by their presence nor by their value under this
   * configuration: those of this request. A request with any other name must be asked about. Absent: no header that is
   * not listed above matters.
   */
  readonly harmless?: readonly string[];
  /** A request for this path must be asked about: as sent, without the query. */
  readonly exceptPath?: string;
  /** The consumer that Kong knows at the end of the event is part of the answer. */
  readonly consumer?: true;
  /** What a repetition counts as; an opaque text that the report hands back to the plugin server. */
  readonly label: string;
}

/**
 * What the handler has counted since the last report, as JSON: how often answers were repeated, by
 * {@link Repetition.label}, and how often each outcome was carried out, by the names of route and service. Such an outcome
 * is `proceed` or the code of a refusal.
 */
export type Report = readonly (
  readonly [label: string, count: number] | readonly [outcome: string, count: number, route: string, service: string]
)[];

/** The answer to a request without a usable verdict, and to one whose event broke. It tells a client nothing. */
export const NO_VERDICT: Answer = {
  status: 500,
  headers: { 'Content-Type': 'application/problem+json', 'Cache-Control': 'no-store' },
  body: '{"type":"about:blank","title":"Internal Server Error","status":500,"detail":"An unexpected error occurred.","code":"internal_error"}',
  takesIds: true,
};
