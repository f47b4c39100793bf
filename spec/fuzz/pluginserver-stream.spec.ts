import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { encodeFrames, FrameDecoder } from '../../src/protocol/frame';
import { decode, encode, MalformedMessageError } from '../../src/protocol/message';
import { findPdkMethod, pdkMethods } from '../../src/protocol/pdk-methods';
import { rpcCall } from '../../src/protocol/rpc-messages';
import type { PluginModule } from '../../src/server/pluginserver/plugin-module';
import type { Pdk } from '../../plugin/jwt-identity/pdk';
import transcript from '../fixtures/kong-transcripts/protobuf.json';
import { KongSide } from '../support/kong-side';
import { type LocalServer, startLocalServer } from '../support/local-server';
import { type ServerProcess, startServer } from '../support/server-process';

const GOOD = { authorization: 'Bearer good' };

/** Something that goes wrong with a stream of bytes. `at` is a part of its length. */
const damage = fc.oneof(
  fc.record({ kind: fc.constant('flip' as const), at: fc.nat(9_999), byte: fc.integer({ min: 1, max: 255 }) }),
  fc.record({ kind: fc.constant('insert' as const), at: fc.nat(9_999), bytes: fc.uint8Array({ maxLength: 12 }) }),
  fc.record({ kind: fc.constant('remove' as const), at: fc.nat(9_999), count: fc.integer({ min: 1, max: 12 }) }),
  fc.record({ kind: fc.constant('repeat' as const), at: fc.nat(9_999), count: fc.integer({ min: 1, max: 60 }) }),
  fc.record({ kind: fc.constant('cut' as const), at: fc.nat(9_999) }),
);
type Damage = typeof damage extends fc.Arbitrary<infer T> ? T : never;

function damaged(bytes: Buffer, by: Damage): Buffer {
  const at = Math.floor((by.at / 10_000) * bytes.length);
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
  switch (by.kind) {
    case 'flip':
      return Buffer.concat([before, Buffer.from([(after[0] ?? 0) ^ by.byte]), after.subarray(1)]);
    case 'insert':
      return Buffer.concat([before, by.bytes, after]);
    case 'remove':
      return Buffer.concat([before, after.subarray(by.count)]);
    case 'repeat':
      return Buffer.concat([before, after.subarray(0, by.count), after]);
    case 'cut':
      return before;
  }
}

const splits = fc.array(fc.nat(9_999), { maxLength: 6 });

function split(bytes: Buffer, parts: readonly number[]): Buffer[] {
  const edges = [0, ...parts.map((part) => Math.floor((part / 10_000) * bytes.length)), bytes.length];
  edges.sort((a, b) => a - b);
  return edges.slice(1).map((edge, index) => bytes.subarray(edges[index], edge));
}

/** How often "the event is over, proxy the request" stands in what the server said. */
function proceedsIn(said: Buffer): number {
  let proceeds = 0;
  const frames = new FrameDecoder().push(said);
  for (let frame = frames.shift(); frame !== undefined; frame = frames.shift()) {
    if (frame.length === 0) proceeds += 1;
    // What follows is the arguments of a method, or what the call returns.
    if (frame.length === 0 || findPdkMethod(frame.toString()) !== undefined) frames.shift();
  }
  return proceeds;
}

/** Writes the chunks one by one, hangs up, and returns everything that the server said. */
async function say(socketPath: string, chunks: readonly Buffer[]): Promise<Buffer> {
  const { socket, closed } = await KongSide.connect(socketPath);
  const said: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => said.push(chunk));
  for (const chunk of chunks) {
    socket.write(chunk);
    for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
  }
  socket.end();
  await closed;
  return Buffer.concat(said);
}

