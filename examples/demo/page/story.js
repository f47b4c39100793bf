/**
 * The story: requests to try, one after the other.
 *
 * @typedef {[name: string, value: string]} HeaderLine
 * @typedef {{ title: string, note: string, user?: string, kind?: string, target?: string, method?: string,
 *   path?: string, headers?: HeaderLine[], claims?: (claims: any) => void, rotate?: boolean, revoke?: boolean }} Step
 */

/** @type {Step[]} */
export const STORY = [
  {
    title: 'Alice reads her orders',
    note: 'Alice logged in and got a token. The gateway verifies it and tells the service who is calling. The token itself is removed.',
    user: 'alice',
  },
  {
    title: 'Somebody has no token',
    note: 'The gateway answers 401. The service does not receive the request.',
    user: '',
  },
  {
    title: 'Alice says she is Carol',
    note: 'Alice has a valid token and writes the identity headers herself. The gateway replaces them with what her token says.',
    user: 'alice',
    headers: [
      ['X-User-ID', 'carol'],
      ['X-User-Roles', 'admin'],
    ],
  },
  {
    title: 'She spells it X_User_ID',
    note: 'Many servers read X_User_ID and X-User-ID as the same header, and Kong forwards both. The plugin removes such variants too.',
    user: 'alice',
    headers: [
      ['X_User_ID', 'carol'],
      ['x_USER_roles', 'admin'],
    ],
  },
  {
    title: 'Alice tries the admin route',
    note: 'Her token is valid, but the route requires the role admin.',
    user: 'alice',
    path: '/admin',
  },
  {
    title: 'Carol tries the admin route',
    note: 'Carol has the role. The service reads her id and roles from the headers.',
    user: 'carol',
    path: '/admin',
  },
  {
    title: 'Alice makes herself admin',
    note: 'She changes the roles in her token. The signature no longer fits. The answer does not say so, because that would help an attacker to guess.',
    user: 'alice',
    path: '/admin',
    claims: (claims) => {
      claims.roles = ['admin'];
    },
  },
  {
    title: 'A token says alg: none',
    note: 'A token without a signature is never accepted, whatever its header says.',
    user: 'carol',
    kind: 'unsigned',
    path: '/admin',
  },
  {
    title: 'The public key as a secret',
    note: 'Algorithm confusion: the token is signed with HS256, and the secret is the public key of the provider. Keys are tied to their algorithm, so it is rejected.',
    user: 'carol',
    kind: 'confused',
    path: '/admin',
  },
  {
    title: 'A stranger signs a token',
    note: 'It has the same claims as a valid token, and even the name of the provider’s key.',
    user: 'carol',
    kind: 'stranger',
    path: '/admin',
  },
  {
    title: 'A token has expired',
    note: 'Its signature is genuine, so the client is told why it is rejected.',
    user: 'alice',
    kind: 'expired',
  },
  {
    title: 'Alice abuses Connection',
    note: 'Kong removes the headers that Connection names, after all plugins. The identity would be lost, so the request is rejected.',
    user: 'alice',
    headers: [['Connection', 'close, X-User-ID']],
  },
  {
    title: 'The catalog is for everybody',
    note: 'This route accepts requests without a token, as anonymous. Forged headers are removed here too.',
    user: '',
    path: '/catalog',
    headers: [['X-User-ID', 'carol']],
  },
  {
    title: 'The provider rotates its keys',
    note: 'From now on, the provider signs with another key. The gateway knows it already, and needs no reload. Tokens of the key before stay valid until they expire.',
    user: 'alice',
    rotate: true,
  },
  {
    title: 'A stolen token is revoked',
    note: 'The token has not expired and its signature is genuine. The provider has revoked it, and the gateway reads the list of revoked tokens every second. Undo the revocation and send the request again.',
    user: 'bob',
    revoke: true,
  },
  {
    title: 'Around the gateway',
    note: 'A service trusts its headers, so nothing but the gateway may reach it. This service accepts connections from the gateway’s address only.',
    user: '',
    target: 'orders',
    headers: [['X-User-ID', 'carol']],
  },
];
