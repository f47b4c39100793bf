import { readFileSync } from 'node:fs';
import { Option } from 'commander';
import { ConfigError } from '../../schema/config-error';
import { CONFIG_RECORD, PLUGIN_NAME } from '../../schema/parse-config';
import { LOGOUT_SCOPES, openLogout, type LogoutHandler } from '../gatekeeper/logout';
import { ConfigurationError } from '../kong/declarative/configuration-error';
import { resolvedConfig } from '../kong/declarative/route-config';
import { readYaml } from '../kong/declarative/yaml';
import { serveLogout } from '../server/endpoints/logout-endpoint';
import type { Log } from '../telemetry/log';
import { CommandFailure } from './command-failure';
import { listenAddress, type ListenAddress } from './listen-address';
import { openEndpoint } from './side-endpoint';

/** The flags for back-channel logout. */
export interface LogoutFlags {
  readonly logout?: ListenAddress;
  readonly logoutConfig?: string;
  readonly takeOver: boolean;
}

/** Returns the options of a server that takes logouts. */
export function logoutOptions(): readonly [Option, Option] {
  return [
    new Option(
      '--logout <address:port>',
      'take logout tokens of providers there (OpenID Connect Back-Channel Logout)',
    ).argParser(listenAddress),
    new Option(
      '--logout-config <file>',
      'file that names issuers of logout tokens and the list to write (docs/REVOCATION.md)',
    ),
  ];
}

/**
 * Serves the endpoint for back-channel logout, if it is wanted.
 *
 * @throws CommandFailure for a configuration that cannot be used, or the error of `listen(2)`
 */
export async function openLogoutEndpoint({ logout, logoutConfig, takeOver }: LogoutFlags, log: Log): Promise<void> {
  if (logout === undefined && logoutConfig === undefined) return;
  if (logout === undefined || logoutConfig === undefined) {
    throw new CommandFailure('--logout and --logout-config go together');
  }
  const handle = readHandler(logoutConfig, log);
  const says = { open: 'taking logouts', failed: 'logouts cannot be taken' };
  await openEndpoint(says, logout, takeOver, log, () => serveLogout(logout, handle, log));
}

function readHandler(path: string, log: Log): LogoutHandler {
  try {
    const file = readYaml(readFileSync(path, 'utf8'));
    if (typeof file !== 'object' || file === null || Array.isArray(file))
      throw new ConfigError('file', 'must be a map');
    const { revoke_by: revokeBy, entry_lifetime: entryLifetime, ...config } = file as Record<string, unknown>;
    const options: Record<string, unknown> = {};
    if (revokeBy !== undefined) {
      if (!LOGOUT_SCOPES.some((scope) => scope === revokeBy)) {
        throw new ConfigError('revoke_by', `must be one of ${LOGOUT_SCOPES.join(', ')}`);
      }
      options['revokeBy'] = revokeBy;
    }
    if (entryLifetime !== undefined) options['entryLifetime'] = entryLifetime;
    const plugin = { name: PLUGIN_NAME, config: CONFIG_RECORD };
    return openLogout(resolvedConfig(config, 'config', plugin, process.env), options, log);
  } catch (error) {
    if (error instanceof ConfigError || error instanceof ConfigurationError) {
      throw new CommandFailure(`--logout-config ${path}: ${error.message}`);
    }
    const { code } = error as NodeJS.ErrnoException;
    if (code !== undefined) throw new CommandFailure(`--logout-config ${path}: ${code}`);
    throw error;
  }
}
