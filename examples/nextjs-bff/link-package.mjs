// In a project of your own, kong-plugin-jwt-identity is a dependency like any other. Here it is the repository around.
import { rmSync, symlinkSync } from 'node:fs';

const link = new URL('node_modules/kong-plugin-jwt-identity', import.meta.url);
rmSync(link, { force: true });
symlinkSync('../../..', link, 'dir');
