import { sign } from 'node:crypto';
import { CompactSign, compactVerify } from 'jose';
import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ALGORITHMS } from '../../../schema/algorithms';
import { piecesOf } from '../../../src/revocation/list-text';
import { MAX_EDDSA_BYTES, openSignature } from '../../../src/revocation/signature-check';
import { readSignedText, signedPieces, type Signer } from '../../../src/revocation/signed-pieces';
import { KeyList } from '../../support/key-list';
import { segment, signingKey, signToken, type SigningKey } from '../../support/tokens';

const TYPE = 'revocation-list+jwt';
const CLAIMS = { iat: 1, note: 'ü'.repeat(20) };
const keys = new Map<string, SigningKey>();
let jws: ReadonlyMap<string, string>;

beforeAll(async () => {
  for (const alg of ALGORITHMS) keys.set(alg, signingKey(alg));
  const signed = ALGORITHMS.map(async (alg) => [alg, await signToken(keys.get(alg)!, CLAIMS, { typ: TYPE })] as const);
  jws = new Map(await Promise.all(signed));
});

const signerOf = (alg: string, changes: Partial<Signer> = {}): Signer => ({
  ...{ keys: new KeyList(keys.get(alg)!), algorithms: [], type: TYPE },
  ...changes,
});
const cut = (text: string, size: number): Uint8Array[] =>
  Array.from({ length: Math.ceil(text.length / size) }, (_, at) => Buffer.from(text.slice(at * size, (at + 1) * size)));
const read = async (text: string, signer: Signer, size = 7): Promise<string> => {
  const all: Uint8Array[] = [];
  for await (const piece of signedPieces(cut(text, size), signer)) all.push(piece);
  return Buffer.concat(all).toString();
};

