'use strict';
/**
 * The least that a plugin server can do: it says what jwt-identity says to let a request through, always the same, and
 * looks at none of Kong's answers. What it costs is what Node and the sockets cost.
 *
 *     node bench/floor/plugin-server.js dump
 *     node bench/floor/plugin-server.js serve <socket>
 */
const { createServer } = require('node:net');
const { encodeFrames, FrameDecoder } = require('../../dist/src/protocol/frame');
const { decode, encode } = require('../../dist/src/protocol/message');
const { pdkMethods } = require('../../dist/src/protocol/pdk-methods');
const { rpcCall, rpcReturn } = require('../../dist/src/protocol/rpc-messages');

const NAME = 'floor';
const NOTHING = Buffer.alloc(0);
const GET_HEADERS = encodeFrames(call('kong.request.get_headers', [1000]));
const HEADERS = { authorization: [], 'X-User-ID': 'user-42', 'X-User-Roles': 'user,support' };
const SET_HEADERS = call('kong.service.request.set_headers', [HEADERS]);
/** Kong's answers to the two calls. */
const ANSWERS = 2;

function call(method, args) {
  return [Buffer.from(method), encode(pdkMethods[method].arguments, args)];
}

function serve(socket) {
  const decoder = new FrameDecoder();
  let sequence = 0;
  let answersDue = 0;
  const take = (payload) => {
    if (answersDue > 0) {
      answersDue -= 1;
      // The answer to set_headers comes when all is said.
      if (answersDue > 0) {
        socket.write(encodeFrames([...SET_HEADERS, NOTHING, encode(rpcReturn, { sequence })]));
      }
      return;
    }
    const request = decode(rpcCall, payload);
    sequence = request.sequence;
    if (request.handleEvent !== undefined) {
      answersDue = ANSWERS;
      socket.write(GET_HEADERS);
    } else {
      const instanceStatus = { name: NAME, instanceId: 1, startedAt: 1 };
      socket.write(encodeFrames([encode(rpcReturn, { sequence, instanceStatus })]));
    }
  };
  socket.on('data', (chunk) => {
    for (const payload of decoder.push(chunk)) take(payload);
  });
  socket.on('error', () => undefined);
}

const [, , command, socketPath] = process.argv;
if (command === 'dump') {
  const Schema = { name: NAME, fields: [{ config: { type: 'record', fields: [] } }] };
  const plugin = { Name: NAME, Version: '1.0.0', Priority: 985, Phases: ['access'], Schema };
  process.stdout.write(JSON.stringify({ Protocol: 'ProtoBuf:1', Plugins: [plugin] }));
} else {
  createServer(serve).listen({ path: socketPath, backlog: 65_535 }, () => {
    process.stderr.write('notice: serving\n');
  });
}
