import type { Claims } from '../claim-selector';
import { quote, type Observer } from '../observer';
import { Refusal } from '../refusal/refusal';
import { normalizeTokenType } from './jose-header';

/** The event that makes a JWT a logout token (OpenID Connect Back-Channel Logout 1.0 §2.4). */
export const LOGOUT_EVENT = 'http://schemas.openid.net/event/backchannel-logout';

/** Events are named by URIs. Names of other claims called `events`, such as `order:created`, are none of these. */
const EVENT_NAME = /^(?:[a-z][a-z\d+.-]*:\/\/|urn:)/i;

/**
 * Refuses a security event token (SET), such as a logout token, whose `typ` does not say what it is. It has the issuer,
 * the keys and often the audience of an access token: a logout token is for the client id. A SET with a `typ` of its own
 * is left to `token_types`, which must name it. A claim `events` that is a list, or whose members have other names or are
 * not objects, says nothing about the kind of the token.
 *
 * @param header - that of the token, which {@link checkJoseHeader} accepted
 * @see RFC 8417 §2.2, §4; RFC 8725 §3.12
 */
export function refuseSecurityEvent(
  header: Readonly<Record<string, unknown>>,
  claims: Claims,
  observe?: Observer,
): Refusal | undefined {
  const event = eventOf(claims);
  if (event === undefined) return undefined;
  observe?.('claim', `events names ${quote(event)}: a security event (RFC 8417), not an access token`);
  const typ = Object.hasOwn(header, 'typ') ? String(header['typ']) : '';
  const type = normalizeTokenType(typ);
  if (type.endsWith('+jwt') && type !== 'at+jwt') return undefined;
  return new Refusal('token_type_not_accepted', 'events names a security event');
}

function eventOf(claims: Claims): string | undefined {
  const events = Object.hasOwn(claims, 'events') ? claims['events'] : undefined;
  if (!isObject(events)) return undefined;
  const [event] =
    Object.entries(events).find(
      ([name, value]) => name === LOGOUT_EVENT || (EVENT_NAME.test(name) && isObject(value)),
    ) ?? [];
  return event;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
