import type { PluginKind } from '../plugin-kind';
import { acl } from './acl';
import { correlationId } from './correlation-id';
import { cors } from './cors';
import { fileLog } from './file-log';
import { ipRestriction } from './ip-restriction';
import { keyAuth } from './key-auth';
import { rateLimiting } from './rate-limiting';
import { requestTermination } from './request-termination';

/** The plugins of Kong that this gateway has too, as far as a kong.yml of a guarded service needs them. */
export const bundledPlugins: readonly PluginKind[] = [
  acl,
  correlationId,
  cors,
  fileLog,
  ipRestriction,
  keyAuth,
  rateLimiting,
  requestTermination,
];
