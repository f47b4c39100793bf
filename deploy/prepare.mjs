// npm runs this before it packs the package, and when somebody installs it from a git repository: the package is what
// `npm run build` writes. An installation without development dependencies has no compiler and nothing to build.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';

if (existsSync('node_modules/typescript') && existsSync('tsconfig.build.json')) {
  execFileSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit', shell: process.platform === 'win32' });
}
