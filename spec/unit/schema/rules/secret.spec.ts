import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { Algorithm } from '../../../../schema/config';
import { holdsPublicKey } from '../../../../schema/rules/public-key-material';
import { secretBytes, secretProblem } from '../../../../schema/rules/secret';
import { CERTIFICATE } from '../../../support/pem-certificate';

const asText = (secret: string, ...algorithms: Algorithm[]) => ({ secret, secretIsBase64: false, algorithms });
const asBase64 = (secret: string, ...algorithms: Algorithm[]) => ({ secret, secretIsBase64: true, algorithms });
const publicKey = /is a public key or certificate/;

describe('the length of a shared secret', () => {
  it.each([
    ['HS256', 32],
    ['HS384', 48],
    ['HS512', 64],
  ] as const)('for %s is at least %d bytes', (algorithm, least) => {
    expect(secretProblem(asText('x'.repeat(least), algorithm))).toBeNull();
    expect(secretProblem(asText('x'.repeat(least - 1), algorithm))).toBe(
      `must have at least ${least} bytes for ${algorithm}, it has ${least - 1} (RFC 7518 §3.2)`,
    );
  });

  it('is enough for HS256 when no algorithm is listed, and for every one that is', () => {
    expect(secretProblem(asText('x'.repeat(31)))).toMatch(/at least 32 bytes/);
    expect(secretProblem(asText('x'.repeat(32)))).toBeNull();
    expect(secretProblem(asText('x'.repeat(63), 'HS256', 'HS512'))).toMatch(/at least 64 bytes/);
  });

  it('counts bytes, not characters', () => {
    expect(secretProblem(asText('ü'.repeat(16)))).toBeNull();
  });

  it('counts the decoded bytes of base64', () => {
    expect(secretProblem(asBase64(randomBytes(32).toString('base64')))).toBeNull();
    expect(secretProblem(asBase64(randomBytes(31).toString('base64')))).toMatch(/it has 31/);
  });
});

describe('a secret in base64', () => {
  const bytes = Buffer.alloc(32, 0xfb);

  it.each([bytes.toString('base64'), bytes.toString('base64url'), bytes.toString('base64').replace('=', '')])(
    'may be written as %s',
    (text) => {
      expect(secretProblem(asBase64(text))).toBeNull();
      expect(secretBytes(asBase64(text))).toEqual(bytes);
    },
  );

  it.each([`${'A'.repeat(44)}!`, 'A'.repeat(45), ` ${'A'.repeat(44)}`, `${'A'.repeat(44)}\n`, `${'A'.repeat(44)}=`])(
    'is not %j',
    (text) => {
      expect(secretProblem(asBase64(text))).toBe('is not base64 or base64url');
    },
  );

  it('is taken as it is unless it was said to be base64', () => {
    expect(secretBytes(asText('AAAA'))).toEqual(Buffer.from('AAAA'));
  });
});

/** Made with ssh-keygen for this spec alone. */
const SSH = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBAyVNbRDMsjFrAXVDtBnBnvXZNqxmWpmZ3u4nyBwYDD me';

