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
import { dumpCommand } from './dump';
import { explainCommand } from './explain';
import { healthCommand } from './health';
import { installCommand } from './install';
import { jwksCommand, signingKeysCommand } from './jwks';
import { revokeCommand } from './revoke';
import { resourceMetadataCommand } from './resource-metadata';
import { schemaCommand } from './schema';
import { serveCommand } from './serve';

/** Exit codes besides 0. */
const FAILED = 1;
const CALLED_WRONGLY = 2;

const program = new Command('kong-jwt-identity')
  .description('Plugin server, decision server and development gateway for the Kong plugin jwt-identity')
  .version(version)
  .exitOverride();

const commands = [
  checkCommand(),
  devCommand(),
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
for (const command of commands) program.addCommand(command.exitOverride());

program.parseAsync().catch((error: unknown) => {
  if (error instanceof CommandFailure) {
    process.stderr.write(`error: ${error.message}\n`);
    process.exitCode = FAILED;
  } else if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : CALLED_WRONGLY;
  } else {
    throw error;
  }
});
