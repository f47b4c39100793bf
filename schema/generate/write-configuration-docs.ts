import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { configurationMarkdown } from './markdown';

writeFileSync(join(__dirname, '../../docs/CONFIGURATION.md'), configurationMarkdown());