describe('a damaged stream', () => {
  let local: LocalServer;
  let kong: KongSide;
  let instanceId: number;
  /** Phases that came to the decision to let the request through. */
  let decided = 0;
  const plugin: PluginModule = {
    name: 'scripted',
    version: '1.0.0',
    priority: 1,
    phases: ['access'],
    configFields: [],
    entityChecks: undefined,
    instantiate: () => ({
      access: async ({ request, response, service }: Pdk) => {
        const [headers] = await Promise.all([request.getHeaders(1000), request.getMethod()]);
        if (headers['authorization'] !== GOOD.authorization) {
          await response.exit(401, '', {});
          return;
        }
        await service.request.setHeaders({ 'X-User-ID': 'u1' });
        decided += 1;
      },
    }),
  };
  const kongSays = (headers: Record<string, string>): Buffer => {
    const handleEvent = { instanceId, eventName: 'access' };
    const answers = [
      encode(pdkMethods['kong.request.get_headers'].result, headers),
      encode(pdkMethods['kong.request.get_method'].result, 'GET'),
      new Uint8Array(),
    ];
    return encodeFrames([encode(rpcCall, { sequence: 7, handleEvent }), ...answers]);
  };
  /** Says what may be said by anyone, and checks what must then be true. */
  const check = async (chunks: readonly Buffer[]): Promise<number> => {
    const before = decided;
    const proceeds = proceedsIn(await say(local.socketPath, chunks));
    expect(proceeds).toBeLessThanOrEqual(decided - before);
    await local.isQuiet();
    expect(local.server.eventCount).toBe(0);
    return proceeds;
  };

  beforeAll(async () => {
    local = await startLocalServer({ plugin });
    kong = await KongSide.connect(local.socketPath);
    instanceId = (await kong.start({}))!;
    await kong.close();
  });
  afterAll(async () => {
    const end = await (
      await KongSide.connect(local.socketPath)
    ).event(instanceId, {
      'kong.request.get_headers': GOOD,
      'kong.request.get_method': 'GET',
    });
    expect(end.outcome).toBe('proceed');
    await local.stop();
  });

  it('lets the request through however it is split, when nothing else is wrong with it', async () => {
    // Kong answers when it was asked: the call, the answers to both reads, the answer to the write.
    const whole = kongSays(GOOD);
    const edges = [0, 4 + whole.readUInt32LE(0), whole.length - 4, whole.length];
    await fc.assert(
      fc.asyncProperty(fc.tuple(splits, splits, splits), async (parts) => {
        const chunks = parts.flatMap((part, index) => split(whole.subarray(edges[index], edges[index + 1]), part));
        expect(await check(chunks)).toBe(1);
      }),
      { numRuns: 100 },
    );
  });

  it('lets no request through that was not decided', async () => {
    const streams = fc.constantFrom(...[GOOD, { authorization: 'Bearer forged' }].map(kongSays));
    await fc.assert(
      fc.asyncProperty(streams, fc.array(damage, { minLength: 1, maxLength: 4 }), splits, async (stream, by, parts) => {
        await check(split(by.reduce(damaged, stream), parts));
      }),
      { numRuns: 500 },
    );
  });

  it("lets no request through when Kong's recorded side is damaged", async () => {
    type Frame = readonly [from: string, kind: string, about: string, payload: string];
    const recorded = (transcript.connections as unknown as Frame[][]).map((frames) =>
      encodeFrames(
        frames.flatMap(([from, kind, , payload]) => {
          if (from !== 'kong') return [];
          const bytes = Buffer.from(payload, 'base64');
          const call = kind === 'rpc-call' ? decode(rpcCall, bytes) : {};
          // Only the id of the instance is the server's to choose.
          return call.handleEvent
            ? [encode(rpcCall, { ...call, handleEvent: { ...call.handleEvent, instanceId } })]
            : [bytes];
        }),
      ),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...recorded),
        fc.array(damage, { maxLength: 3 }),
        splits,
        async (all, by, parts) => {
          await check(split(by.reduce(damaged, all), parts));
        },
      ),
      { numRuns: 200 },
    );
  });

  it('lets nothing through when it is made of random bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), splits, async (bytes, parts) => {
        expect(await check(split(Buffer.from(bytes), parts))).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  it('is never an error of another kind than "malformed"', () => {
    const codecs = [rpcCall, ...Object.values(pdkMethods).flatMap((method) => [method.arguments, method.result])];
    fc.assert(
      fc.property(fc.constantFrom(...codecs), fc.uint8Array({ maxLength: 200 }), (codec, bytes) => {
        try {
          decode(codec as typeof rpcCall, bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedMessageError);
        }
      }),
      { numRuns: 3_000 },
    );
  });
});

describe('a server process that is fed junk', () => {
  let server: ServerProcess;
  beforeAll(async () => {
    server = await startServer('--workers', '1');
  });
  afterAll(() => server.stop());

  it('goes on in the same worker', async () => {
    const pid = await server.workerPid(1);
    const connection = await KongSide.connect(server.socketPath);
    const id = (await connection.start({ behaviour: 'check-token' }))!;
    const call = encodeFrames([encode(rpcCall, { sequence: 1, handleEvent: { instanceId: id, eventName: 'access' } })]);
    await fc.assert(
      fc.asyncProperty(fc.boolean(), fc.uint8Array({ maxLength: 400 }), splits, async (isEvent, bytes, parts) => {
        const junk = split(Buffer.from(bytes), parts);
        expect(proceedsIn(await say(server.socketPath, isEvent ? [call, ...junk] : junk))).toBe(0);
      }),
      { numRuns: 200 },
    );
    await expect(connection.event(id, { 'kong.request.get_headers': GOOD })).resolves.toMatchObject({
      outcome: 'proceed',
    });
    expect(await server.workerPid(1)).toBe(pid);
    expect(server.stderr()).not.toContain('died');
    await connection.close();
  });
});
