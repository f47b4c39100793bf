import { describe, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';

/** What the specs of the gateway can run against: the development gateway, a `kong` on PATH, or the image. */
export type KongTarget = 'embedded' | 'native' | 'docker';

/** The target that `KONG_TARGET` names; the development gateway when it names none. */
export const kongTarget: KongTarget = targetFrom(process.env['KONG_TARGET'] ?? '');

/** The image of the docker target, `KONG_IMAGE`. `./pongo build` makes it. */
export const kongImage = process.env['KONG_IMAGE'] ?? 'kong-plugin-jwt-identity:3.9.3';

/** The container engine of the docker target, `CONTAINER_ENGINE`. */
export const containerEngine = process.env['CONTAINER_ENGINE'] ?? 'docker';

const absence = whyAbsent(kongTarget);
// Straight to stderr: Jest hides what a skipped spec has to say.
if (absence !== undefined) process.stderr.write(`KONG_TARGET=${kongTarget} is SKIPPED: ${absence}\n`);

/** `describe` for specs that start Kong. When the target is not there they are skipped, and their title says why. */
export function describeKong(name: string, body: () => void): void {
  if (absence === undefined) describe(`${name} (${kongTarget})`, body);
  else describe.skip(`${name} (no ${kongTarget}: ${absence})`, body);
}

/** `describe` for specs of the image and of compose.yaml, which the docker target alone has. */
export function describeContainers(name: string, body: () => void): void {
  if (kongTarget === 'docker') describeKong(name, body);
  else describe.skip(`${name} (with KONG_TARGET=docker only)`, body);
}

/** `it` for what is true of the development gateway only; the reason says what Kong itself does instead. */
export function itOnlyEmbedded(reason: string): typeof it | typeof it.skip {
  return kongTarget === 'embedded' ? it : named(it.skip, `Kong itself: ${reason}`);
}

/** `it` for what is true of Kong itself only; the reason says what the development gateway does instead. */
export function itOnlyKong(reason: string): typeof it | typeof it.skip {
  return kongTarget === 'embedded' ? named(it.skip, `development gateway: ${reason}`) : it;
}

function named(skip: typeof it.skip, reason: string): typeof it.skip {
  return ((name: string, body: () => void) => {
    skip(`${name} (${reason})`, body);
  }) as typeof it.skip;
}

function targetFrom(name: string): KongTarget {
  switch (name) {
    case '':
    case 'embedded':
      return 'embedded';
    case 'native':
    case 'docker':
      return name;
    default:
      throw new Error(`KONG_TARGET=${name}: it must be embedded, native or docker`);
  }
}

function whyAbsent(target: KongTarget): string | undefined {
  if (target === 'embedded') return undefined;
  if (target === 'native') {
    const { error, status, stderr } = spawnSync('kong', ['version'], { encoding: 'utf8' });
    if (error !== undefined) return 'there is no `kong` command on PATH';
    return status === 0 ? undefined : `\`kong version\` fails: ${stderr.trim()}`;
  }
  if (process.platform !== 'linux') return 'containers that share the network of this machine need Linux';
  const { error, status, stderr } = spawnSync(containerEngine, ['image', 'inspect', kongImage], { encoding: 'utf8' });
  if (error !== undefined) return `there is no \`${containerEngine}\` command on PATH`;
  return status === 0 ? undefined : `no image ${kongImage} (./pongo build makes it): ${stderr.trim()}`;
}
