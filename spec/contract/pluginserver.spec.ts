import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { decode, encode } from '../../src/protocol/message';
import { findPdkMethod } from '../../src/protocol/pdk-methods';
import { rpcCall, rpcReturn } from '../../src/protocol/rpc-messages';
import type { PluginModule } from '../../src/server/pluginserver/plugin-module';
import transcript from '../fixtures/kong-transcripts/protobuf.json';
import { KongSide } from '../support/kong-side';
import { type LocalServer, startLocalServer } from '../support/local-server';

type Frame = readonly [from: 'kong' | 'plugin', kind: string, about: string, payload: string];
type Kong = Record<string, unknown>;
interface RecordedCall {
  readonly path: string[];
  readonly args: readonly unknown[];
}

const connections = transcript.connections as unknown as Frame[][];
const bytesOf = ([, , , payload]: Frame): Buffer => Buffer.from(payload, 'base64');

/** The PDK calls that the recorded plugin made in the event that begins at `frames[0]`. */
function callsOf(frames: readonly Frame[]): RecordedCall[] {
  const end = frames.findIndex(([, kind], index) => index > 0 && kind === 'rpc-call');
  const event = frames.slice(0, end === -1 ? undefined : end);
  return event
    .filter(([, kind]) => kind === 'pdk-args')
    .map((frame) => ({ path: frame[2].split('.'), args: decode(findPdkMethod(frame[2])!.arguments, bytesOf(frame)) }));
}

/** Kong's side of the recording, byte for byte, against the running server, with a plugin that makes the recorded calls. */
describe("the plugin server, against Kong's side of a recording of Kong 3.9.3", () => {
  let local: LocalServer;
  let script: RecordedCall[] = [];
  let instanceId = 0;
  const spike: PluginModule = {
    name: 'spike',
    version: '1.0.0',
    priority: 1,
    phases: ['access'],
    configFields: [],
    entityChecks: undefined,
    instantiate: () => ({
      access: async (kong: Kong) => {
        for (const { path, args } of script) {
          const owner = path.slice(1, -1).reduce((within, name) => within[name] as Kong, kong);
          await (owner[path.at(-1)!] as (...args: readonly unknown[]) => Promise<unknown>).apply(owner, [...args]);
        }
      },
    }),
  };

  beforeAll(async () => {
    local = await startLocalServer({ plugin: spike });
  });
  afterAll(() => local.stop());

  // The fourth connection calls a method that does not exist, which this server never does.
  it.each(connections.slice(0, 3).map((frames, index) => [index + 1, frames] as const))(
    'says on connection %i, byte for byte, what Kong accepted',
    async (_, frames) => {
      const kong = await KongSide.connect(local.socketPath);
      for (const [index, frame] of frames.entries()) {
        const [from, kind] = frame;
        if (kind === 'rpc-call') {
          script = callsOf(frames.slice(index));
          const call = decode(rpcCall, bytesOf(frame));
          // Only the id of the instance is the server's to choose.
          const handleEvent = call.handleEvent && { ...call.handleEvent, instanceId };
          kong.send(handleEvent ? encode(rpcCall, { ...call, handleEvent }) : bytesOf(frame));
        } else if (from === 'kong') {
          kong.send(bytesOf(frame));
        } else if (kind === 'rpc-return') {
          const said = decode(rpcReturn, (await kong.receive())!);
          const recorded = decode(rpcReturn, bytesOf(frame));
          expect(said.sequence).toBe(recorded.sequence);
          expect(said.instanceStatus?.name).toBe(recorded.instanceStatus?.name);
          instanceId = said.instanceStatus?.instanceId ?? instanceId;
        } else {
          expect((await kong.receive())?.toString('base64')).toBe(bytesOf(frame).toString('base64'));
        }
      }
      await kong.close();
    },
  );

  it('holds no event and no connection afterwards', async () => {
    await local.isQuiet();
    expect(local.server.eventCount).toBe(0);
    expect(local.server.connectionCount).toBe(0);
  });
});
