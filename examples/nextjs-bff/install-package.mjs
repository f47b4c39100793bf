// In a project of your own, kong-plugin-jwt-identity is a dependency like any other. Here it comes from the repository
// around, as it is built; its dependencies are found there too.
import { cpSync, existsSync, rmSync } from 'node:fs';

const repository = new URL('../../', import.meta.url);
const target = new URL('node_modules/kong-plugin-jwt-identity/', import.meta.url);
if (!existsSync(new URL('dist/', repository))) throw new Error('npm run build in the repository first');
rmSync(target, { recursive: true, force: true });
for (const entry of ['package.json', 'dist']) {
  cpSync(new URL(entry, repository), new URL(entry, target), { recursive: true });
}
