import { availableParallelism } from 'node:os';
import { Command, InvalidArgumentError, Option } from 'commander';
import { ConfigError } from '../../schema/config-error';
import type { ResourceMetadata } from '../core/refusal/resource-metadata';
import { watchedFile } from '../documents/watched-file';
import { ConfigurationError } from '../kong/declarative/configuration-error';
import { type PolicyCheck, policyCheck } from '../server/decisions/decisions';
import { STRIPPING, type Stripping } from '../server/decisions/gateway';
import { ENVOY_GRPC, GATEWAY_NAMES, type GatewayName } from '../server/decisions/gateways';
import type { DecisionAddress } from '../server/decisions/decision-server';
import { LOOPBACK, peerFilter } from '../server/decisions/peers';
import { type NamedConfigs, readPolicies, readRoutePolicies } from '../policies/policy-file';
import { metadataOfPolicies } from '../server/decisions/policy-metadata';
import { serveResourceMetadata } from '../server/endpoints/resource-metadata-endpoint';
import { superviseDecisions } from '../server/processes/decision-supervisor';
import type { Log, Logger } from '../telemetry/log';
import { CommandFailure } from './command-failure';
import { type FileFormat, findingLogLine, inspect } from './diagnosis';
import { decisionAddress, listenAddress, type ListenAddress } from './listen-address';
import { missingPackages } from './optional-packages';
import { openEndpoint } from './side-endpoint';
import {
  addServerOptions,
  becomeServer,
  openEndpoints,
  startFailure,
  wholeNumber,
  type ServerFlags,
} from './server-flags';

interface AuthzFlags extends ServerFlags {
  readonly gateway: GatewayName;
  readonly policies?: string;
  readonly kong?: string;
  readonly listen: DecisionAddress;
  readonly gatewayStrips: Stripping;
  readonly peers?: readonly string[];
  readonly resourceMetadata?: ListenAddress;
}

/** `authz`: decides for gateways other than Kong. */
export function authzCommand(): Command {
  const command = new Command('authz')
    .description('run the decision server, for gateways that ask another server: Traefik, nginx, Caddy, HAProxy, Envoy')
    .addOption(new Option('--gateway <name>', 'which gateway asks').choices(GATEWAY_NAMES).makeOptionMandatory())
    .option('--policies <file>', 'policies.yml: a map of policies; each is the plugin’s config')
    .option('--kong <file>', 'kong.yml: the configuration of each guarded route is a policy, under the route’s name')
    .addOption(
      new Option('--listen <address>', 'ADDRESS:PORT, or the path of a Unix socket')
        .argParser(decisionAddress)
        .default({ host: '127.0.0.1', port: 9180 }, '127.0.0.1:9180'),
    )
    .addOption(
      new Option('--gateway-strips <what>', 'headers that clients forge and that the gateway’s own file removes')
        .choices(STRIPPING)
        .default('nothing', 'nothing: requests with such headers are refused'),
    )
    .addOption(
      // Not commander's default: an address that others can reach needs the flag.
      new Option(
        '--peers <ranges>',
        `addresses of the gateway, for TCP: addresses or CIDR ranges, with commas (default: ${LOOPBACK.join(',')})`,
      ).argParser(addressRanges),
    )
    .option(
      '--resource-metadata <address:port>',
      'serve the metadata of policies with resource_metadata there (RFC 9728)',
      listenAddress,
    )
    .option('--workers <count>', 'worker processes', wholeNumber(1, 256), Math.max(2, availableParallelism()))
    .option('--deadline <seconds>', 'a decision that takes longer is refused', wholeNumber(1, 59), 10)
    .option('--stuck-after <seconds>', 'a worker that hangs this long is replaced', wholeNumber(1, 3_600), 20);
  return addServerOptions(command).addHelpText('after', EXAMPLES).action(serveDecisions);
}

const EXAMPLES = `
The gateway asks for a policy by its name: http://127.0.0.1:9180/orders asks for the policy "orders".
The file is read again when it changes. If it has an error, the previous one stays in use, and the log names the error.

Examples:
  kong-jwt-identity authz --gateway traefik --policies policies.yml --gateway-strips everything
  kong-jwt-identity authz --gateway nginx --policies policies.yml --listen /run/jwt-identity/authz.sock --socket-mode 0660
  kong-jwt-identity authz --gateway envoy --kong kong.yml --listen 10.0.0.5:9180 --peers 10.0.0.0/28

policies.yml:
  policies:
    orders:
      issuers:
        - { issuer: https://auth.example.com/, audiences: [orders-api], jwks_uri: https://auth.example.com/jwks.json }
      authorize:
        - { roles: [user] }
`;

