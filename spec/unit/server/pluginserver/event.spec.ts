import { beforeEach, describe, expect, it } from '@jest/globals';
import { decode, encode } from '../../../../src/protocol/message';
import { exitArguments, objectResult, textResult } from '../../../../src/protocol/pdk-messages';
import {
  type EventFailure,
  type EventOutcome,
  type KongPort,
  PdkError,
  PhaseEvent,
} from '../../../../src/server/pluginserver/event';
import { createKongObject } from '../../../../src/server/pluginserver/kong-object';
import type { Pdk } from '../../../../plugin/jwt-identity/pdk';

/** A port that keeps what would be written, one list for each write. */
class RecordingPort implements KongPort {
  readonly writes: Buffer[][] = [];
  replies: (((payload: Buffer) => void) | null)[] = [];
  private queued: Buffer[] = [];
  private isFlushDue = false;

  queue(payload: Uint8Array): void {
    this.queued.push(Buffer.from(payload));
  }
  expectReply(onReply: ((payload: Buffer) => void) | null): void {
    this.replies.push(onReply);
  }
  flush(): void {
    if (this.queued.length > 0) this.writes.push(this.queued);
    this.queued = [];
  }
  flushSoon(): void {
    if (this.isFlushDue) return;
    this.isFlushDue = true;
    process.nextTick(() => {
      this.isFlushDue = false;
      this.flush();
    });
  }
  discard(): void {
    this.queued = [];
  }
  reply(payload: Uint8Array): void {
    this.replies.shift()!(Buffer.from(payload));
  }
  /** The methods that were called, one list for each write. */
  get methods(): string[][] {
    return this.writes.map((write) => write.filter((_, index) => index % 2 === 0).map(String));
  }
}

const HEADERS = encode(objectResult, { host: 'api.test' });
const ticks = async (): Promise<void> => new Promise(setImmediate);

