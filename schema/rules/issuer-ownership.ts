import { PUBLIC_KEY_ALGORITHMS, SECRET_ALGORITHMS } from '../algorithms';
import type { Algorithm, IssuerConfig } from '../config';
import { issuerTemplate, tenantIn, type IssuerTemplate } from '../issuer-template';
import type { Violation } from '../../src/kong/schema-language/violation';

/**
 * Returns the algorithms by which entries of one issuer are told apart: the listed ones, or all of the family that the
 * keys belong to. A secret never verifies a public-key algorithm, and a public key never an HMAC.
 */
export function acceptedAlgorithms({ algorithms, secret, jwks }: KeysOfEntry): readonly Algorithm[] {
  if (algorithms.length > 0) return algorithms;
  return secret !== null || (jwks !== null && holdsSecrets(jwks)) ? SECRET_ALGORITHMS : PUBLIC_KEY_ALGORITHMS;
}

type KeysOfEntry = Pick<IssuerConfig, 'algorithms' | 'secret' | 'jwks'>;

/** A set in the configuration is of one kind: one that mixes them is refused when it is loaded. */
function holdsSecrets(text: string): boolean {
  try {
    const { keys } = JSON.parse(text) as { readonly keys?: unknown };
    return Array.isArray(keys) && keys.some((key) => (key as { readonly kty?: unknown } | null)?.kty === 'oct');
  } catch {
    return false;
  }
}

/** An entry, with what its issuer and its tenants are compared by. */
interface Owner {
  readonly entry: IssuerConfig;
  /** Such as `issuers[1]`. */
  readonly name: string;
  readonly template: IssuerTemplate | undefined;
  readonly tenants: ReadonlySet<string> | undefined;
}

/**
 * Returns what is wrong with the entries as owners of tokens: each token must have one. Entries of one issuer are told
 * apart by the algorithms they accept, or by key sets of their own. An entry that names a whole issuer decides alone
 * about it, beside a template of any tenant.
 */
export function ownershipViolations(issuers: readonly IssuerConfig[]): Violation[] {
  const owners = issuers.map(ownerOf);
  const templates = owners.filter(({ template }) => template !== undefined);
  const earlierByIssuer = new Map<string, Owner[]>();
  return owners.flatMap((owner) => {
    const sameText = earlierByIssuer.get(owner.entry.issuer) ?? [];
    earlierByIssuer.set(owner.entry.issuer, [...sameText, owner]);
    const others = owner.template === undefined ? sameText : templates.slice(0, templates.indexOf(owner));
    const problems = [
      ...others.map((earlier) => twoOwnersProblem(owner, earlier)),
      ...(owner.template === undefined ? templates.map((other) => listedProblem(owner, other)) : []),
    ];
    const problem = problems.find((message) => message !== null) ?? null;
    return problem === null ? [] : [{ field: `config.${owner.name}.issuer`, message: problem }];
  });
}

function ownerOf(entry: IssuerConfig, index: number): Owner {
  const template = issuerTemplate(entry.issuer);
  return {
    entry,
    name: `issuers[${index + 1}]`,
    template: typeof template === 'object' ? template : undefined,
    tenants: entry.tenants === null ? undefined : new Set(entry.tenants),
  };
}

function listedProblem({ entry: { issuer } }: Owner, { name, template, tenants }: Owner): string | null {
  const tenant = template && tenantIn(issuer, template);
  return tenant !== undefined && tenants?.has(tenant) === true ? `is also that of a tenant of ${name}` : null;
}

function twoOwnersProblem(owner: Owner, earlier: Owner): string | null {
  if (!mayShareIssuer(owner, earlier)) return null;
  const repeats = `repeats that of ${earlier.name}`;
  if (!hasSameForm(owner, earlier)) {
    return `may stand for an issuer of ${earlier.name}: two templates must differ before or after the placeholder`;
  }
  const algorithms = acceptedAlgorithms(owner.entry);
  if (!acceptedAlgorithms(earlier.entry).some((algorithm) => algorithms.includes(algorithm))) return null;
  if (!choosesByKid(owner.entry) || !choosesByKid(earlier.entry)) {
    return `${repeats}: entries of one issuer must differ in algorithms, unless each has a key set (jwks_uri, discovery, jwks)`;
  }
  return mayBeSameSet(owner.entry, earlier.entry)
    ? `${repeats}, with the same keys: entries of one issuer must differ in algorithms or key sets`
    : null;
}

function mayShareIssuer(one: Owner, other: Owner): boolean {
  const [a, b] = [one.template, other.template];
  if (a === undefined || b === undefined) return one.entry.issuer === other.entry.issuer;
  if (hasSameForm(one, other)) {
    const { tenants } = one;
    return (
      tenants === undefined || other.tenants === undefined || [...tenants].some((name) => other.tenants?.has(name))
    );
  }
  const before = a.prefix.startsWith(b.prefix) || b.prefix.startsWith(a.prefix);
  const after = a.suffix.endsWith(b.suffix) || b.suffix.endsWith(a.suffix);
  return before && after;
}

function hasSameForm({ template: a, entry }: Owner, { template: b, entry: other }: Owner): boolean {
  return a === undefined || b === undefined
    ? entry.issuer === other.issuer
    : a.prefix === b.prefix && a.suffix === b.suffix;
}

/** A key set finds its keys by `kid`. A single key would be tried for every token. */
function choosesByKid({ jwksUri, discovery, jwks }: IssuerConfig): boolean {
  return jwksUri !== null || discovery !== null || jwks !== null;
}

/** Where discovery leads is not known: it may be the set that another entry names. */
function mayBeSameSet(one: IssuerConfig, other: IssuerConfig): boolean {
  if (one.discovery !== null || other.discovery !== null) return one.jwks === null && other.jwks === null;
  return one.jwksUri === other.jwksUri && one.jwks === other.jwks;
}
