import type { Tokens } from 'kong-plugin-jwt-identity/bff';
import * as oidc from 'openid-client';
import { settings } from './settings';

let configuration: Promise<oidc.Configuration> | undefined;

/** What the provider says about itself. Asked once, and again after a failure. */
export function provider(): Promise<oidc.Configuration> {
  const server = new URL(settings.issuer);
  // Plain HTTP is for a provider on this machine only.
  const isLocal = server.protocol === 'http:' && server.hostname === 'localhost';
  configuration ??= oidc
    .discovery(server, settings.clientId, settings.clientSecret, undefined, {
      execute: isLocal ? [oidc.allowInsecureRequests] : [],
    })
    .catch((error: unknown) => {
      configuration = undefined;
      throw error;
    });
  return configuration;
}

/** What a session keeps of an answer of the token endpoint. */
export function tokensOf(answer: oidc.TokenEndpointResponse): Tokens {
  return {
    accessToken: answer.access_token,
    expiresInSeconds: answer.expires_in ?? 60,
    refreshToken: answer.refresh_token,
    idToken: answer.id_token,
  };
}

/** Returns new tokens; `undefined` when the provider has ended the session. */
export async function renewed(refreshToken: string): Promise<Tokens | undefined> {
  try {
    const parameters = { resource: settings.resource };
    return tokensOf(await oidc.refreshTokenGrant(await provider(), refreshToken, parameters));
  } catch (error) {
    if (error instanceof oidc.ResponseBodyError && error.error === 'invalid_grant') return undefined;
    throw error;
  }
}
