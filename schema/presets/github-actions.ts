import type { Preset } from './preset';

/**
 * Tokens of workflows of GitHub Actions. Every repository of GitHub can get one for any audience, so an entry must say
 * whose workflows are believed.
 *
 * @see https://docs.github.com/en/actions/reference/security/oidc
 */
export const GITHUB_ACTIONS: Preset = {
  issuer: 'https://token.actions.githubusercontent.com',
  shape: /^https:\/\/[^{}]+[^/{}]$/,
  example: 'https://token.actions.githubusercontent.com',
  keys: { jwksUri: '{issuer}/.well-known/jwks' },
  algorithms: ['RS256'],
  demands: ['sub', 'repository', 'repository_id', 'repository_owner', 'repository_owner_id', 'job_workflow_ref'],
};
