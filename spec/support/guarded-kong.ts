import { type EchoService, startEchoService } from './echo-service';
import { type Kong, startKong } from './kong';
import { publicJwk, signingKey, signToken } from './tokens';

const key = signingKey('ES256', 'k1');
const ISSUER = 'https://auth.test/';

/** A kong.yml for the plugin, with a key of its own; YAML for a `_ignore` anchor named `identity`. */
export const IDENTITY = `
_format_version: '3.0'
_ignore:
  - &identity
    issuers: [{ issuer: '${ISSUER}', audiences: [shop], jwks: '${JSON.stringify({ keys: [publicJwk(key)] })}' }]
`;

/** Returns a token that {@link IDENTITY} takes, for Ada, an administrator; `claims` replace or add to hers. */
export function tokenFor(claims: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  return signToken(key, {
    iss: ISSUER,
    aud: 'shop',
    sub: 'ada',
    roles: ['admin'],
    iat: now,
    exp: now + 600,
    ...claims,
  });
}

/** A Kong before an echo service. */
export interface GuardedKong {
  readonly kong: Kong;
  readonly service: EchoService;
  stop(): Promise<void>;
}

/** Starts an echo service and a Kong whose kong.yml is {@link IDENTITY} and what `rest` says for the service's address. */
export async function startGuardedKong(
  rest: (serviceUrl: string) => string,
  service?: EchoService,
): Promise<GuardedKong> {
  const echo = service ?? (await startEchoService());
  const kong = await startKong({ declarativeConfig: IDENTITY + rest(echo.url) });
  return {
    kong,
    service: echo,
    stop: async () => {
      await kong.stop();
      await echo.stop();
    },
  };
}
