import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { connect } from 'node:net';

const OAUTH2_PORT = 4180;

/** A running oauth2-proxy that verifies bearer tokens. */
export interface Oauth2Proxy {
  readonly process: ChildProcess;
  readonly host: string;
  readonly port: number;
}

/** Starts the `oauth2-proxy` on PATH for tokens of an issuer; `undefined`, with the reason printed, where there is none. */
export async function startOauth2Proxy(issuer: string): Promise<Oauth2Proxy | undefined> {
  if (spawnSync('oauth2-proxy', ['--version']).error !== undefined) {
    process.stdout.write(
      'oauth2-proxy: left out, it is not on PATH (go install github.com/oauth2-proxy/oauth2-proxy/v7@latest)\n',
    );
    return undefined;
  }
  const secret = '0123456789abcdef'.repeat(2);
  // It cannot be told to take a free port: an address that no other run has.
  const host = `127.99.${(process.pid >> 8) & 255}.${process.pid & 255 || 1}`;
  const flags = ['--provider=oidc', `--oidc-issuer-url=${issuer}`, '--client-id=shop', '--client-secret=none'];
  flags.push(
    `--cookie-secret=${secret}`,
    '--email-domain=*',
    '--skip-jwt-bearer-tokens=true',
    '--set-xauthrequest=true',
  );
  flags.push(
    `--http-address=${host}:${OAUTH2_PORT}`,
    '--upstream=static://200',
    '--reverse-proxy=true',
    '--trusted-proxy-ip=127.0.0.1',
  );
  flags.push('--request-logging=false', '--auth-logging=false', '--standard-logging=false');
  const child = spawn('oauth2-proxy', flags, { stdio: ['ignore', 'inherit', 'inherit'] });
  await listening(host, OAUTH2_PORT);
  return { process: child, host, port: OAUTH2_PORT };
}

/** Waits until a server listens. */
async function listening(host: string, port: number): Promise<void> {
  for (let looks = 0; looks < 600; looks++) {
    if (await takesConnections(host, port)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`nobody listens at ${host}:${port}`);
}

function takesConnections(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => {
      resolve(false);
    });
  });
}