describe('a signed document that comes in pieces', () => {
  it.each(ALGORITHMS)('is read when it is signed with %s, wherever the pieces are cut', async (alg) => {
    for (const size of [1, 2, 3, 5, 64, 10_000]) {
      expect(await read(jws.get(alg)!, signerOf(alg), size)).toBe(JSON.stringify(CLAIMS));
    }
    expect(await readSignedText([Buffer.from(`\n${jws.get(alg)!}\r\n`)], signerOf(alg))).toBe(JSON.stringify(CLAIMS));
  });

  it('is read only when jose accepts it, too, whatever is changed in it', async () => {
    const character = fc.constantFrom('', '.', 'A', 'B', '_', '=', ' ', '\n', '~');
    const changes = fc.tuple(
      fc.constantFrom(...ALGORITHMS),
      fc.nat(),
      fc.nat(2),
      character,
      fc.integer({ min: 1, max: 90 }),
    );
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(changes, async ([alg, where, gone, put, size]) => {
        const good = jws.get(alg)!;
        const at = where % (good.length + 1);
        const text = good.slice(0, at) + put + good.slice(at + gone);
        const content = await read(text, signerOf(alg), size).catch(() => undefined);
        if (content === undefined) return;
        accepted += 1;
        const { payload } = await compactVerify(text.trim(), keys.get(alg)!.publicKey);
        expect(content).toBe(Buffer.from(payload).toString());
      }),
      { numRuns: 600, seed: 22 },
    );
    // Some change nothing. Otherwise nothing was compared.
    expect(accepted).toBeGreaterThan(5);
  });

  it.each(['ES256', 'EdDSA', 'RS256'] as const)(
    'is read without a kid when one of the keys made it (%s)',
    async (alg) => {
      const [other, foreign] = [signingKey(alg), signingKey(alg)];
      const list = new KeyList(keys.get(alg)!, other);
      const [key, ...others] = list.keys;
      list.answer = { status: 'found', key: key!, others };
      const signer = signerOf(alg, { keys: list });
      const signed = async (by: SigningKey): Promise<string> =>
        read(await signToken(by, CLAIMS, { typ: TYPE }), signer);
      expect(await Promise.all([keys.get(alg)!, other].map(signed))).toEqual(Array(2).fill(JSON.stringify(CLAIMS)));
      await expect(signed(foreign)).rejects.toThrow('the signature of the document does not fit');
    },
  );

  it('is refused at its end, after its pieces, when the signature does not fit', async () => {
    const good = jws.get('ES256')!;
    const signature = good.slice(good.lastIndexOf('.') + 1);
    const other = await signToken(signingKey('ES256'), CLAIMS, { typ: TYPE });
    const zeros = Buffer.alloc(64).toString('base64url');
    for (const wrong of [other.slice(other.lastIndexOf('.') + 1), zeros, signature.slice(0, -2), `${signature}AA`]) {
      const pieces = signedPieces(cut(good.replace(signature, wrong), 1_000), signerOf('ES256'));
      expect((await pieces.next()).done).toBe(false);
      await expect(pieces.next()).rejects.toThrow('the signature of the document does not fit');
    }
  });

  it.each<readonly [string, (good: string) => string, string]>([
    ['is empty', () => '', 'not a signed JWT'],
    ['has no end', (good) => good.slice(0, good.lastIndexOf('.')), 'not a signed JWT'],
    ['has no signature', (good) => good.slice(0, good.lastIndexOf('.') + 1), 'not a signed JWT'],
    ['has a part too many', (good) => `${good}.AAAA`, 'not a signed JWT'],
    ['has a header of 10 KB', (good) => 'A'.repeat(10_240) + good, 'not a signed JWT'],
    ['has a signature of 10 KB', (good) => good + 'A'.repeat(10_240), 'not a signed JWT'],
    ['has a character of another alphabet', (good) => good.replace('.', '.+'), 'not a signed JWT'],
    ['is not signed', () => `${segment({ alg: 'none', typ: TYPE })}.${segment(CLAIMS)}.`, 'not accepted'],
    ['is of another type', () => `${segment({ alg: 'ES256', typ: 'at+jwt' })}.${segment(CLAIMS)}.AAAA`, 'not accepted'],
    ['names another algorithm', () => `${segment({ alg: 'ES384', typ: TYPE })}.${segment(CLAIMS)}.AAAA`, 'no key'],
  ])('is refused when it %s', async (_, changed, reason) => {
    await expect(read(changed(jws.get('ES256')!), signerOf('ES256'))).rejects.toThrow(reason);
  });

  it('is given up when its header does not end, before more of it is asked for', async () => {
    let given = 0;
    function* endless(): Generator<Uint8Array> {
      for (;;) {
        if ((given += 1) > 100) throw new Error('nobody should ask for so much');
        yield Buffer.alloc(1024, 'A');
      }
    }
    await expect(signedPieces(endless(), signerOf('ES256')).next()).rejects.toThrow('not a signed JWT');
    expect(given).toBe(9);
  });

  it('is refused while the keys are not available', async () => {
    const list = new KeyList(keys.get('ES256')!);
    list.answer = { status: 'unavailable', retryAfterSeconds: 7 };
    await expect(read(jws.get('ES256')!, signerOf('ES256', { keys: list }))).rejects.toThrow(
      'the keys that verify the document are not available',
    );
  });

  it('is refused when what was signed is not UTF-8', async () => {
    const key = keys.get('ES256')!;
    const signed = new CompactSign(Buffer.from([0x7b, 0xff])).setProtectedHeader({ alg: 'ES256', typ: TYPE });
    const text = await signed.sign(key.privateKey);
    await expect(readSignedText([Buffer.from(text)], signerOf('ES256'))).rejects.toThrow('the document is not UTF-8');
  });

  it.each(['EdDSA', 'Ed25519'] as const)(
    'is refused before its end when it is longer than %s can verify, which needs all of it in memory',
    async (alg) => {
      const header = `${segment({ alg, typ: TYPE })}.`;
      let given = 0;
      async function* pieces(): AsyncGenerator<Uint8Array> {
        yield await Promise.resolve(Buffer.from(header + 'A'.repeat(1024 * 1024 - header.length)));
        for (given = 1; given < 100; given += 1) yield await Promise.resolve(Buffer.alloc(1024 * 1024, 'A'));
      }
      const reading = async (): Promise<void> => {
        for await (const piece of signedPieces(pieces(), signerOf(alg))) expect(piece.length).toBeGreaterThan(0);
      };
      const limit = `a document signed with ${alg} may have ${MAX_EDDSA_BYTES} bytes`;
      await expect(reading()).rejects.toThrow(limit);
      expect(given).toBe(MAX_EDDSA_BYTES / (1024 * 1024));
    },
  );

  it('is read when it is as long as EdDSA can verify, and longer with another algorithm', async () => {
    for (const [alg, bytes] of [
      ['EdDSA', MAX_EDDSA_BYTES],
      ['ES256', MAX_EDDSA_BYTES + 4],
    ] as const) {
      // So long that the text behind it is a whole number of bytes.
      const header = Buffer.from(JSON.stringify({ alg, typ: TYPE }).padEnd(62)).toString('base64url');
      const input = Buffer.alloc(bytes, 'A');
      input.write(`${header}.`);
      const { privateKey } = keys.get(alg)!;
      const signature =
        alg === 'EdDSA'
          ? sign(null, input, privateKey)
          : sign('sha256', input, { key: privateKey, dsaEncoding: 'ieee-p1363' });
      const chunks = [input, Buffer.from(`.${signature.toString('base64url')}`)];
      let length = 0;
      for await (const piece of signedPieces(piecesOf(chunks), signerOf(alg))) length += piece.length;
      expect(length).toBe(((bytes - header.length - 1) * 3) / 4);
    }
  });

  it('is refused when its algorithm is not accepted', async () => {
    const signer = signerOf('ES256', { algorithms: ['RS256'] });
    await expect(read(jws.get('ES256')!, signer)).rejects.toThrow('alg is not one of the accepted algorithms');
  });

  it('is never verified with a key for another algorithm', () => {
    const { publicKey } = signingKey('RS256');
    expect(() => openSignature('HS256', { kid: null, algorithms: ['RS256'], key: publicKey })).toThrow('not for HS256');
  });
});
