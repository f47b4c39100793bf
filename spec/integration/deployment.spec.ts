import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { describeContainers } from '../support/kong-target';

const run = promisify(execFile);
const ROOT = resolve(__dirname, '../..');
/** Two images may have to be built. */
const PATIENCE_MS = 15 * 60_000;

/** Runs `./pongo` on a demo of its own, beside any that is up. @throws with its output when it fails */
async function pongo(...args: string[]): Promise<string> {
  const env = { ...process.env, COMPOSE_PROJECT_NAME: `jwt-identity-spec-${process.pid}`, PROXY_PORT: '0' };
  const { stdout } = await run(resolve(ROOT, 'pongo'), args, { cwd: ROOT, env, maxBuffer: 64 * 1024 * 1024 });
  return stdout;
}

describeContainers('the demo in containers', () => {
  beforeAll(async () => {
    await pongo('up');
  }, PATIENCE_MS);
  afterAll(async () => {
    await pongo('down');
  }, PATIENCE_MS);

  it(
    'can be reached through Kong only, from where clients are',
    async () => {
      const said = await pongo('probe');
      expect(said.match(/: open$/gm)).toEqual([': open']);
      expect(said).toMatch(/^kong:8000: open$/m);
      // Both by name and by address, or it would only show that names do not resolve.
      expect(said.match(/^[\d.]+:80(?:10|11|12): no answer$/gm)).toHaveLength(3);
      expect(said).toMatch(/^kong:8001: ECONNREFUSED$/m);
    },
    PATIENCE_MS,
  );
});
