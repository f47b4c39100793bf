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
