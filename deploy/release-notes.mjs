// Prints the notes of a release from CHANGELOG.md: `node deploy/release-notes.mjs vX.Y.Z`.
// Fails when the tag is not the version of both packages, or the changelog has no section for it.
import { readFileSync } from 'node:fs';

const [tag = ''] = process.argv.slice(2);
const read = (path) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
const fail = (message) => {
  console.error(`release-notes: ${message}`);
  process.exit(1);
};

const version = /^v(\d+\.\d+\.\d+)$/.exec(tag)?.[1] ?? fail(`'${tag}' is not a tag such as v1.2.3`);
for (const path of ['package.json', 'packages/node/package.json']) {
  const named = JSON.parse(read(path)).version;
  if (named !== version) fail(`${path} has version ${named}, the tag is ${tag}`);
}
const sections = read('CHANGELOG.md').split(/^## /m).slice(1);
const section = sections.find((text) => text.split('\n', 1)[0].replace(/^\[|\].*$| .*$/g, '') === version);
if (section === undefined) fail(`CHANGELOG.md has no section '## ${version}'`);
console.log(section.slice(section.indexOf('\n')).trim());
