import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { readCaFile } from '../../../src/documents/ca-file';
import { FetchError } from '../../../src/documents/fetch-error';
import { CERTIFICATE } from '../../support/pem-certificate';

describe('a CA file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ca-'));
  const file = (text: string): string => {
    const path = join(folder, 'ca.pem');
    writeFileSync(path, text);
    return path;
  };
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it('is read when it holds certificates', () => {
    expect(readCaFile(file(CERTIFICATE))).toBe(CERTIFICATE);
    expect(readCaFile(file(`# our own\n${CERTIFICATE}${CERTIFICATE}`))).toContain('# our own');
  });

  it.each(['', 'no certificate', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'])(
    'is refused when it holds %j',
    (text) => {
      expect(() => readCaFile(file(text))).toThrow('the file does not hold a PEM certificate');
    },
  );

  it('is the first of the system’s that is there, by the word system', () => {
    const path = file(CERTIFICATE);
    expect(readCaFile('system', [join(folder, 'missing.pem'), path])).toBe(CERTIFICATE);
    expect(() => readCaFile('system', [join(folder, 'missing.pem')])).toThrow(
      /^the system has none of .*missing\.pem$/,
    );
    expect(() => readCaFile('system', [file('no certificate')])).toThrow('the file does not hold a PEM certificate');
  });

  it('is refused when it cannot be read', () => {
    expect(() => readCaFile(join(folder, 'missing.pem'))).toThrow('the file cannot be read (ENOENT)');
    expect(() => readCaFile(folder)).toThrow(`${folder} is a folder`);
  });

  it('is refused when everybody may write to it, as a FetchError', () => {
    const path = file(CERTIFICATE);
    chmodSync(path, 0o666);
    expect(() => readCaFile(path)).toThrow(FetchError);
    expect(() => readCaFile(path)).toThrow('others may write to');
    chmodSync(path, 0o644);
  });
});
