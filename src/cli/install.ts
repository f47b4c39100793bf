import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { Command } from 'commander';
import {
  modeOf,
  mayOthersWrite,
  OURS_ALONE,
  trustedPath,
  UntrustedPathError,
  type PathTrust,
} from '../files/trusted-path';
import { CommandFailure } from './command-failure';
import { withSettings } from './install/kong-conf';
import { kongSettings, settingLines, type Placement } from './install/kong-settings';
import { RUNTIME_FOLDER, unitFile } from './install/unit-file';

interface InstallFlags {
  readonly socket?: string;
  readonly systemd: boolean;
  readonly user: string;
  readonly write: boolean;
  readonly kongConf: string;
  readonly unit: string;
}

const EXAMPLES = `
Examples:
  kong-jwt-identity install                     print the lines of kong.conf for this machine
  sudo kong-jwt-identity install --write        write them into /etc/kong/kong.conf, then: kong restart
  sudo kong-jwt-identity install --systemd --write
                                                let systemd run the plugin server instead of Kong`;

/** `install`: prints or writes what Kong has to know, with the absolute paths of this machine. */
export function installCommand(): Command {
  return new Command('install')
    .description('print the lines of kong.conf for this machine, or write them with --write')
    .option('--socket <path>', 'Unix socket (/usr/local/kong/jwt_identity.socket; with --systemd under /run)')
    .option('--systemd', 'let systemd run the plugin server, and print its unit file too', false)
    .option('--user <name>', "the user that Kong's workers run as", 'kong')
    .option('--write', 'write kong.conf (and the unit file) instead of printing', false)
    .option('--kong-conf <file>', 'the file that --write changes', '/etc/kong/kong.conf')
    .option('--unit <file>', 'the unit file that --write writes', '/etc/systemd/system/kong-jwt-identity.service')
    .addHelpText('after', EXAMPLES)
    .action((flags: InstallFlags) => {
      const placement = placementOf(flags);
      const settings = kongSettings(placement, !flags.systemd);
      const unit = flags.systemd ? unitFile(placement, flags.user) : undefined;
      if (flags.write) {
        refuseUnsafePlaces(placement, flags);
        writeKongConf(flags.kongConf, settings);
        if (unit !== undefined) writeWhole(flags.unit, unit, 0o644);
        const next =
          unit === undefined ? '' : `systemctl daemon-reload && systemctl enable --now kong-jwt-identity && `;
        process.stdout.write(`Next: ${next}kong restart\n`);
        return;
      }
      for (const problem of unsafePlaces(placement, flags)) process.stderr.write(`warning: ${problem}\n`);
      process.stdout.write(
        unit === undefined
          ? settingLines(settings)
          : `# kong.conf\n${settingLines(settings)}\n# ${flags.unit}\n${unit}`,
      );
    });
}

function placementOf({ socket, systemd }: InstallFlags): Placement {
  const usual = systemd ? `/run/${RUNTIME_FOLDER}/jwt_identity.socket` : '/usr/local/kong/jwt_identity.socket';
  const placement = {
    node: process.execPath,
    command: resolve(__dirname, 'main.js'),
    luaFolder: resolve(__dirname, '../../lua'),
    socket: resolve(socket ?? usual),
  };
  // Kong splits its commands at spaces, and systemd does: nothing can be quoted in either for both.
  for (const path of Object.values(placement)) {
    if (/[\s"'\\$%;#]/.test(path)) {
      throw new CommandFailure(`${path}: kong.conf cannot name a path with a space or one of " ' \\ $ % ; #`);
    }
  }
  return placement;
}

/** What would let another user decide who passes. */
function unsafePlaces(
  { node, command, luaFolder, socket }: Placement,
  { user, systemd }: InstallFlags,
): readonly string[] {
  const handler = join(luaFolder, 'kong/plugins/jwt-identity/handler.lua');
  const code = [node, command, handler].flatMap((path) => placeProblems(path, OURS_ALONE));
  const folder = dirname(socket);
  if (systemd && folder === `/run/${RUNTIME_FOLDER}`) return code;
  if (!existsSync(folder)) return [...code, `${folder} does not exist; create it for user ${user} with mode 0700`];
  const userId = userIdOf(user);
  if (userId === undefined) return [...code, `there is no user '${user}'; name the user of Kong's workers with --user`];
  const problems = placeProblems(folder, { ...OURS_ALONE, mayBelongToOthers: true });
  const { uid } = statSync(folder);
  const isOwner = uid === userId || uid === 0;
  return [...code, ...problems, ...(isOwner ? [] : [`${folder} belongs to user ${uid}, not to ${user}`])];
}

function placeProblems(path: string, trust: PathTrust): readonly string[] {
  try {
    const real = trustedPath(path, trust);
    const status = statSync(real);
    return mayOthersWrite(status, trust) ? [`others may write to ${real} (mode ${modeOf(status)})`] : [];
  } catch (error) {
    if (error instanceof UntrustedPathError) return [error.message];
    return [`${path}: ${(error as NodeJS.ErrnoException).code ?? 'cannot be read'}`];
  }
}

function refuseUnsafePlaces(placement: Placement, flags: InstallFlags): void {
  const problems = unsafePlaces(placement, flags);
  if (problems.length > 0) throw new CommandFailure(`nothing was written:\n  ${problems.join('\n  ')}`);
}

function userIdOf(user: string): number | undefined {
  try {
    const id = execFileSync('id', ['-u', '--', user], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      // The users may be in a directory elsewhere.
      timeout: 10_000,
    });
    return Number(id);
  } catch {
    return undefined;
  }
}

function writeKongConf(file: string, settings: Parameters<typeof withSettings>[1]): void {
  const existing = readOrEmpty(file);
  const merged = withSettings(existing, settings);
  if (merged.outcome === 'conflict') {
    throw new CommandFailure(`${file}: nothing was written:\n  ${merged.problems.join('\n  ')}`);
  }
  if (merged.outcome === 'unchanged') process.stdout.write(`${file} is as it must be\n`);
  else writeWhole(file, merged.text, existing === '' ? 0o644 : statSync(file).mode & 0o777);
}

function readOrEmpty(file: string): string {
  if (!isAbsolute(file)) throw new CommandFailure(`${file}: an absolute path is needed`);
  try {
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  } catch (error) {
    throw new CommandFailure(`${file}: cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`);
  }
}

/** Writes a file in one step: readers find the old text or the new one. */
function writeWhole(file: string, text: string, mode: number): void {
  const draft = `${file}.${process.pid}`;
  try {
    writeFileSync(draft, text, { flag: 'wx', mode });
    chmodSync(draft, mode);
    renameSync(draft, file);
  } catch (error) {
    throw new CommandFailure(`${file}: cannot be written (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`);
  }
  process.stdout.write(`wrote ${file}\n`);
}
