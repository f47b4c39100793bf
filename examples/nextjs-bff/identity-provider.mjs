// A provider to try the login with (oidc-provider): anybody may sign in, with any password. carol is an administrator.
//
//     CLIENT_SECRET=… node identity-provider.mjs PORT ORIGIN_OF_THE_BFF [SECONDS_OF_AN_ACCESS_TOKEN]
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const [port, origin, seconds = '300'] = process.argv.slice(2);
const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });

const configuration = {
  jwks: { keys: [{ ...key, kid: 'demo', alg: 'ES256', use: 'sig' }] },
  cookies: { keys: [randomBytes(32).toString('base64url')] },
  clients: [
    {
      client_id: 'shop-bff',
      client_secret: process.env.CLIENT_SECRET,
      redirect_uris: [`${origin}/callback`],
      post_logout_redirect_uris: [`${origin}/`],
      backchannel_logout_uri: `${origin}/backchannel-logout`,
      backchannel_logout_session_required: true,
      grant_types: ['authorization_code', 'refresh_token'],
      id_token_signed_response_alg: 'ES256',
    },
  ],
  findAccount: (_, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
  extraTokenClaims: (_, token) => ({ sid: token.sid, roles: token.accountId === 'carol' ? ['admin'] : ['user'] }),
  // The library's own way asks no server on this machine, and the BFF is one.
  fetch: (url, { dispatcher: _, ...options }) => fetch(url, options),
  rotateRefreshToken: true,
  issueRefreshToken: () => true,
  ttl: {
    AccessToken: Number(seconds),
    IdToken: 3600,
    RefreshToken: 86_400,
    Session: 86_400,
    Grant: 86_400,
    Interaction: 3600,
  },
  features: {
    devInteractions: { enabled: true },
    revocation: { enabled: true },
    backchannelLogout: { enabled: true },
    rpInitiatedLogout: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => 'https://shop.example.com/api',
      useGrantedResource: () => true,
      getResourceServerInfo: (_, resource) => ({
        scope: '',
        audience: resource,
        accessTokenFormat: 'jwt',
        accessTokenTTL: Number(seconds),
        jwt: { sign: { alg: 'ES256' } },
      }),
    },
  },
};

const server = createServer().listen(Number(port), '127.0.0.1', () => {
  // Cookies do not tell ports apart: as 127.0.0.1 it would share those of the BFF.
  const issuer = `http://localhost:${server.address().port}`;
  const provider = new Provider(issuer, configuration);
  provider.on('backchannel.error', (_, error) => console.error('back-channel logout failed:', error.message));
  const callback = provider.callback();
  server.on('request', (request, response) => {
    if (request.url === '/token') console.log(`${request.method} /token`);
    callback(request, response);
  });
  console.log(`provider listens on ${server.address().port}`);
});
