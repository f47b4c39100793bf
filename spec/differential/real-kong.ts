import { freePorts } from '../support/kong-itself';
import { launchNativeKong } from '../support/kong-native';

/** What Kong's Admin API says of a file. */
export interface KongAnswer {
  readonly isAccepted: boolean;
  /** The entities by kind and id, or what is wrong. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** A Kong with its bundled plugins, without this package's. */
export interface RealKong {
  readonly host: string;
  readonly port: number;
  /** Puts a file in force, unless it is refused. */
  load(text: string): Promise<KongAnswer>;
  stop(): Promise<void>;
}

const HOST = '127.0.0.1';
const EMPTY = `_format_version: '3.0'\n`;

/** Starts the `kong` on PATH. @throws with its log when it does not start */
export async function startRealKong(): Promise<RealKong> {
  const [port, adminPort] = await freePorts();
  const kong = await launchNativeKong(
    {
      declarativeConfig: EMPTY,
      environment: {
        KONG_DATABASE: 'off',
        KONG_PROXY_LISTEN: `${HOST}:${port}`,
        KONG_ADMIN_LISTEN: `${HOST}:${adminPort}`,
        KONG_ADMIN_GUI_LISTEN: 'off',
        KONG_STATUS_LISTEN: 'off',
        KONG_NGINX_WORKER_PROCESSES: '1',
        KONG_ANONYMOUS_REPORTS: 'off',
        KONG_LOG_LEVEL: 'crit',
        KONG_PROXY_ACCESS_LOG: 'off',
        KONG_ADMIN_ACCESS_LOG: 'off',
      },
    },
    [],
  );
  return {
    host: HOST,
    port,
    load: (text) => load(`http://${HOST}:${adminPort}/config`, text),
    stop: () => kong.stop(),
  };
}

async function load(url: string, text: string): Promise<KongAnswer> {
  // Kong takes what is JSON for JSON; a file is read as YAML. It must not begin with its byte order mark then.
  const config = text.startsWith('\ufeff') ? text : `# YAML\n${text}`;
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ config }),
  });
  const body = await response.text();
  return { isAccepted: response.status === 201, body: parse(body) };
}

function parse(body: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(body) as Readonly<Record<string, unknown>>;
  } catch {
    return { message: body };
  }
}
