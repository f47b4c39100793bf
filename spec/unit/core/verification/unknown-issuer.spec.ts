import { describe, expect, it } from '@jest/globals';
import { unknownIssuer } from '../../../../src/core/verification/unknown-issuer';

const CONFIGURED = ['https://other.test', 'https://auth.test/realms/shop'];
const near = 'https://auth.test/realms/shop';

describe('a token of an unknown issuer', () => {
  it.each([
    ['a slash at its end', `${near}/`, 'by its last slash only'],
    ['upper case', near.toUpperCase(), 'by letter case only'],
    ['http:', near.replace('https', 'http'), 'by http: and https: only'],
    ['all of these', `HTTP://auth.test/realms/SHOP/`, 'by slash, letter case and scheme only'],
  ])('is refused with the issuer that was meant first when iss has %s', (_, iss, hint) => {
    const { code, reason, hints } = unknownIssuer(iss, CONFIGURED);
    expect([code, reason]).toEqual(['token_untrusted', 'iss is none of the issuers']);
    expect(hints.hint).toContain(hint);
    expect(hints.accepted).toEqual([near, 'https://other.test']);
  });

  it.each([
    ['another address', 'https://evil.test/SECRET'],
    ['a longer path', `${near}/SECRET`],
    ['a number', 7],
    ['nothing', undefined],
    ['a list', [near]],
    ['an object', {}],
    ['more text than any issuer has', `${near}/`.repeat(1000)],
  ])('is refused with the issuers of the configuration and nothing of iss when that is %s', (_, iss) => {
    const refusal = unknownIssuer(iss, CONFIGURED);
    expect(refusal.hints).toEqual({ accepted: CONFIGURED });
    expect(JSON.stringify(refusal)).not.toContain('SECRET');
  });
});
