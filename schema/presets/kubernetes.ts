import type { Preset } from './preset';

/**
 * Tokens of service accounts of a Kubernetes cluster, bound to a pod (TokenRequest). The issuer is what the API server
 * was started with; tokens from secrets, which do not expire, are refused.
 *
 * @see https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#bound-service-account-tokens
 */
export const KUBERNETES: Preset = {
  issuer: 'https://kubernetes.default.svc.cluster.local',
  shape: /^https:\/\/[^{}]+$/,
  example: 'https://kubernetes.default.svc.cluster.local',
  keys: { jwksUri: 'https://kubernetes.default.svc/openid/v1/jwks' },
  algorithms: ['RS256', 'ES256'],
  requiredClaims: ['exp', '/kubernetes.io/namespace'],
  conditions: [{ claim: 'sub', matches: ['system:serviceaccount:*'] }],
};
