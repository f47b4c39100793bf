import type { ChildProcess } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { announceSigningKey } from '../../src/keys/signing-keys';
import { encodeFrames } from '../../src/protocol/frame';
import { encode } from '../../src/protocol/message';
import { rpcReturn } from '../../src/protocol/rpc-messages';
import { askForHealth } from '../../src/server/processes/health';
import { describeOtherUser, endOf, NOBODY, startAsNobody } from '../support/other-user';
import { runCommand, type RunningCommand, SCRIPTED_PLUGIN } from '../support/server-process';

/** Listens where the plugin server should, and answers a health check as that would. */
const ANSWER = encodeFrames([encode(rpcReturn, { sequence: 1, pluginNames: { names: ['scripted'] } })]);
const STRANGER = `
  const answer = Buffer.from('${ANSWER.toString('hex')}', 'hex');
  const path = process.argv[1];
  require('node:net')
    .createServer((socket) => socket.on('data', () => socket.write(answer)).on('error', () => undefined))
    .listen(path, () => {
      fs.chmodSync(path, 0o777);
      console.log('ready');
    });`;

let folder: string;
let socket: string;
const strangers: ChildProcess[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'other-user-'));
  socket = join(folder, 'run', 'plugin.sock');
  mkdirSync(join(folder, 'run'));
});
afterEach(async () => {
  await Promise.all(strangers.splice(0).map(endOf));
  rmSync(folder, { recursive: true });
});

const serve = (...flags: string[]): RunningCommand =>
  runCommand(['serve', '--socket', socket, '--plugin', SCRIPTED_PLUGIN, '--workers', '1', '--take-over', ...flags]);
const listenAsStranger = async (): Promise<void> => {
  strangers.push(await startAsNobody(STRANGER, socket));
};
const expectRefused = async (command: RunningCommand, reason: RegExp): Promise<void> => {
  await expect(command.ended).resolves.toBe(1);
  expect(command.stderr()).toMatch(reason);
  expect(command.output()).not.toContain('serving');
};

describeOtherUser('when another local user listens where the plugin server should', () => {
  it.each([
    ['everybody may write to the folder', 0o777, /others may write to the folder \S+run \(mode 0777\)/],
    ['everybody may create something in the folder', 0o1777, /others may write to the folder \S+run \(mode 1777\)/],
  ])('serve ends with 1 and health fails: %s', async (_, mode, reason) => {
    chmodSync(folder, 0o755);
    chmodSync(join(folder, 'run'), mode);
    await listenAsStranger();
    await expectRefused(serve(), reason);
    await expectRefused(runCommand(['health', '--socket', socket]), /others may write|belongs to another user/);
  });

  it('serve ends with 1 and health fails: that user made the folder in one that is open to all', async () => {
    rmSync(join(folder, 'run'), { recursive: true });
    chmodSync(folder, 0o1777);
    socket = join(folder, 'theirs', 'plugin.sock');
    strangers.push(
      await startAsNobody(`fs.mkdirSync(require('node:path').dirname(process.argv[1]));${STRANGER}`, socket),
    );
    for (const command of [serve(), runCommand(['health', '--socket', socket])]) {
      await expectRefused(command, /theirs belongs to another user \(uid 65534\)/);
    }
  });

  it('health succeeds when root gave the folder to that user, whom the plugin server then runs as', async () => {
    chmodSync(folder, 0o755);
    chownSync(join(folder, 'run'), NOBODY, NOBODY);
    await listenAsStranger();
    await expect(askForHealth(socket, 5_000)).resolves.toMatchObject({ plugins: ['scripted'] });
  });
});

describe('the command serve', () => {
  it('ends with 1 when its socket cannot be put in its place, and never says that it serves', async () => {
    // Loaded after the path was checked, and before the worker listens.
    const plugin = join(folder, 'plugin.js');
    writeFileSync(
      plugin,
      `require('node:fs').mkdirSync(${JSON.stringify(socket)}); module.exports = require(${JSON.stringify(SCRIPTED_PLUGIN)});`,
    );
    await expectRefused(
      serve('--plugin', plugin),
      /^error: socket \S+plugin\.sock: cannot be put in its place \(EISDIR\)\n$/m,
    );
  });

  it('ends with 1 when others may read the signing keys, and says what to do', async () => {
    const keys = join(folder, 'keys.json');
    writeFileSync(keys, announceSigningKey('EdDSA'));
    chmodSync(keys, 0o644);
    await expectRefused(
      serve('--signing-keys', keys),
      /^error: --signing-keys \S+keys\.json: others may read \S+keys\.json \(mode 0644\): chmod 0600, or 0640/,
    );
  });
});
