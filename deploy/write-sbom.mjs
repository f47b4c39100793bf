// Writes what the package brings along as a CycloneDX SBOM, from package-lock.json alone: the same lock file and version
// of npm make the same file. `node deploy/write-sbom.mjs FILE`, in the folder of package.json.
//
// `npm sbom --omit dev` (10.9, 11.19) leaves out what development needs as well (lru-cache), so npm gets a lock file in
// which there is nothing to omit. Time and serial number, which CycloneDX 1.5 does not demand, would differ each time.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const [target] = process.argv.slice(2);
if (target === undefined) throw new Error('usage: node deploy/write-sbom.mjs FILE');

const read = (file) => JSON.parse(readFileSync(file, 'utf8'));
// The peers (spans, optional) are not shipped either.
const NOT_SHIPPED = { devDependencies: {}, peerDependencies: {}, peerDependenciesMeta: {} };
const manifest = { ...read('package.json'), ...NOT_SHIPPED };
const { packages, ...lock } = read('package-lock.json');
const shipped = Object.entries(packages).filter(([, { dev }]) => dev !== true);
const runtime = { ...lock, packages: { ...Object.fromEntries(shipped), '': { ...packages[''], ...NOT_SHIPPED } } };

const parent = mkdtempSync(join(tmpdir(), 'sbom-'));
try {
  // npm calls the whole by its folder's name.
  const folder = join(parent, manifest.name);
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify(runtime));
  const options = ['--sbom-format', 'cyclonedx', '--sbom-type', 'application', '--package-lock-only'];
  const sbom = JSON.parse(execFileSync('npm', ['sbom', ...options], { cwd: folder, encoding: 'utf8' }));
  delete sbom.serialNumber;
  delete sbom.metadata.timestamp;
  writeFileSync(target, `${JSON.stringify(sbom, null, 2)}\n`);
} finally {
  rmSync(parent, { recursive: true });
}
