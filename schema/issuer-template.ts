/** An issuer with one placeholder for the tenant: `https://login.example.com/{tenant}/v2.0`. */
export interface IssuerTemplate {
  /** The placeholder with its braces. */
  readonly placeholder: string;
  /** What stands before it, and after. */
  readonly prefix: string;
  readonly suffix: string;
}

const PLACEHOLDER = /\{[a-z][a-z0-9_]*\}/g;

/** Returns the template in a text; `undefined` when it has no braces, and in words what is wrong when it is no template. */
export function issuerTemplate(text: string): IssuerTemplate | string | undefined {
  if (!/[{}]/.test(text)) return undefined;
  const [placeholder, ...others] = text.match(PLACEHOLDER) ?? [];
  if (placeholder === undefined || others.length > 0) return 'must have one placeholder such as {tenant}';
  const at = text.indexOf(placeholder);
  const [prefix, suffix] = [text.slice(0, at), text.slice(at + placeholder.length)];
  if (/[{}]/.test(prefix + suffix)) return 'must have one placeholder such as {tenant}';
  // A part of a name would let the tenant "b" of one text be the tenant "a-b" of another.
  return /[/.]$/.test(prefix) && /^([/.]|$)/.test(suffix)
    ? { placeholder, prefix, suffix }
    : 'must have its placeholder for all that stands between two of "/" and "."';
}

/** Returns a text with every placeholder of a template replaced by a tenant. */
export function withTenant(text: string, { placeholder }: IssuerTemplate, tenant: string): string {
  return text.replaceAll(placeholder, () => tenant);
}

/** Returns what stands for the placeholder in `iss`; `undefined` when `iss` does not have the form of the template. */
export function tenantIn(iss: string, { prefix, suffix }: IssuerTemplate): string | undefined {
  const length = iss.length - prefix.length - suffix.length;
  // Bounded before anything looks at the part.
  if (length < 1 || length > MAX_TENANT_LENGTH || !iss.startsWith(prefix) || !iss.endsWith(suffix)) return undefined;
  return iss.slice(prefix.length, prefix.length + length);
}

/** As long as an entry of `tenants` may be. */
const MAX_TENANT_LENGTH = 128;

const FORMATS = {
  name: /^[A-Za-z0-9][A-Za-z0-9_-]*$/,
  uuid: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
} as const;

/** Whether a part of an issuer may be a tenant (`tenant_format`): no dot, slash, percent sign or anything else of a URL. */
export function isTenant(part: string, format: keyof typeof FORMATS): boolean {
  return FORMATS[format].test(part);
}
