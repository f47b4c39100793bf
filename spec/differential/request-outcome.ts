import type { Answer } from './raw-exchange';
import type { Arrived } from './recording-service';

/** What came of a request, without what no program reads. */
export interface Outcome {
  /** `null`: no answer. */
  readonly status: number | null;
  readonly headers: readonly string[];
  /** `null`: a page of the gateway's own, or nothing. */
  readonly body: unknown;
  readonly arrived: readonly { readonly line: string; readonly headers: readonly string[]; readonly body: string }[];
}

/** Kong's name and times, how long a body is, and how a connection goes on. */
const NOISE =
  /^(date|server|via|connection|keep-alive|content-length|transfer-encoding|ratelimit-reset|retry-after|x-kong-.*)$/;
/** What is of the gateway and not of the request: how its body and connection travel. */
const ARRIVAL_NOISE = /^(via|connection|content-length|transfer-encoding|x-kong-request-id)$/;

/** Returns what came of a request in the form in which both gateways should agree. */
export function outcomeOf(answer: Answer | undefined, arrived: readonly Arrived[], port: number): Outcome {
  const own = (text: string): string => text.replaceAll(String(port), 'PORT').replace(UUID, 'ID');
  const isPage = arrived.length === 0 && isErrorOf(answer);
  return {
    status: answer?.status ?? null,
    headers: sorted(
      (answer?.headers ?? []).filter(([name]) => !NOISE.test(name) && !(isPage && name === 'content-type')),
      own,
    ),
    body: isPage ? messageOf(answer?.body ?? '') : (answer?.body ?? null),
    arrived: arrived.map(({ method, target, headers, body }) => ({
      line: `${method} ${target}`,
      headers: sorted(
        headers.filter(([name]) => !ARRIVAL_NOISE.test(name)),
        own,
      ),
      body,
    })),
  };
}

const UUID = /[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}(?:#\d+)?/g;

/** By name; what has one name stays in order. */
function sorted(headers: Answer['headers'], own: (text: string) => string): string[] {
  return [...headers].sort(([a], [b]) => (a < b ? -1 : Number(a > b))).map(([name, value]) => own(`${name}: ${value}`));
}

function isErrorOf(answer: Answer | undefined): boolean {
  return answer !== undefined && answer.status >= 400;
}

/** The message of an error of the gateway; nginx says the same in pages of HTML, which are no message. */
function messageOf(body: string): string | null {
  try {
    return (JSON.parse(body) as { message?: string }).message ?? null;
  } catch {
    return body.startsWith('<html>') ? null : body.replace(/\nrequest_id: \w+\n$/, '');
  }
}

/**
 * Returns in what two outcomes differ, `null` when in nothing. Where one of the gateways answers with a page that says
 * no message, none is compared; an answer that never came is one that was closed.
 */
export function differenceOf(kong: Outcome, own: Outcome): string | null {
  if (kong.status !== own.status) return 'status';
  if (JSON.stringify(kong.arrived) !== JSON.stringify(own.arrived)) return 'arrived';
  if (JSON.stringify(kong.headers) !== JSON.stringify(own.headers)) return 'headers';
  const isSame = kong.body === null || own.body === null || kong.body === own.body;
  return isSame ? null : 'body';
}
