import { Command, Option } from 'commander';
import type { DecisionAddress } from '../server/decisions/decision-server';
import { askDecisionServer } from '../server/processes/decision-health';
import { askForHealth, type ServerHealth } from '../server/processes/health';
import { SocketPathError } from '../server/processes/socket-path';
import { CommandFailure } from './command-failure';
import { decisionAddress } from './listen-address';

/** How long a healthy server may take to answer, in milliseconds. */
const TIMEOUT_MS = 5_000;

interface HealthFlags {
  readonly socket?: string;
  readonly authz?: DecisionAddress;
  readonly grpc: boolean;
  readonly strict: boolean;
}

/**
 * `health`: succeeds when a worker of the plugin server, or of the decision server, answers, and nobody else can have made
 * its socket. It says nothing about the gateway.
 */
export function healthCommand(): Command {
  return new Command('health')
    .description('check that the plugin server or the decision server serves (exit code 1 if not)')
    .option('--socket <path>', 'Unix socket of the plugin server, the same as pluginserver_<name>_socket')
    .addOption(
      new Option('--authz <address>', 'ADDRESS:PORT or path on which `authz` listens').argParser(decisionAddress),
    )
    .option('--grpc', 'it was started with --gateway envoy-grpc', false)
    .option('--strict', 'also end with 1 when an entry of the plugin cannot be used', false)
    .addHelpText(
      'after',
      `
Examples:
  $ kong-jwt-identity health --socket /usr/local/kong/jwt_identity.socket --strict
  $ kong-jwt-identity health --authz 127.0.0.1:9180`,
    )
    .action(async (flags: HealthFlags) => {
      const { socket, authz } = flags;
      if ((socket === undefined) === (authz === undefined)) {
        throw new CommandFailure('say whom to ask: --socket PATH or --authz ADDRESS');
      }
      const where = socket ?? (authz !== undefined && 'path' in authz ? authz.path : undefined);
      try {
        if (authz !== undefined) await reportDecisions(authz, flags.grpc);
        else await reportPlugins(socket ?? '', flags.strict);
      } catch (error) {
        if (error instanceof SocketPathError) throw new CommandFailure(error.message);
        const subject = where === undefined ? 'the decision server' : `socket ${where}`;
        throw new CommandFailure(`${subject}: ${(error as Error).message}`);
      }
    });
}

async function reportDecisions(address: DecisionAddress, isGrpc: boolean): Promise<void> {
  const policies = await askDecisionServer(address, isGrpc, TIMEOUT_MS);
  process.stdout.write(`deciding${policies === undefined ? '' : `; policies: ${policies}`}\n`);
}

async function reportPlugins(socket: string, strict: boolean): Promise<void> {
  const health = await askForHealth(socket, TIMEOUT_MS);
  process.stdout.write(`${describe(health)}\n`);
  if (strict && health.problems.length > 0) process.exitCode = 1;
}

function describe({ plugins, handlers, problems }: ServerHealth): string {
  const versions = [...new Set(handlers)].map((version) => (version === '' ? 'none' : version)).join(', ');
  return [
    `serving ${plugins.join(', ')}`,
    ...(handlers.length === 0 ? [] : [`handler in Kong's worker: ${versions}`]),
    ...problems.map((problem) => `an entry refuses every request: ${problem}`),
  ].join('; ');
}
