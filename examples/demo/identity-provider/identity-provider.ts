import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { answerJson, isAddressedToUs, readBody } from '../http-answer';
import { listen, LOOPBACK, type Listening } from '../listen';
import { Revocations } from './revocations';
import { SigningKeys } from './signing-keys';
import { issueToken, TOKEN_LIFETIME_SECONDS, type TokenIssuer, type TokenKind } from './token-issuer';
import { USERS, type User } from './users';

/** For how long a gateway may keep the key set before it looks again, in seconds. */
const JWKS_MAX_AGE_SECONDS = 15;

/** A running identity provider. */
export interface IdentityProvider extends Listening {
  /** Makes a token without a login; see {@link issueToken}. */
  issue(user: User, kind: TokenKind): Promise<string>;
  /** Signs with the next key from now on; tokens from before stay good until they expire. */
  rotate(): Promise<void>;
  /** Revokes a token, or lets it count again. Returns whether it is one that can be named. */
  revoke(token: string, isRevoked: boolean): boolean;
}

/**
 * Starts a toy identity provider: passwords in the source, keys in memory, no TLS. What it shows is how little a gateway
 * needs of a real one: tokens that it signed, and its public keys at a URL.
 *
 * - `POST /login` with `user` and `password`, as a form: an access token (RFC 6749 §5.1)
 * - `GET /jwks.json`: the public keys
 * - `POST /rotate`: sign with the next key. `?stolen` also removes, at once, every key that signed until now
 * - `POST /revoke` with `token`, as a form: revoke a token (RFC 7009). With `undo=1` it counts again
 * - `GET /revoked.json`: the list of revoked tokens
 *
 * @param container - its name on a network of containers, where it then listens on every address
 * @param onRotate - told the `kid` that signs from now on, and how many keys are published
 */
export async function startIdentityProvider(
  port: number,
  now: () => number,
  container?: string,
  onRotate: (signing: string, published: number) => void = () => undefined,
): Promise<IdentityProvider> {
  const keys = await SigningKeys.create(now);
  const revocations = new Revocations(now);
  let issuer = '';
  const tokens = (): TokenIssuer => ({ issuer, keys, now });
  const rotate = async (keepForMs: number): Promise<void> => {
    await keys.rotate(keepForMs);
    onRotate(keys.current.jwk.kid ?? '', keys.jwks.keys.length);
  };
  const server = createServer((request, response) => {
    const isForUs = isAddressedToUs(request, container === undefined ? undefined : [container]);
    answer(request, response, isForUs, tokens(), rotate, revocations).catch(() => {
      response.destroy();
    });
  });
  const listening = await listen(server, port, 'identity provider', container === undefined ? LOOPBACK : '0.0.0.0');
  issuer = `http://${container ?? LOOPBACK}:${listening.port}/`;
  return {
    ...listening,
    issue: (user, kind) => issueToken(tokens(), user, kind),
    rotate: () => rotate(TOKEN_LIFETIME_SECONDS * 1000),
    revoke: (token, isRevoked) => revocations.set(token, isRevoked),
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  isForUs: boolean,
  tokens: TokenIssuer,
  rotate: (keepForMs: number) => Promise<void>,
  revocations: Revocations,
): Promise<void> {
  if (!isForUs) {
    answerJson(response, 421, { error: 'misdirected_request' });
    return;
  }
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://provider.invalid');
  switch (`${request.method ?? ''} ${pathname}`) {
    case 'POST /login':
      await logIn(request, response, tokens);
      break;
    case 'GET /jwks.json':
      answerJson(response, 200, tokens.keys.jwks, { 'Cache-Control': `public, max-age=${JWKS_MAX_AGE_SECONDS}` });
      break;
    case 'POST /rotate':
      await rotate(searchParams.has('stolen') ? 0 : TOKEN_LIFETIME_SECONDS * 1000);
      answerJson(response, 200, { signing: tokens.keys.current.jwk.kid, published: tokens.keys.jwks.keys.length });
      break;
    case 'POST /revoke': {
      const form = new URLSearchParams(await readBody(request));
      const isNamed = revocations.set(form.get('token') ?? '', !form.has('undo'));
      if (isNamed) answerJson(response, 200, { revoked: !form.has('undo') });
      else answerJson(response, 400, { error: 'invalid_request', error_description: 'The token has no jti.' });
      break;
    }
    case 'GET /revoked.json':
      answerJson(response, 200, revocations.list(tokens.issuer));
      break;
    default:
      answerJson(response, 404, { error: 'not_found' });
  }
}

async function logIn(request: IncomingMessage, response: ServerResponse, tokens: TokenIssuer): Promise<void> {
  const form = new URLSearchParams(await readBody(request));
  const user = USERS.find(({ id, password }) => id === form.get('user') && password === form.get('password'));
  if (user === undefined) {
    answerJson(response, 401, { error: 'invalid_grant', error_description: 'Unknown user or wrong password.' });
    return;
  }
  answerJson(response, 200, {
    access_token: await issueToken(tokens, user, 'good'),
    token_type: 'Bearer',
    expires_in: TOKEN_LIFETIME_SECONDS,
  });
}