describe('a public key as secret (C2)', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
  const ed = generateKeyPairSync('ed25519').publicKey;
  const body = (pem: string): string => pem.replace(/-----[^-]+-----|\s/g, '');
  const pem = (key: typeof rsa): string => key.export({ format: 'pem', type: 'spki' }).toString();
  const der = (key: typeof rsa): Buffer => key.export({ format: 'der', type: 'spki' });
  const texts: [string, string][] = [
    ['PEM, RSA', pem(rsa)],
    ['PEM, EC', pem(ec)],
    ['PEM, Ed25519', pem(ed)],
    ['PEM, PKCS#1', rsa.export({ format: 'pem', type: 'pkcs1' }).toString()],
    ['PEM, certificate', CERTIFICATE],
    ['PEM after blanks and a byte order mark', `\ufeff\n ${pem(ec)}`],
    ['PEM with its line ends written as \\n', pem(ec).replaceAll('\n', '\\n')],
    ['the base64 inside a PEM, RSA', body(pem(rsa))],
    ['the base64 inside a PEM, PKCS#1', body(rsa.export({ format: 'pem', type: 'pkcs1' }).toString())],
    ['the base64 inside a PEM, EC', body(pem(ec))],
    ['the base64 inside a PEM, Ed25519', body(pem(ed))],
    ['the base64 inside a PEM, certificate', body(CERTIFICATE)],
    ['JWK', JSON.stringify(ec.export({ format: 'jwk' }))],
    ['JWK set', JSON.stringify({ keys: [rsa.export({ format: 'jwk' })] }, null, 2)],
    ['SSH', `ssh-ed25519 ${'A'.repeat(68)} someone`],
    ['SSH with options before it', `no-pty,command="x" ${SSH}`],
    ['the base64 inside an SSH line', SSH.split(' ')[1] ?? ''],
    [
      'SSH2 text',
      `---- BEGIN SSH2 PUBLIC KEY ----\nComment: "me"\n${SSH.split(' ')[1] ?? ''}\n---- END SSH2 PUBLIC KEY ----`,
    ],
    ['PEM after a comment line', `# key of the provider\n${pem(ec)}`],
    ['PEM after Bag Attributes', `Bag Attributes\n    friendlyName: me\n${CERTIFICATE}`],
    ['PEM after NUL', `\0${pem(ec)}`],
    ['PEM after a no-break space', `\u00a0${pem(ec)}`],
    ['PEM in UTF-16', Buffer.from(pem(ec), 'utf16le').toString('latin1')],
    ['PEM as a JSON string', JSON.stringify(pem(ec))],
    ['PEM in a JSON list', JSON.stringify([pem(ec)])],
    ['OpenPGP', `-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n${'A'.repeat(64)}\n`],
    ['the base64 inside a PEM, after a comment line', `# my key\n${body(pem(ec))}`],
    ['the base64 inside a PEM, after a name', `public_key=${body(pem(rsa))}`],
    ['the base64 inside a PEM, wrapped, after NUL', `\0${pem(rsa).replace(/-----[^-]+-----/g, '')}`],
    ['x5c', JSON.stringify([body(CERTIFICATE)])],
    ['a JSON list of JWKs', JSON.stringify([ec.export({ format: 'jwk' })])],
    ['a JSON list of bytes', JSON.stringify([...der(ec)])],
    ['a JSON string of a JWK', JSON.stringify(JSON.stringify(ed.export({ format: 'jwk' })))],
    ['JWK after NUL and blanks', `\0 \u00a0${JSON.stringify(ec.export({ format: 'jwk' }))}`],
    ['DER in hexadecimal', der(ec).toString('hex')],
    [
      'DER in hexadecimal with colons and lines, upper case',
      der(rsa).toString('hex').toUpperCase().replace(/../g, '$&:').replace(/.{45}/g, '$&\n    '),
    ],
    ['DER in hexadecimal after 0x', `0x${der(ed).toString('hex')}`],
    ['the hexadecimal point of a curve', der(ec).subarray(-65).toString('hex')],
    ['XML', '<RSAKeyValue><Modulus>AQAB</Modulus><Exponent>AQAB</Exponent></RSAKeyValue>'],
  ];

  it.each(texts)('is refused as %s', (_, text) => {
    expect(secretProblem(asText(text))).toMatch(publicKey);
  });

  it.each(texts)('is refused as base64 of %s', (_, text) => {
    expect(secretProblem(asBase64(Buffer.from(text).toString('base64')))).toMatch(publicKey);
  });

  it.each([
    ['SPKI', ec.export({ format: 'der', type: 'spki' })],
    ['PKCS#1', rsa.export({ format: 'der', type: 'pkcs1' })],
    ['X.509', Buffer.from(body(CERTIFICATE), 'base64')],
    ['SPKI after NUL and before a line end', Buffer.concat([Buffer.alloc(3), der(ec), Buffer.from('\n')])],
    ['no DER: an SSH key', Buffer.from(SSH.split(' ')[1] ?? '', 'base64')],
    ['no DER: the point of a curve', der(ec).subarray(-65)],
  ])('is refused as base64 of DER, %s', (_, der) => {
    expect(secretProblem(asBase64(der.toString('base64url')))).toMatch(publicKey);
  });

  it('does not mistake random secrets for one, in any form', () => {
    for (let turn = 0; turn < 300; turn++) {
      const bytes = randomBytes(64 + (turn % 70));
      expect(holdsPublicKey(bytes)).toBe(false);
      for (const encoding of ['hex', 'base64', 'base64url', 'latin1'] as const) {
        expect(secretProblem(asText(bytes.toString(encoding)))).toBeNull();
      }
      expect(secretProblem(asText(JSON.stringify(bytes.toString('hex'))))).toBeNull();
      expect(secretProblem(asText(JSON.stringify([...bytes])))).toBeNull();
    }
  });

  it('does not mistake text that begins like one for one', () => {
    expect(secretProblem(asText(`{${'x'.repeat(40)}`))).toBeNull();
    expect(
      secretProblem(asBase64(Buffer.concat([Buffer.from([0x30, 30]), Buffer.alloc(30, 7)]).toString('base64'))),
    ).toBeNull();
  });

  it('is never quoted in the refusal', () => {
    expect(secretProblem(asText('hunter2'))).not.toContain('hunter2');
  });
});
