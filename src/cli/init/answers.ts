import { InvalidArgumentError } from 'commander';
import { PROVIDERS, type Provider } from '../../../schema/presets/providers';
import { keyUrlProblem } from '../../../schema/rules/key-url';
import type { DraftCondition, DraftService } from './draft';

/** How a service is written, for messages. */
export const SERVICE_FORM = '"NAME=URL PATH ROLE,ROLE", of which PATH and roles may be left out';

/** As Kong names services and routes, and as a policy is named in a URL. */
const SERVICE = /^((?!\.{1,2}=)[A-Za-z0-9._~-]{1,128})(?:=(\S+))?(?: +(\/\S*))?(?: +([^/\s]\S*))?$/;

/** Returns an issuer's URL. @throws InvalidArgumentError */
export function issuerUrl(text: string): string {
  const problem = keyUrlProblem(text, false);
  if (problem === null && /[{}]/.test(text)) {
    throw new InvalidArgumentError('It must be the issuer of one tenant; docs/providers has templates for several.');
  }
  if (problem === null) return text;
  const isPlain = problem.startsWith('must be https:');
  throw new InvalidArgumentError(isPlain ? 'It must be https:, unless it is on this machine.' : `It ${problem}.`);
}

/** Returns a provider by its name. @throws InvalidArgumentError */
export function providerName(text: string): Provider {
  const provider = PROVIDERS.find((name) => name === text);
  if (provider !== undefined) return provider;
  throw new InvalidArgumentError(`It must be one of ${PROVIDERS.join(', ')}.`);
}

/** Returns the parts of a list with commas; empty for an empty text. @throws InvalidArgumentError */
export function commaList(text: string): readonly string[] {
  const items = text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
  if (items.some((item) => /[\u0000-\u001f\u007f]/.test(item))) {
    throw new InvalidArgumentError('It must not hold control characters.');
  }
  return items;
}

/** The same, with at least one part. @throws InvalidArgumentError */
export function someOf(text: string): readonly string[] {
  const items = commaList(text);
  if (items.length > 0) return items;
  throw new InvalidArgumentError('It must not be empty.');
}

/** Returns a service; its path is its name unless it says otherwise. @throws InvalidArgumentError */
export function service(text: string): DraftService {
  const [, name, url, path, roles = ''] = SERVICE.exec(text) ?? [];
  if (name === undefined) throw new InvalidArgumentError(`It must be ${SERVICE_FORM}.`);
  if (url !== undefined && !isServiceUrl(url)) {
    throw new InvalidArgumentError('Its URL must be http:// or https://, without user name, query and fragment.');
  }
  return { name, url, path: path ?? `/${name}`, roles: commaList(roles) };
}

function isServiceUrl(text: string): boolean {
  if (!/^https?:\/\/[^\s\\]+$/.test(text) || !URL.canParse(text)) return false;
  const { username, password, search, hash } = new URL(text);
  return [username, password, search, hash].every((part) => part === '');
}

/** Returns a condition of the form `CLAIM=VALUE,VALUE`. @throws InvalidArgumentError */
export function condition(text: string): DraftCondition {
  const [, claim, values = ''] = /^([^=\s]+)=(.+)$/.exec(text) ?? [];
  if (claim === undefined) throw new InvalidArgumentError('It must be CLAIM=VALUE.');
  return { claim, values: someOf(values) };
}
