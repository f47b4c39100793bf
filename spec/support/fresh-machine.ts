import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What a script said. */
export interface Said {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Mounts a copy of the machine's files whose changes stay in memory, and runs the script there. */
const ENTER = `set -e
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
mount -t proc proc "$1/root/proc"
mount --rbind /dev "$1/root/dev"
mount -t tmpfs tmpfs "$1/root/run"
cp "$2" "$1/root/run/script"
exec chroot "$1/root" /bin/bash /run/script`;

/**
 * Runs a shell script, as root, on a copy of this machine. It may install packages, add users and write anywhere: its
 * files are its own, and when it ends all its processes end. The network is the machine's.
 */
export function onFreshMachine(script: string): Said {
  const folder = mkdtempSync(join(tmpdir(), 'machine-'));
  try {
    const [root, file] = [mkdtempSync(join(folder, 'root-')), join(folder, 'script')];
    writeFileSync(file, script);
    const flags = ['--mount', '--pid', '--fork', '--kill-child', '/bin/bash', '-c', ENTER, 'enter', root, file];
    const { error, status, stdout, stderr } = spawnSync('unshare', flags, {
      encoding: 'utf8',
      timeout: 240_000,
      env: { PATH: process.env['PATH'], HOME: '/root' },
    });
    return { status, stdout, stderr: error?.message ?? stderr };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Why there can be no copy of this machine; `undefined` when there can. */
export function whyNoFreshMachine(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'only root can copy the machine, on Linux';
  const { status, stderr } = onFreshMachine('true');
  return status === 0 ? undefined : `unshare, chroot and overlay mounts are needed (${stderr.trim()})`;
}
