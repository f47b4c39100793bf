import { describe, expect, it } from '@jest/globals';
import { LOGOUT_EVENT, refuseSecurityEvent } from '../../../../src/core/verification/security-event';

const judge = (events: unknown, typ?: unknown): string | undefined =>
  refuseSecurityEvent({ alg: 'ES256', ...(typ !== undefined && { typ }) }, { sub: 'ada', events })?.code;

describe('a token with the claim events', () => {
  it.each<[string, unknown]>([
    ['the event of a logout', { [LOGOUT_EVENT]: {} }],
    ['the event of a logout that is no object', { [LOGOUT_EVENT]: true }],
    ['the event of a logout beside other names', { login: {}, [LOGOUT_EVENT]: {} }],
    ['another event at a URL', { 'https://schemas.openid.net/secevent/caep/event-type/session-revoked': {} }],
    ['an event with a URN', { 'urn:ietf:params:scim:event:create': { ref: 'x' } }],
    ['an event with a URN in capital letters', { 'URN:example:event': {} }],
  ])('is refused when it names %s', (_, events) => {
    for (const typ of [undefined, 'JWT', 'jwt', 'at+jwt', 'application/at+jwt', 'custom']) {
      expect(judge(events, typ)).toBe('token_type_not_accepted');
    }
  });

  it.each<[string, unknown]>([
    ['is not there', undefined],
    ['is null', null],
    ['is a text', LOGOUT_EVENT],
    ['is a list', [LOGOUT_EVENT, { [LOGOUT_EVENT]: {} }]],
    ['is empty', {}],
    ['has names of another kind', { login: {}, 'order:created': { at: 1 }, https: {} }],
    ['has URLs that are counted', { 'https://example.com/conference': 3, 'urn:example:talk': [{}] }],
  ])('is no security event when the claim %s', (_, events) => {
    expect(judge(events)).toBeUndefined();
  });

  it('is left to token_types when its own typ says what it is', () => {
    for (const typ of ['logout+jwt', 'secevent+jwt', 'application/SECEVENT+JWT']) {
      expect(judge({ [LOGOUT_EVENT]: {} }, typ)).toBeUndefined();
    }
  });

  it('is only judged by its own members', () => {
    expect(
      refuseSecurityEvent(Object.create({ typ: 'logout+jwt' }) as Record<string, unknown>, {
        events: { [LOGOUT_EVENT]: {} },
      }),
    ).toBeDefined();
    expect(
      refuseSecurityEvent({}, Object.create({ events: { [LOGOUT_EVENT]: {} } }) as Record<string, unknown>),
    ).toBeUndefined();
  });
});