async function serveDecisions(flags: AuthzFlags): Promise<void> {
  const logger = becomeServer(flags);
  requirePeers(flags);
  requireGrpc(flags);
  if (flags.takeOver && !('path' in flags.listen)) {
    throw new CommandFailure('--take-over needs a Unix socket: --listen with a path');
  }
  try {
    await openEndpoints(flags, logger.log);
    const policies = openPolicyFile(flags, logger);
    await openResourceMetadata(flags, policies, logger.log);
    const exitCode = await superviseDecisions({
      gateway: flags.gateway,
      stripping: flags.gatewayStrips,
      peers: flags.peers ?? LOOPBACK,
      address: flags.listen,
      socketMode: flags.socketMode,
      takesOver: flags.takeOver,
      policies,
      workers: flags.workers,
      deadlineMs: flags.deadline * 1_000,
      stuckSeconds: flags.stuckAfter,
      metrics: flags.metrics,
      log: logger.log,
    });
    process.exit(exitCode);
  } catch (error) {
    const { metrics, jwks, resourceMetadata } = flags;
    throw startFailure(error, { '--metrics': metrics, '--jwks': jwks, '--resource-metadata': resourceMetadata });
  }
}

/**
 * Reads the policies now, and again whenever the file has changed. Likely mistakes are warnings in the log. What cannot be
 * used is said with its place, and changes nothing.
 */
function openPolicyFile(flags: AuthzFlags, logger: Logger): () => NamedConfigs {
  const { policies, kong, gateway, gatewayStrips } = flags;
  const path = policies ?? kong;
  if (path === undefined || (policies !== undefined && kong !== undefined)) {
    throw new CommandFailure('say where the policies are: --policies FILE or --kong FILE');
  }
  const format = policies === undefined ? 'kong' : 'policies';
  const check = policyCheck({ gateway, stripping: gatewayStrips });
  const parse = (text: string, before: NamedConfigs | undefined): NamedConfigs => {
    const findings = inspect(text, { format, open: check.one, overlaps: false }).findings();
    const { named, problem } = readNamed(text, format, (read) => {
      check.all(read);
      if (flags.resourceMetadata !== undefined) metadataOfPolicies(read);
    });
    if (problem === undefined) {
      for (const finding of findings) logger.log('warn', findingLogLine(path, finding));
      return named;
    }
    const errors = findings.filter(({ severity }) => severity === 'error');
    const lines =
      errors.length > 0
        ? errors.map((finding) => findingLogLine(path, finding))
        : problem.split('\n').map((line) => `${path}: ${line}`);
    if (before === undefined) throw new CommandFailure(lines.join('\n'));
    for (const line of lines) logger.log('error', line);
    throw new Error(`${lines.length} errors`);
  };
  try {
    return watchedFile(path, 'public', parse, { now: Date.now, log: logger.log });
  } catch (error) {
    throw error instanceof CommandFailure ? error : new CommandFailure(`${path}: ${(error as Error).message}`);
  }
}

/** The policies, or why they cannot be used. */
type Read =
  | { readonly named: NamedConfigs; readonly problem?: undefined }
  | { readonly named?: undefined; readonly problem: string };

function readNamed(text: string, format: FileFormat, check: PolicyCheck['all']): Read {
  try {
    const named = (format === 'policies' ? readPolicies : readRoutePolicies)(text, process.env);
    check(named);
    return { named };
  } catch (error) {
    if (error instanceof ConfigError || error instanceof ConfigurationError) return { problem: error.message };
    throw error;
  }
}

/** Serves the documents that challenges name, if that is wanted. */
async function openResourceMetadata(
  { resourceMetadata, takeOver }: AuthzFlags,
  policies: () => NamedConfigs,
  log: Log,
): Promise<void> {
  if (resourceMetadata === undefined) return;
  let [read, documents] = [policies(), metadataOfPolicies(policies())];
  const says = { open: 'publishing resource metadata', failed: 'resource metadata cannot be published' };
  const documentAt = (path: string): ResourceMetadata | undefined => {
    if (policies() !== read) [read, documents] = [policies(), metadataOfPolicies(policies())];
    return documents.get(path);
  };
  await openEndpoint(says, resourceMetadata, takeOver, log, () =>
    serveResourceMetadata(resourceMetadata, documentAt, log),
  );
}

/** The library for gRPC is not installed with this package. */
function requireGrpc({ gateway }: AuthzFlags): void {
  const missing = gateway === ENVOY_GRPC ? missingPackages('@grpc/', require.resolve) : [];
  if (missing.length === 0) return;
  throw new CommandFailure(
    `--gateway ${gateway} needs a package that is not installed: npm install ${missing.join(' ')}`,
  );
}

/** On an address that others can reach, somebody must have said who the gateway is. */
function requirePeers({ listen, peers }: AuthzFlags): void {
  if (peers !== undefined || 'path' in listen) return;
  const isLoopback = listen.host === 'localhost' || peerFilter(LOOPBACK)(listen.host, false);
  if (!isLoopback) throw new CommandFailure(`--listen ${listen.host} needs --peers: the addresses of the gateway`);
}

function addressRanges(text: string): readonly string[] {
  const ranges = text.split(',').map((range) => range.trim());
  try {
    peerFilter(ranges);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
  return ranges;
}
