import { Refusal } from '../refusal/refusal';

/**
 * The only header in which a page can send a token when it opens a WebSocket: a list of subprotocols (RFC 6455 §4.1). In
 * lower case.
 */
export const SUBPROTOCOL_HEADER = 'sec-websocket-protocol';

/** What Kubernetes' API server takes; the token follows in base64url. */
const KUBERNETES_PREFIX = 'base64url.bearer.authorization.k8s.io.';
/** The element after it is the token. */
const WORD = 'bearer';

/** What a client offers, sorted. */
interface OfferedSubprotocols {
  readonly tokens: readonly (string | Refusal)[];
  readonly others: readonly string[];
  /** The words before tokens, as written. */
  readonly words: readonly string[];
}

/** Returns every token among the subprotocols: after the word `bearer`, or as Kubernetes' clients write it. */
export function subprotocolTokens(value: string | readonly string[]): readonly (string | Refusal)[] {
  return offered(value).tokens;
}

/**
 * Returns the subprotocols without tokens; `[]` when none is left, `undefined` when nothing has to change. A browser
 * closes a WebSocket whose server takes none of the subprotocols that were offered, so when there is no other one the
 * word `bearer` stays for the service to answer with.
 *
 * @see WebSockets Living Standard: "establish a WebSocket connection", `Sec-WebSocket-Protocol`
 */
export function withoutSubprotocolTokens(value: string | readonly string[]): string | readonly string[] | undefined {
  const { tokens, others, words } = offered(value);
  if (tokens.length === 0) return undefined;
  const kept = others.length > 0 ? others : words.slice(0, 1);
  return kept.length === 0 ? [] : kept.join(', ');
}

const malformed = (what: string): Refusal =>
  new Refusal('credentials_malformed', `header ${SUBPROTOCOL_HEADER}: ${what}`);
const NO_TOKEN = malformed('no token after the word bearer');

/** RFC 6455 §11.3.4: the header may come in several lines. */
function offered(value: string | readonly string[]): OfferedSubprotocols {
  const elements = (typeof value === 'string' ? value : value.join(',')).split(',').map((element) => element.trim());
  const [tokens, others, words]: [(string | Refusal)[], string[], string[]] = [[], [], []];
  let isExpected = false;
  for (const element of elements) {
    const lower = element.toLowerCase();
    const isWord = lower === WORD;
    const isKubernetes = lower.startsWith(KUBERNETES_PREFIX);
    if (isExpected) tokens.push(isWord || isKubernetes ? NO_TOKEN : element);
    else if (!isWord && !isKubernetes && element !== '') others.push(element);
    if (isKubernetes) tokens.push(decoded(element.slice(KUBERNETES_PREFIX.length)));
    if (isWord) words.push(element);
    isExpected = isWord;
  }
  if (isExpected) tokens.push(NO_TOKEN);
  return { tokens, others, words };
}

/** Canonical, so that a token has one spelling. */
function decoded(text: string): string | Refusal {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes.toString('latin1') : malformed('not base64url');
}
