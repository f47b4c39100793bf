import { returnPath } from 'kong-plugin-jwt-identity/bff';
import * as oidc from 'openid-client';
import { provider, tokensOf } from './provider';
import { loginAttempts, sessions } from './session';
import { settings } from './settings';

const REDIRECT_URI = `${settings.origin}/callback`;

/** Authorization code with PKCE, state and nonce (RFC 9700 §2.1.1). What has to be remembered is in a cookie. */
export async function beginLogin(wanted: string | null): Promise<Response> {
  const [state, nonce, codeVerifier] = [oidc.randomState(), oidc.randomNonce(), oidc.randomPKCECodeVerifier()];
  const url = oidc.buildAuthorizationUrl(await provider(), {
    redirect_uri: REDIRECT_URI,
    scope: settings.scope,
    resource: settings.resource,
    code_challenge: await oidc.calculatePKCECodeChallenge(codeVerifier),
    code_challenge_method: 'S256',
    state,
    nonce,
  });
  const attempt = { state, nonce, codeVerifier, returnTo: returnPath(wanted, settings.origin) };
  return redirect(url.href, [await loginAttempts().begin(attempt)]);
}

export async function finishLogin(request: Request): Promise<Response> {
  // By the own origin: what `Host` says is the browser's word.
  const { search, searchParams } = new URL(request.url);
  const found = await loginAttempts().finish(request, searchParams.get('state'));
  if (found === undefined) return redirect('/?login=unknown', []);
  const { attempt, setCookie } = found;
  try {
    const answer = await oidc.authorizationCodeGrant(
      await provider(),
      new URL(REDIRECT_URI + search),
      {
        expectedState: attempt.state,
        expectedNonce: attempt.nonce,
        pkceCodeVerifier: attempt.codeVerifier,
        idTokenExpected: true,
      },
      { resource: settings.resource },
    );
    return redirect(attempt.returnTo, [setCookie, ...(await sessions().begin(tokensOf(answer)))]);
  } catch (error) {
    // Its message may hold what the provider or the browser sent.
    const { name, code = '' } = error as Error & { code?: string };
    console.error('login failed:', name, code);
    return redirect(code === 'tokens_too_long' ? '/?login=too_long' : '/?login=failed', [setCookie]);
  }
}

/**
 * Ends the session here, and then at the provider, which ends its refresh token. Only one that outlives the session is
 * revoked: Keycloak would remove the session with it, and tell nobody of the logout.
 */
export async function logOut(request: Request): Promise<Response> {
  const session = await sessions().read(request);
  const forget = await sessions().end(request);
  if (session === undefined) return redirect('/', forget);
  try {
    const configuration = await provider();
    const outlives = settings.scope.split(' ').includes('offline_access');
    if (outlives && session.refreshToken !== undefined) {
      await oidc.tokenRevocation(configuration, session.refreshToken);
    }
    const url = oidc.buildEndSessionUrl(configuration, {
      post_logout_redirect_uri: `${settings.origin}/`,
      ...(session.idToken !== undefined && { id_token_hint: session.idToken }),
    });
    return redirect(url.href, forget);
  } catch (error) {
    console.error('logout at the provider failed:', (error as Error).name);
    return redirect('/?logout=here', forget);
  }
}

function redirect(location: string, setCookies: readonly string[]): Response {
  const response = new Response(null, { status: 303, headers: { Location: location, 'Cache-Control': 'no-store' } });
  for (const value of setCookies) response.headers.append('Set-Cookie', value);
  return response;
}
