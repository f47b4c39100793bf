import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { encodeFrames, FrameDecoder, FrameTooLargeError } from '../../../src/protocol/frame';

const payloads = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 });
const cuts = fc.array(fc.nat({ max: 2_500 }), { maxLength: 12 });

function split(bytes: Buffer, at: readonly number[]): Buffer[] {
  const edges = [0, ...at.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
  return edges.slice(1).map((edge, index) => bytes.subarray(edges[index], edge));
}

describe('the frame decoder', () => {
  it('gives back the payloads however the stream is split', () => {
    fc.assert(
      fc.property(payloads, cuts, (sent, at) => {
        const decoder = new FrameDecoder();
        const received = split(encodeFrames(sent), at).flatMap((chunk) => decoder.push(chunk));
        expect(received.map((payload) => [...payload])).toEqual(sent.map((payload) => [...payload]));
        expect(decoder.isAtBoundary).toBe(true);
      }),
    );
  });

  it('gives back the payloads when every byte arrives alone', () => {
    const decoder = new FrameDecoder();
    const sent = [Buffer.from('kong.request.get_headers'), Buffer.alloc(0), Buffer.alloc(300, 7)];
    const received = [...encodeFrames(sent)].flatMap((byte) => decoder.push(Buffer.from([byte])));
    expect(received).toEqual(sent);
  });

  it('does not copy a payload that arrives whole', () => {
    const chunk = encodeFrames([Buffer.from('whole')]);
    expect(new FrameDecoder().push(chunk)[0]?.buffer).toBe(chunk.buffer);
  });

  it('refuses a frame beyond the limit as soon as its length is there', () => {
    const prefix = Buffer.from([0xff, 0xff, 0xff, 0xff]);
    expect(() => new FrameDecoder().push(prefix)).toThrow(FrameTooLargeError);
    const decoder = new FrameDecoder(4);
    expect(decoder.push(encodeFrames([Buffer.alloc(4)]))).toHaveLength(1);
    expect(() => decoder.push(encodeFrames([Buffer.alloc(5)]))).toThrow(FrameTooLargeError);
  });

  it('refuses a frame beyond the limit when its length is split', () => {
    const decoder = new FrameDecoder(4);
    expect(decoder.push(Buffer.from([5, 0]))).toEqual([]);
    expect(() => decoder.push(Buffer.from([0, 0]))).toThrow(FrameTooLargeError);
  });

  it('says when it is in the middle of a frame', () => {
    const decoder = new FrameDecoder();
    decoder.push(encodeFrames([Buffer.from('cut')]).subarray(0, 5));
    expect(decoder.isAtBoundary).toBe(false);
  });
});
