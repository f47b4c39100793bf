import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { packages } from '../../../package-lock.json';
import { dependencies, devDependencies } from '../../../package.json';

interface Locked {
  readonly version: string;
  readonly license?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly dev?: boolean;
  readonly hasInstallScript?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
}
const locked = Object.entries(packages as unknown as Readonly<Record<string, Locked>>).filter(([path]) => path !== '');
const runtime = locked.filter(([, { dev }]) => dev !== true);
const nameOf = (path: string): string => path.replace(/^.*node_modules\//, '');

describe('docs/DEPENDENCIES.md', () => {
  const text = readFileSync(join(__dirname, '../../../docs/DEPENDENCIES.md'), 'utf8');
  const [, atRunTime = '', forDevelopment = ''] = text.split(/^## .+$/m);
  const rowsOf = (section: string): string[][] =>
    [...section.matchAll(/^\| (`.+) \|$/gm)].map(([, row]) => row!.split('|').map((cell) => cell.trim()));
  const namesIn = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name!);

  it('lists what is installed at run time, with its licence and what it brings', () => {
    const listed = rowsOf(atRunTime).map(([name = '', , , , license, brings = '']) => {
      return [namesIn(name)[0], { license, brings: namesIn(brings) }];
    });
    const installed = runtime.map(([path, { license, dependencies: own = {} }]) => {
      return [nameOf(path), { license, brings: Object.keys(own) }];
    });
    expect(listed).toHaveLength(installed.length);
    expect(Object.fromEntries(listed)).toEqual(Object.fromEntries(installed));
    expect(Object.keys(dependencies).filter((name) => !listed.some(([other]) => other === name))).toEqual([]);
  });

  it('lists what is there for development', () => {
    const listed = rowsOf(forDevelopment).flatMap(([names = '']) => namesIn(names));
    expect(listed.toSorted()).toEqual(Object.keys(devDependencies).toSorted());
  });
});

describe.each([
  ['package-lock.json', locked],
  ['examples/nextjs-bff/package-lock.json', lockedIn('examples/nextjs-bff/package-lock.json')],
])('%s', (_file, all) => {
  it('holds every package to its SHA-512', () => {
    const loose = all.filter(([, { integrity }]) => !/^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity ?? ''));
    expect(loose.map(([path]) => path)).toEqual([]);
  });

  it('takes every package from the registry that npm is told of, none from a host, a folder or a repository', () => {
    expect(all.filter(([, { resolved }]) => resolved !== undefined).map(([path]) => path)).toEqual([]);
  });
});

describe('what is installed at run time', () => {
  it('runs no script while it is installed', () => {
    expect(runtime.filter(([, { hasInstallScript }]) => hasInstallScript === true)).toEqual([]);
  });
});

function lockedIn(file: string): [string, Locked][] {
  const lock = JSON.parse(readFileSync(join(__dirname, '../../..', file), 'utf8')) as {
    packages: Record<string, Locked>;
  };
  return Object.entries(lock.packages).filter(([path]) => path !== '');
}
