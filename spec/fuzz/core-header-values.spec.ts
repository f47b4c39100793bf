import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { encodeHeaderValue } from '../../src/core/identity/header-value';
import { Refusal } from '../../src/core/refusal/refusal';
import { type EchoService, startEchoService } from '../support/echo-service';
import { rawGet, sendRaw } from '../support/raw-http';

const isSafe = (value: unknown): boolean =>
  typeof value === 'number'
    ? Math.abs(value) <= Number.MAX_SAFE_INTEGER
    : typeof value !== 'object' || value === null || Object.values(value).every(isSafe);
/** Characters that ASCII, Latin-1 and UTF-8 write differently, which a string of any characters seldom has. */
const western = fc.string({ unit: fc.nat(0x2ff).map((code) => String.fromCharCode(code)), maxLength: 6 });
const json = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .jsonValue({ maxDepth: 4, stringUnit: 'binary' })
      .map((value) => JSON.parse(JSON.stringify(value)) as unknown),
  },
  { weight: 1, arbitrary: western },
  { weight: 1, arbitrary: fc.array(western, { maxLength: 4 }) },
);
/** What a list says: its items without those that are empty or null. */
const textsOf = (list: readonly unknown[]): string[] =>
  list
    .filter((item) => item !== null && item !== '')
    .map((item) => (typeof item === 'string' ? item : JSON.stringify(item)));
const mode = fc.constantFrom('refuse' as const, 'encode' as const);

describe('whatever a claim holds', () => {
  it('is read back by a service as it was, or not sent', () => {
    const sentOf = { text: 0, list: 0, object: 0 };
    fc.assert(
      fc.property(json, mode, (value, onUnsafe) => {
        const sent = encodeHeaderValue(value, 'c', onUnsafe);
        if (typeof sent !== 'string') return;
        expect(sent).toMatch(/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/);
        expect(isSafe(value)).toBe(true);
        const decoded = sent.split(',').map(decodeURIComponent);
        if (Array.isArray(value)) {
          sentOf.list += 1;
          const texts = textsOf(value);
          expect(decoded).toEqual(texts);
        } else {
          if (typeof value === 'string') sentOf.text += 1;
          else sentOf.object += 1;
          expect(decoded).toHaveLength(1);
          if (typeof value === 'string') expect(decoded[0]).toBe(value);
          else expect(JSON.parse(decoded[0]!)).toEqual(value);
        }
      }),
      { numRuns: 1500 },
    );
    for (const count of Object.values(sentOf)) expect(count).toBeGreaterThan(20);
  });

  it('is understood alike by a service that decodes before it splits, unless the configuration says "encode"', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary', minLength: 1 }), { minLength: 1 }), (items) => {
        const sent = encodeHeaderValue(items, 'c', 'refuse');
        if (typeof sent === 'string') expect(decodeURIComponent(sent).split(',')).toEqual(items);
        else expect(sent).toBeInstanceOf(Refusal);
      }),
      { numRuns: 500 },
    );
  });

  it('never reaches the reason of a refusal', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 8, maxLength: 12 }), mode, (secret, onUnsafe) => {
        for (const value of [`${secret},\n\ud800`, [`${secret},`], { [secret]: 2 ** 60 }, [null, secret]]) {
          const sent = encodeHeaderValue(value, 'c', onUnsafe);
          if (sent instanceof Refusal) expect(sent.reason).not.toContain(secret);
        }
      }),
    );
  });

  describe('over a socket', () => {
    let service: EchoService;
    beforeAll(async () => {
      service = await startEchoService();
    });
    afterAll(() => service.stop());

    it('is what a service reads, whose HTTP server takes bytes for Latin-1', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(json, { minLength: 1, maxLength: 8 }), mode, async (values, onUnsafe) => {
          const sent = values.flatMap((value, i) => {
            const encoded = encodeHeaderValue(value, 'c', onUnsafe);
            return typeof encoded === 'string' ? [{ name: `x-${i}`, value, encoded }] : [];
          });
          // Kong 3.9.3: a character of a header goes out as its UTF-8 bytes.
          const lines = sent.map(({ name, encoded }) => `${name}: ${Buffer.from(encoded).toString('latin1')}`);
          await sendRaw({ host: '127.0.0.1', port: service.port }, rawGet('/', lines));
          const { headers } = service.received.pop()!;
          for (const { name, value } of sent) {
            // One line, of which a service makes a list or a text, as it knows the claim.
            const [line = '', ...others] = headers[name] ?? [];
            expect(others).toEqual([]);
            const items = line.split(',').map(decodeURIComponent);
            if (!Array.isArray(value))
              expect(items).toEqual([typeof value === 'string' ? value : JSON.stringify(value)]);
            else expect(items).toEqual(textsOf(value));
          }
          expect(Object.keys(headers).filter((name) => name.startsWith('x-'))).toHaveLength(sent.length);
        }),
        { numRuns: 200 },
      );
      expect(service.received).toEqual([]);
    });
  });
});
