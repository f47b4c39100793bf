/** What the supervisor and its workers say to each other. Configurations hold secrets: they travel on this channel only. */

import type { DecisionAddress } from '../decisions/decision-server';
import type { GatewayName } from '../decisions/gateways';
import type { Stripping } from '../decisions/gateway';
import type { NamedConfigs } from '../../policies/policy-file';

/** What a worker must know to start. It holds no secret. */
export interface WorkerSettings {
  readonly socketPath: string;
  readonly supervisorPid: number;
  /** Another server may take the socket over: until one does, workers go on when their supervisor is killed. */
  readonly takesOver: boolean;
  readonly pluginPath: string;
  readonly deadlineMs: number;
  readonly hasMetrics: boolean;
}

/** What a worker of the decision server must know to start. It holds no secret. */
export interface DecisionWorkerSettings {
  readonly gateway: GatewayName;
  readonly stripping: Stripping;
  /** Addresses and ranges that may ask, on TCP. */
  readonly peers: readonly string[];
  readonly address: DecisionAddress;
  readonly deadlineMs: number;
  readonly hasMetrics: boolean;
}

/** Environment variable with a worker's {@link WorkerSettings} or {@link DecisionWorkerSettings} as JSON. */
export const WORKER_SETTINGS_VARIABLE = 'JWT_IDENTITY_WORKER_SETTINGS';

/** Environment variable with the number of a worker's place, from 1; its replacement gets the same. */
export const WORKER_PLACE_VARIABLE = 'JWT_IDENTITY_WORKER_PLACE';

/** Worker → supervisor. */
export type FromWorker =
  | { readonly kind: 'register-instance'; readonly request: number; readonly config: string }
  | { readonly kind: 'find-instance'; readonly request: number; readonly id: number }
  | { readonly kind: 'close-instance'; readonly id: number }
  | { readonly kind: 'instances-used'; readonly ids: readonly number[] }
  | { readonly kind: 'policies-wanted' }
  | { readonly kind: 'alive' };

/** Supervisor → worker. */
export type ToWorker =
  | { readonly kind: 'instance-registered'; readonly request: number; readonly id: number }
  | { readonly kind: 'instance-found'; readonly request: number; readonly config: string | undefined }
  | { readonly kind: 'instance-closed'; readonly id: number }
  | { readonly kind: 'policies'; readonly policies: NamedConfigs }
  | { readonly kind: 'renew-keys' }
  | { readonly kind: 'drain' };
