import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { REPOSITORY } from '../kong-file';
import type { HeaderLine } from '../services/naive-service';

const COMMAND = join(REPOSITORY, 'dist/src/cli/main.js');
const TIMEOUT_MS = 30_000;

/** Runs `kong-jwt-identity explain` about a request and returns what it prints: the steps, or why there are none. */
export async function explainRequest(
  kongYml: string,
  {
    method,
    path,
    headers,
  }: { readonly method: string; readonly path: string; readonly headers: readonly HeaderLine[] },
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'jwt-identity-explain-'));
  try {
    const file = join(folder, 'kong.yml');
    await writeFile(file, kongYml);
    const lines = headers.map(([name, value]) => `--header=${name}: ${value}`);
    const flags = [COMMAND, 'explain', file, `--path=${path}`, `--method=${method}`, ...lines];
    return await new Promise((resolve) => {
      execFile(process.execPath, flags, { timeout: TIMEOUT_MS }, (_, stdout, stderr) => {
        resolve(stdout === '' ? stderr.replaceAll(`${folder}/`, '') : stdout);
      });
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