describe('an event', () => {
  let port: RecordingPort;
  let event: PhaseEvent;
  let ends: [EventOutcome, EventFailure | undefined][];
  let kong: Pdk;

  beforeEach(() => {
    port = new RecordingPort();
    ends = [];
    event = new PhaseEvent(port, (outcome, failure) => {
      ends.push([outcome, failure]);
      port.flush();
    });
    kong = createKongObject(event.call) as Pdk;
  });

  const lastExit = (): readonly unknown[] => decode(exitArguments, port.writes.at(-1)!.at(-1)!);

  it('proceeds when the phase returned normally', async () => {
    event.run(() => undefined);
    await ticks();
    expect(ends).toEqual([['proceed', undefined]]);
  });

  it('reads in one write and leaves its writes for the write that ends it', async () => {
    event.run(async () => {
      await kong.request.getHeaders(1000);
      await kong.ctx.shared.set('authenticated_groups', ['admin']);
      await kong.service.request.setHeaders({ 'X-User-ID': 'u1' });
    });
    await ticks();
    expect(port.methods).toEqual([['kong.request.get_headers']]);
    port.reply(HEADERS);
    await ticks();
    expect(port.methods).toEqual([
      ['kong.request.get_headers'],
      ['kong.ctx.shared.set', 'kong.service.request.set_headers'],
    ]);
    expect(ends).toEqual([['proceed', undefined]]);
  });

  it('sends reads that start together in one write and answers each with its own', async () => {
    let seen: unknown;
    event.run(async () => {
      seen = await Promise.all([kong.request.getHeaders(1000), kong.request.getMethod()]);
    });
    await ticks();
    expect(port.methods).toEqual([['kong.request.get_headers', 'kong.request.get_method']]);
    port.reply(HEADERS);
    port.reply(encode(textResult, 'GET'));
    await ticks();
    expect(seen).toEqual([expect.objectContaining({ host: 'api.test' }), 'GET']);
  });

  it('sends a write before the read that follows it', async () => {
    event.run(async () => {
      await kong.ctx.shared.set('a', 1);
      await kong.request.getMethod();
    });
    await ticks();
    expect(port.methods).toEqual([['kong.ctx.shared.set', 'kong.request.get_method']]);
  });

  it('ends with exit in one write, with everything that came before it', async () => {
    event.run(async () => {
      await kong.service.request.setHeaders({ 'X-Before': '1' });
      await kong.response.exit(401, 'no', {});
    });
    await ticks();
    expect(port.methods).toEqual([['kong.service.request.set_headers', 'kong.response.exit']]);
    expect(ends).toEqual([['exit', undefined]]);
  });

  it('sends nothing after exit, and rejects what is called then', async () => {
    const late: unknown[] = [];
    event.run(async () => {
      await kong.response.exit(401, 'no', {});
      await kong.service.request.setHeaders({ 'X-After': '1' }).catch((error: unknown) => late.push(error));
      await kong.request.getHeaders(1000).catch((error: unknown) => late.push(error));
    });
    await ticks();
    expect(port.methods).toEqual([['kong.response.exit']]);
    expect(late).toEqual([expect.any(PdkError), expect.any(PdkError)]);
    expect(ends).toHaveLength(1);
  });

  it('sends nothing after its end, whatever the plugin still does', async () => {
    let callLate: () => Promise<unknown> = () => Promise.resolve();
    event.run(() => {
      callLate = () => kong.service.request.setHeaders({ 'X-After': '1' });
    });
    await ticks();
    await expect(callLate()).rejects.toThrow(PdkError);
    expect(port.writes).toEqual([]);
  });

  it.each([
    [
      'throws',
      (): unknown => {
        throw new TypeError('odd');
      },
    ],
    ['rejects', (): unknown => Promise.reject(new TypeError('odd'))],
    [
      'returns something that rejects when it is awaited',
      (): unknown => ({
        then: () => {
          throw new TypeError('odd');
        },
      }),
    ],
  ])('refuses the request when the phase %s', async (_, phase) => {
    event.run(phase);
    await ticks();
    expect(lastExit()[0]).toBe(500);
    expect(ends).toEqual([['failed', { reason: 'the plugin threw', error: expect.any(TypeError) }]]);
  });

  it('refuses with a fixed problem document that says nothing of the cause', async () => {
    event.run(() => Promise.reject(new Error('the key is s3cret')));
    await ticks();
    const [status, body, headers] = lastExit() as [number, Buffer, Record<string, unknown>];
    expect(status).toBe(500);
    expect(JSON.parse(Buffer.from(body).toString())).toMatchObject({ status: 500, code: 'internal_error' });
    expect({ ...headers }).toEqual({ 'Content-Type': 'application/problem+json', 'Cache-Control': 'no-store' });
  });

  it('drops the writes that were not sent when it fails', async () => {
    event.run(async () => {
      await kong.service.request.setHeaders({ 'X-User-ID': 'u1' });
      throw new TypeError('odd');
    });
    await ticks();
    expect(port.methods).toEqual([['kong.response.exit']]);
  });

  it.each<[string, (kong: Pdk) => unknown]>([
    ['a value that Kong cannot be told', (to) => to.ctx.shared.set('a', 1n)],
    ['headers that are none', (to) => to.service.request.setHeaders(undefined as never)],
    ['a status that is none', (to) => to.response.exit('none' as never, '', {})],
    ['a body that is none', (to) => to.response.exit(401, { code: 'no' } as never, {})],
  ])('refuses the request after a call with %s, even when the plugin does not look', async (_, call) => {
    event.run(() => {
      void call(kong);
    });
    await ticks();
    expect(lastExit()[0]).toBe(500);
    expect(ends).toEqual([
      ['failed', expect.objectContaining({ reason: expect.stringContaining('unusable arguments') })],
    ]);
  });

  it('refuses the request when the plugin calls a method that does not exist', async () => {
    event.run(() => (kong as unknown as { no: { such: () => unknown } }).no.such());
    await ticks();
    expect(ends).toEqual([['failed', { reason: 'the plugin threw', error: expect.any(TypeError) }]]);
  });

  it("refuses the request when Kong's answer cannot be read", async () => {
    let rejection: unknown;
    event.run(() =>
      kong.request.getHeaders(1000).catch((error: unknown) => {
        rejection = error;
      }),
    );
    await ticks();
    port.reply(Buffer.from('0aff', 'hex'));
    await ticks();
    expect(lastExit()[0]).toBe(500);
    expect(ends).toEqual([['failed', expect.objectContaining({ reason: expect.stringContaining('cannot be read') })]]);
    expect(rejection).toBeInstanceOf(PdkError);
  });

  it('refuses the request when the plugin returned before its reads were answered', async () => {
    event.run(() => {
      void kong.request.getHeaders(1000);
    });
    await ticks();
    expect(ends).toEqual([['failed', { reason: 'the plugin returned before its reads were answered' }]]);
    expect(lastExit()[0]).toBe(500);
  });

  it('rejects the open reads of a plugin whose event was failed', async () => {
    let rejection: unknown;
    event.run(() =>
      kong.request.getHeaders(1000).catch((error: unknown) => {
        rejection = error;
      }),
    );
    await ticks();
    event.fail({ reason: 'the plugin took longer than the deadline' });
    await ticks();
    expect(rejection).toBeInstanceOf(PdkError);
    expect(ends).toHaveLength(1);
  });

  it('sends nothing when Kong went away', async () => {
    event.run(() => kong.request.getHeaders(1000));
    await ticks();
    event.abandon();
    event.fail({ reason: 'later' });
    await ticks();
    expect(port.methods).toEqual([['kong.request.get_headers']]);
    expect(ends).toEqual([['abandoned', undefined]]);
  });
});
