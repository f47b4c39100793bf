import { describe, expect, it } from '@jest/globals';
import { decodeCompactJws } from '../../../../src/core/verification/compact-jws';
import { Refusal } from '../../../../src/core/refusal/refusal';
import { segment } from '../../../support/tokens';

const token = (header: unknown, claims: unknown, signature = 'AAAA'): string =>
  `${segment(header)}.${segment(claims)}.${signature}`;

describe('decoding a compact JWS', () => {
  it('hands on header and claims as they are', () => {
    const [header, claims] = [
      { alg: 'HS256', typ: 'JWT' },
      { iss: 'joe', 'http://example.com/is_root': true },
    ];
    expect(decodeCompactJws(token(header, claims))).toEqual({ header, claims });
  });

  it('takes the last of duplicate members, as RFC 7515 §4 and RFC 7519 §4 allow', () => {
    expect(decodeCompactJws(token('{"alg":"none","alg":"HS256"}', '{"sub":"a","sub":"b"}'))).toMatchObject({
      header: { alg: 'HS256' },
      claims: { sub: 'b' },
    });
  });

  it('survives nesting 10,000 deep', () => {
    const deep = `{"a":${'['.repeat(10_000)}${']'.repeat(10_000)}}`;
    expect(decodeCompactJws(token({}, deep))).not.toBeInstanceOf(Refusal);
  });

  it.each([
    ['is empty', ''],
    ['has one segment', 'abc'],
    ['has two segments', `${segment({})}.${segment({})}`],
    ['has four segments', `${token({}, {})}.AAAA`],
    ['is a JWE', 'a.b.c.d.e'],
    ['has hundreds of dots', '.'.repeat(8000)],
    ['has an empty header', `.${segment({})}.AAAA`],
    ['has an empty payload', `${segment({})}..AAAA`],
    ['has an empty signature', `${segment({})}.${segment({})}.`],
    ['is padded', `${segment({})}=.${segment({})}.AAAA`],
    ['uses the alphabet of plain base64', `${segment({})}.${segment({})}.+/+/`],
    ['holds a blank', `${segment({})}. ${segment({})}.AAAA`],
    ['has unused bits set in its signature', `${segment({})}.${segment({})}.AB`],
    ['has unused bits set in its payload', `${segment({})}.e31.AAAA`.replace('e30', 'e31')],
    ['has a segment of impossible length', `${segment({})}.${segment({})}.A`],
    ['has a header that is a list', token([], {})],
    ['has a header that is null', token('null', {})],
    ['has a payload that is a list', token({}, [])],
    ['has a payload that is a string', token({}, '"x"')],
    ['has a payload that is another token', token({}, 'eyJ9.eyJ9.AAAA')],
    ['has a payload that starts with a BOM', token({}, Buffer.from([0xef, 0xbb, 0xbf, 0x7b, 0x7d]))],
    ['has a payload that is not UTF-8', token({}, Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]))],
    ['has JSON with a trailing comma', token({}, '{"a":1,}')],
  ])('refuses a token that %s', (_, text) => {
    expect(decodeCompactJws(text)).toMatchObject({ code: 'token_malformed' });
  });

  it('says that an unsecured token has no signature, not that it is spelled wrong (alg: none, RFC 7518 §3.6)', () => {
    const unsecured = `${segment({ alg: 'none' })}.${segment({})}.`;
    expect(decodeCompactJws(unsecured)).toMatchObject({ code: 'token_malformed', reason: 'it has no signature' });
    expect(decodeCompactJws(`${unsecured}A`)).toMatchObject({ reason: 'signature is not base64url' });
  });
});
