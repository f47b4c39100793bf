import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A certificate and its key, in PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** A certificate authority. */
export interface Authority extends Certificate {
  /**
   * Makes a certificate for servers and clients.
   *
   * @param subjectAltName - as openssl writes it; `DNS:` and the common name unless given, none when empty
   */
  issue(commonName: string, subjectAltName?: string): Certificate;
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** Makes a certificate authority with the openssl command, in a folder for its files. */
export function createAuthority(folder: string, name: string): Authority {
  const file = (suffix: string): string => join(folder, `${name}.${suffix}`);
  const openssl = (...args: readonly string[]): void => {
    execFileSync('openssl', args, { stdio: 'pipe' });
  };
  const isCa = ['-addext', 'basicConstraints=critical,CA:true'];
  const own = ['-keyout', file('key'), '-out', file('crt'), '-days', '1', '-subj', `/CN=${name}`];
  openssl('req', '-x509', ...NEW_KEY, ...own, ...isCa);
  const read = (keyFile: string, certFile: string): Certificate => ({
    cert: readFileSync(certFile, 'utf8'),
    key: readFileSync(keyFile, 'utf8'),
  });
  let issued = 0;
  return {
    ...read(file('key'), file('crt')),
    issue: (commonName, subjectAltName = `DNS:${commonName}`) => {
      issued += 1;
      const [key, request, extensions, cert] = ['key', 'csr', 'ext', 'crt'].map((suffix) =>
        file(`${issued}.${suffix}`),
      ) as [string, string, string, string];
      const names = subjectAltName === '' ? '' : `subjectAltName=${subjectAltName}\n`;
      writeFileSync(extensions, `${names}extendedKeyUsage=serverAuth,clientAuth\n`);
      openssl('req', ...NEW_KEY, '-keyout', key, '-out', request, '-subj', `/CN=${commonName}`);
      const ca = ['-CA', file('crt'), '-CAkey', file('key'), '-CAcreateserial', '-days', '1'];
      openssl('x509', '-req', '-in', request, ...ca, '-extfile', extensions, '-out', cert);
      return read(key, cert);
    },
  };
}
