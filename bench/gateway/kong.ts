import { startKongItself } from '../../spec/support/kong-itself';
import { launchNativeKong, type NativePluginServer } from '../../spec/support/kong-native';
import { descendantsOf, type NamedProcess } from '../process-meter';

/** Processes of a gateway, by whom their time is counted for. */
export interface Processes {
  /** All of Kong's. */
  kong(): readonly number[];
  /** Kong's workers alone. */
  workers(): readonly number[];
  pluginServers(): readonly number[];
}

/** A Kong that runs while a bench uses it. */
export interface BenchKong {
  readonly proxyUrl: string;
  readonly processes: Processes;
}

/**
 * Starts the `kong` on PATH with one worker and these plugin servers, and ends it after its use.
 *
 * @param declarativeConfig - text of a kong.yml
 * @param handler - whether Kong's worker loads this package's handler
 */
export async function withKong<T>(
  servers: readonly NativePluginServer[],
  declarativeConfig: string,
  handler: boolean,
  use: (kong: BenchKong) => Promise<T>,
): Promise<T> {
  let pid = 0;
  const kong = await startKongItself({ declarativeConfig }, async (settings) => {
    const quiet = {
      ...settings,
      environment: { ...settings.environment, KONG_LOG_LEVEL: 'notice', KONG_PROXY_ACCESS_LOG: 'off' },
    };
    const launched = await launchNativeKong(quiet, servers, handler);
    ({ pid } = launched);
    return launched;
  });
  const idsOf = (which: (process: NamedProcess) => boolean): number[] =>
    descendantsOf(pid)
      .filter(which)
      .map((process) => process.pid);
  const processes: Processes = {
    kong: () => idsOf(({ name }) => name === 'nginx'),
    workers: () => idsOf(({ name, pid: id }) => name === 'nginx' && id !== pid),
    pluginServers: () => idsOf(({ name }) => name === 'node'),
  };
  try {
    return await use({ proxyUrl: kong.proxyUrl, processes });
  } finally {
    await kong.stop();
  }
}
