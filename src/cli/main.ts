#!/usr/bin/env node
import { surviveHangup } from '../server/processes/hangup';
// Before the other modules are loaded, which takes most of the time of a start.
if (process.argv[2] === 'serve' || process.argv[2] === 'authz') surviveHangup();
import { Command, CommanderError } from 'commander';
import { version } from '../../package.json';
import { authzCommand } from './authz';
import { checkCommand } from './check';
import { CommandFailure } from './command-failure';
import { devCommand } from './dev';
import { doctorCommand } from './doctor';
import { dumpCommand } from './dump';
import { explainCommand } from './explain';
import { healthCommand } from './health';
import { initCommand } from './init';
import { installCommand } from './install';
import { jwksCommand, signingKeysCommand } from './jwks';
import { revokeCommand } from './revoke';
import { resourceMetadataCommand } from './resource-metadata';
import { schemaCommand } from './schema';
import { serveCommand } from './serve';
import { refuseUnknownFlag } from './unknown-flag';

/** Exit codes besides 0. */
const FAILED = 1;
const CALLED_WRONGLY = 2;

const program = new Command('kong-jwt-identity')
  .description('Plugin server, decision server and development gateway for the Kong plugin jwt-identity')
  .version(version)
  .exitOverride();

const commands = [
  initCommand(),
  checkCommand(),
  devCommand(),
  doctorCommand(),
  dumpCommand(),
  serveCommand(),
  authzCommand(),
  explainCommand(),
  healthCommand(),
  revokeCommand(),
  jwksCommand(),
  signingKeysCommand(),
  schemaCommand(),
  resourceMetadataCommand(),
  installCommand(),
];
/** What `--help` shows after the flags, for the commands that most need it. */
const EXAMPLES: Readonly<Record<string, readonly string[]>> = {
  dev: ['kong-jwt-identity dev kong.yml --listen 8000'],
  serve: ['kong-jwt-identity serve --socket /usr/local/kong/jwt_identity.socket --take-over --metrics 9102'],
  explain: [
    'kong-jwt-identity explain kong.yml --path /orders --token token.txt',
    'kong-jwt-identity explain policies.yml --policy orders --token token.txt',
    'kong-jwt-identity explain --request-id 5d82cd7c2554d817029b270f9caac357 --log /usr/local/kong/logs/error.log',
  ],
  jwks: ['kong-jwt-identity jwks --signing-keys keys.json > public.json'],
  'signing-keys': ['kong-jwt-identity signing-keys > keys.json && chmod 0600 keys.json'],
};

for (const command of commands) {
  const examples = EXAMPLES[command.name()];
  if (examples !== undefined) command.addHelpText('after', `\nExamples:\n  $ ${examples.join('\n  $ ')}`);
  program.addCommand(command.exitOverride());
}

/** When the reader of the output is gone, such as `head`, there is nobody left to write to. */
let isEnding = false;
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (isEnding) return;
    isEnding = true;
    if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
    // `dev` has a plugin server and a folder to take with it; servers go on without a log.
    if (process.argv[2] === 'dev') process.kill(process.pid, 'SIGTERM');
    else if (process.argv[2] !== 'serve' && process.argv[2] !== 'authz') process.exit(0);
  });
}

async function run(): Promise<void> {
  const [name, ...args] = process.argv.slice(2);
  const command = commands.find((each) => each.name() === name);
  if (command !== undefined) refuseUnknownFlag(command, args);
  await program.parseAsync();
}

run().catch((error: unknown) => {
  if (error instanceof CommandFailure) {
    process.stderr.write(`error: ${error.message}\n`);
    process.exitCode = FAILED;
  } else if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : CALLED_WRONGLY;
  } else {
    throw error;
  }
});
