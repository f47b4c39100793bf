import { createGatekeepers, operatorsSigningKeys } from '../../gatekeeper/gatekeeper';
import type { Logger } from '../../telemetry/log';
import type { DecisionServer } from './decision-server';
import { abilitiesOf, ENVOY_GRPC, type GatewayName, HTTP_GATEWAYS } from './gateways';
import type * as GrpcServer from './grpc-server';
import type { Stripping } from './gateway';
import { httpDecisionServer } from './http-server';
import { peerFilter } from './peers';
import { type DecisionObserver, PendingDecisions } from './pending-decisions';
import { openPolicies, openPolicy } from './policies';
import type { NamedConfigs } from '../../policies/policy-file';
import { createReject } from './rejection';
import type { Violation } from '../../kong/schema-language/violation';

/** How decisions are served. */
export interface DecisionSettings {
  readonly gateway: GatewayName;
  readonly stripping: Stripping;
  /** Addresses and ranges that may ask, on TCP. */
  readonly peers: readonly string[];
  readonly deadlineMs: number;
  readonly logger: Logger;
  readonly observer?: DecisionObserver | undefined;
}

/** A decision server with its policies. */
export interface OpenDecisions {
  readonly server: DecisionServer;
  readonly pending: PendingDecisions;
  /** For metrics. */
  readonly measured: {
    readonly eventCount: number;
    readonly instances: { size: number; problems: readonly string[] };
  };
  /** Takes other policies from now on. @throws as {@link openDecisions}; then nothing has changed */
  use(policies: NamedConfigs): void;
}

/**
 * Opens policies and a server for them, which does not listen yet.
 *
 * @throws ConfigError for a policy that is wrong, or that the gateway cannot carry out
 */
export function openDecisions(policies: NamedConfigs, settings: DecisionSettings): OpenDecisions {
  const { gateway: name, stripping, peers, deadlineMs, logger, observer } = settings;
  const gateway = abilitiesOf(name);
  const mayAsk = peerFilter(peers);
  // The process that distributes the policies has logged their warnings.
  const openGatekeeper = createGatekeepers({ log: logger.log, onDoubt: () => undefined });
  const reject = createReject(logger);
  const open = (configs: NamedConfigs): ReturnType<typeof openPolicies> =>
    openPolicies(configs, { openGatekeeper, signingKeys: operatorsSigningKeys(), gateway, stripping, logger, reject });
  const pending = new PendingDecisions({ policies: open(policies), logger, reject, deadlineMs, observer });
  return {
    server:
      name === ENVOY_GRPC
        ? loadGrpc().grpcDecisionServer(pending, mayAsk, logger)
        : httpDecisionServer(HTTP_GATEWAYS[name], pending, mayAsk, logger),
    pending,
    measured: {
      get eventCount() {
        return pending.count;
      },
      get instances() {
        return { size: pending.policyCount, problems: [] };
      },
    },
    use: (configs) => {
      pending.use(open(configs));
    },
  };
}

/** Opens policies as a worker would, without serving anything. Each throws a `ConfigError` for what a worker would refuse. */
export interface PolicyCheck {
  /** All policies of a file. The error's field begins with the policy's name. */
  readonly all: (policies: NamedConfigs) => void;
  /** One configuration. The error's field begins with `config`. Returns what is doubtful about it. */
  readonly one: (config: unknown) => readonly Violation[];
}

/** Returns what checks policies for a gateway. It logs nothing. */
export function policyCheck({ gateway, stripping }: Pick<DecisionSettings, 'gateway' | 'stripping'>): PolicyCheck {
  const logger: Logger = { log: () => undefined, isEnabled: () => false };
  let doubts: Violation[] = [];
  const dependencies = {
    openGatekeeper: createGatekeepers({
      log: logger.log,
      onDoubt: (field, message) => doubts.push({ field, message }),
    }),
    signingKeys: operatorsSigningKeys(),
    gateway: abilitiesOf(gateway),
    stripping,
    logger,
    reject: createReject(logger),
  };
  return {
    all: (policies) => {
      doubts = [];
      openPolicies(policies, dependencies);
    },
    one: (config) => {
      doubts = [];
      openPolicy('', config, dependencies);
      return doubts;
    },
  };
}

function loadGrpc(): typeof GrpcServer {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- only Envoy needs the library
  return require('./grpc-server') as typeof GrpcServer;
}
