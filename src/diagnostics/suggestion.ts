/** What people write who know another plugin or another library, and what is meant. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  allow_anonymous: 'allow_missing',
  anonymous: 'allow_missing',
  aud: 'audiences',
  audience: 'audiences',
  audience_required: 'audiences',
  bearer_only: 'allow_missing',
  claims_to_verify: 'required_claims',
  clock_skew: 'leeway',
  client_secret: 'secret',
  cookie: 'cookie_names',
  discovery_url: 'discovery',
  headers: 'identity_headers',
  iss: 'issuer',
  jwks_file: 'jwks',
  jwks_url: 'jwks_uri',
  jwk_set_uri: 'jwks_uri',
  key: 'public_key',
  max_age: 'maximum_expiration',
  rsa_public_key: 'public_key',
  scopes_required: 'authorize',
  roles_required: 'authorize',
  upstream_headers_claims: 'identity_headers',
  verify_ssl: 'key_fetch',
};

/**
 * Returns the known name that somebody who wrote `name` probably meant: one that differs by a few letters, or what other
 * software calls otherwise; `undefined` when none is near.
 */
export function suggestion(name: string, known: readonly string[]): string | undefined {
  const other = OTHER_NAMES[name.toLowerCase().replaceAll('-', '_')];
  if (other !== undefined && known.includes(other)) return other;
  const most = Math.max(1, Math.floor(name.length / 3));
  const near = known
    .map((candidate) => ({ candidate, distance: distanceOf(name.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ distance }) => distance <= most)
    .sort((a, b) => a.distance - b.distance);
  return near[0]?.candidate;
}

/** How many letters must be added, removed or changed (Levenshtein). */
function distanceOf(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let i = 1; i <= one.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= other.length; j += 1) {
      const changed = (row[j - 1] ?? 0) + (one[i - 1] === other[j - 1] ? 0 : 1);
      next.push(Math.min(changed, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[other.length] ?? 0;
}
