import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import ts from 'typescript';

/** A manifest, as read from YAML. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly labels?: Readonly<Record<string, string>>;
  };
}

const ROOT = resolve(__dirname, '../..');

/**
 * Returns what the compiler says about manifests, and about other values, written as literals of Kubernetes' types: missing
 * fields, wrong types, and fields that do not exist, however deep. It knows no patterns and no numbers' bounds.
 *
 * @param values - each with the module of `kubernetes-types` and the type in it
 */
export function typeErrors(
  values: readonly { readonly module: string; readonly type: string; readonly value: unknown }[],
): string[] {
  const folder = mkdtempSync(join(ROOT, 'node_modules/.cache-'));
  try {
    const file = join(folder, 'manifests.ts');
    const lines = values.map(({ module, type, value }, n) => {
      const imported = `import('kubernetes-types/${module}').${type}`;
      return `export const value${n}: ${imported} = ${JSON.stringify(value)};`;
    });
    writeFileSync(file, lines.join('\n'));
    const program = ts.createProgram([file], { strict: true, noEmit: true, skipLibCheck: true, types: [] });
    return ts
      .getPreEmitDiagnostics(program)
      .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

interface IngressManifest extends Manifest {
  readonly spec: {
    readonly rules: readonly {
      readonly host?: string;
      readonly http: {
        readonly paths: readonly {
          readonly path: string;
          readonly backend: { readonly service: { readonly name: string } };
        }[];
      };
    }[];
  };
}

interface PluginManifest extends Manifest {
  readonly plugin: string;
  readonly config: unknown;
}

/**
 * Returns the kong.yml that these manifests mean, as Kong Ingress Controller documents it: a path of the type `Prefix` takes
 * itself and what is below it, an annotation picks plugins of the namespace, and a cluster's plugin with the label
 * `global` is for everything. Other kinds of manifests mean nothing to Kong.
 */
export function kongYmlOf(manifests: readonly Manifest[]): string {
  const plugins = manifests.filter(({ kind }) => /^Kong(?:Cluster)?Plugin$/.test(kind)) as PluginManifest[];
  const entry = ({ plugin, config }: PluginManifest): object => ({ name: plugin, config });
  const services = (manifests.filter(({ kind }) => kind === 'Ingress') as IngressManifest[]).flatMap(
    ({ metadata, spec }) => {
      const names = (metadata.annotations?.['konghq.com/plugins'] ?? '').split(',').filter((name) => name !== '');
      const picked = names.map((name) => plugins.find((plugin) => plugin.metadata.name === name));
      return spec.rules.flatMap(({ host, http }, rule) =>
        http.paths.map(({ path, backend }, position) => {
          const name = [metadata.namespace, metadata.name, backend.service.name, rule, position].join('.');
          const route = {
            name,
            paths: [`~${path}$`, path === '/' ? '/' : `${path}/`],
            ...(host !== undefined && { hosts: [host] }),
            strip_path: metadata.annotations?.['konghq.com/strip-path'] === 'true',
            plugins: picked.map((plugin) => entry(plugin!)),
          };
          return { name, url: `http://${backend.service.name}.${metadata.namespace ?? ''}`, routes: [route] };
        }),
      );
    },
  );
  const everywhere = plugins.filter(({ metadata }) => metadata.labels?.['global'] === 'true').map(entry);
  return JSON.stringify({ _format_version: '3.0', services, plugins: everywhere });
}
