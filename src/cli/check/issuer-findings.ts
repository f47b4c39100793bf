import type { IssuerConfig } from '../../../schema/config';
import { FetchError } from '../../documents/fetch-error';
import type { Severity } from '../../diagnostics/finding';
import type { VerificationKey } from '../../core/verification/key-source';
import type { IssuerInspection, IssuerMetadata, PublishedKeys } from '../../keys/issuer-inspection';
import { describeKey, keysWithoutKid } from '../../keys/key-findings';
import { readKeySet } from '../../keys/key-set-document';

/** Something that does not fit between an entry of `issuers` and what its issuer publishes. */
export interface IssuerFinding {
  readonly severity: Severity;
  /** A field of the entry. */
  readonly field: string;
  readonly message: string;
}

/** Reasons for which sound providers publish keys that are not used here, such as keys for encryption. */
const ORDINARY = /its use is not sig|its key_ops do not include verify/;
/** Most findings about the keys of one set. */
const MAX_KEY_FINDINGS = 20;

/** Compares an entry of `issuers` with what its issuer publishes. */
export function issuerFindings(entry: IssuerConfig, { metadata, keySet }: IssuerInspection): IssuerFinding[] {
  const source = entry.discovery === null ? 'jwks_uri' : 'discovery';
  const found: IssuerFinding[] = [];
  if (metadata instanceof FetchError) {
    if (entry.discovery !== null) found.push(error('discovery', `keys cannot be found: ${metadata.message}`));
  } else if (metadata !== undefined) found.push(...metadataFindings(entry, metadata));
  if (entry.jwks !== null) return [...found, ...inlineFindings(entry.jwks, keySet)];
  if (entry.secret !== null || entry.publicKey !== null) return found;
  if (keySet instanceof FetchError) {
    // Another issuer in the document was reported with both names.
    const isSaid = found.some(({ field }) => field === 'issuer') && keySet.message.includes('another issuer');
    const reasons = keySet.details.slice(0, MAX_KEY_FINDINGS).map((reason) => `; ${reason}`);
    if (!isSaid) found.push(error(source, `keys cannot be fetched: ${keySet.message}${reasons.join('')}`));
  } else if (keySet !== undefined) {
    found.push(...keyFindings(entry, keySet, source).slice(0, MAX_KEY_FINDINGS));
  }
  return found;
}

function metadataFindings(
  { issuer, discovery, jwksUri, provider, algorithms }: IssuerConfig,
  metadata: IssuerMetadata,
): IssuerFinding[] {
  const found: IssuerFinding[] = [];
  const { issuer: named, jwksUri: published } = metadata;
  if (named === undefined) {
    if (discovery !== null) found.push(error('issuer', 'the discovery document names no issuer'));
  } else if (named !== issuer) {
    const isNear = folded(named) === folded(issuer);
    const how = isNear ? 'only the last slash, letter case or scheme differs, and ' : '';
    const message = `the discovery document names the issuer ${quoted(named)}: ${how}tokens must name exactly the issuer that is configured`;
    found.push(isNear || discovery !== null ? error('issuer', message) : warning('issuer', message));
  }
  // A preset knows its provider's address.
  if (jwksUri !== null && provider === null && published !== undefined && published !== jwksUri) {
    found.push(warning('jwks_uri', `the discovery document names another one: ${quoted(published)}`));
  }
  const [first] = metadata.algorithms;
  if (first !== undefined && algorithms.length > 0 && !metadata.algorithms.some((alg) => isOneOf(alg, algorithms))) {
    const listed = metadata.algorithms.map((name) => quoted(name)).join(', ');
    found.push(warning('algorithms', `the discovery document says that the issuer signs with ${listed} only`));
  }
  return found;
}

function keyFindings(entry: IssuerConfig, { keys, skipped }: PublishedKeys, source: string): IssuerFinding[] {
  const { algorithms } = entry;
  const isAccepted = (key: VerificationKey): boolean =>
    algorithms.length === 0 || key.algorithms.some((alg) => isOneOf(alg, algorithms));
  const others = keys.filter((key) => !isAccepted(key));
  const left = skipped.filter((reason) => !ORDINARY.test(reason));
  const ambiguous = keys.filter((key, index) => keys.slice(0, index).some((before) => isConfused(key, before)));
  const nameless = keysWithoutKid(keys);
  return [
    ...(others.length === keys.length
      ? [error('algorithms', `no key of the set fits: it has ${keys.map(describeKey).join('; ')}`)]
      : others.map((key) =>
          warning('algorithms', `the set has ${describeKey(key)}: tokens that it signs are rejected`),
        )),
    ...left.map((reason) => warning(source, `a key of the set is not used: ${reason}`)),
    ...ambiguous.map((key) =>
      warning(source, `another key of the set has the same kid and algorithm as ${describeKey(key)}: neither is used`),
    ),
    ...(nameless > 1
      ? [warning(source, `${nameless} keys of the set have no kid, so a token cannot say which one signed it`)]
      : []),
  ];
}

/** Keys in the file do not follow those of the issuer. */
function inlineFindings(jwks: string, keySet: IssuerInspection['keySet']): IssuerFinding[] {
  if (keySet === undefined || keySet instanceof FetchError) return [];
  const inFile = kidsOf(jwks);
  if (inFile === undefined) return [];
  const published = new Set(keySet.keys.map(({ kid }) => kid));
  const missing = [...published].filter((kid) => kid !== null && !inFile.has(kid));
  const gone = [...inFile].filter((kid) => !published.has(kid));
  return [
    ...missing.map((kid) =>
      warning(
        'jwks',
        `lacks the key ${quoted(kid ?? '')}, which the issuer publishes: tokens that it signs are rejected`,
      ),
    ),
    ...gone.map((kid) => warning('jwks', `holds the key ${quoted(kid)}, which the issuer no longer publishes`)),
  ].slice(0, MAX_KEY_FINDINGS);
}

/** The names of the keys in a configured set; `undefined` for one that only a vault knows. */
function kidsOf(jwks: string): ReadonlySet<string> | undefined {
  try {
    const { keys } = readKeySet(JSON.parse(jwks), Infinity, true);
    return new Set(keys.map(({ kid }) => kid).filter((kid) => kid !== null));
  } catch {
    return undefined;
  }
}

function isConfused(one: VerificationKey, other: VerificationKey): boolean {
  const isSame = one.kid !== null && one.kid === other.kid && one.issuer === other.issuer;
  return isSame && one.algorithms.some((alg) => other.algorithms.includes(alg)) && !one.key.equals(other.key);
}

function folded(issuer: string): string {
  return issuer
    .toLowerCase()
    .replace(/^https?:/, '')
    .replace(/\/$/, '');
}

function isOneOf(name: string, list: readonly string[]): boolean {
  return list.includes(name);
}

/** Most characters that are shown of a text of the provider. */
const MAX_SHOWN = 200;

function quoted(text: string): string {
  return JSON.stringify(text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN)}…`);
}

function error(field: string, message: string): IssuerFinding {
  return { severity: 'error', field, message };
}

function warning(field: string, message: string): IssuerFinding {
  return { severity: 'warning', field, message };
}
