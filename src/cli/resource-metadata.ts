import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { ConfigError } from '../../schema/config-error';
import { CONFIG_RECORD, parseConfig, PLUGIN_NAME } from '../../schema/parse-config';
import { resourceMetadata } from '../core/refusal/resource-metadata';
import { ConfigurationError } from '../kong/declarative/configuration-error';
import { configOf, writtenRoute, writtenRoutes } from '../kong/declarative/route-config';
import { CommandFailure } from './command-failure';

/** `resource-metadata`: prints the document by which clients find out where to get a token, to serve it as a file. */
export function resourceMetadataCommand(): Command {
  return new Command('resource-metadata')
    .description('print the OAuth metadata of a protected resource (RFC 9728), for serving it without Kong')
    .argument('[file]', 'declarative configuration of Kong', 'kong.yml')
    .requiredOption('--route <name>', 'name or id of the route whose plugin has resource_metadata')
    .addHelpText('after', '\nExample:\n  kong-jwt-identity resource-metadata kong.yml --route mcp > metadata.json\n')
    .action((file: string, { route }: { readonly route: string }) => {
      process.stdout.write(metadataText(file, route));
    });
}

function metadataText(file: string, routeName: string): string {
  try {
    const written = writtenRoutes(readFileSync(file === '-' ? 0 : file, 'utf8'));
    const plugin = { name: PLUGIN_NAME, config: CONFIG_RECORD };
    const { config } = configOf(written, writtenRoute(written, routeName), plugin, process.env);
    const metadata = resourceMetadata(parseConfig(config));
    if (metadata === undefined) throw new CommandFailure(`${file}: the plugin of this route has no resource_metadata`);
    process.stderr.write(`Serve it at ${metadata.url}\n`);
    return `${JSON.stringify(JSON.parse(metadata.text), null, 2)}\n`;
  } catch (error) {
    if (error instanceof ConfigurationError || error instanceof ConfigError) {
      throw new CommandFailure(`${file}: ${error.message}`);
    }
    const { code } = error as NodeJS.ErrnoException;
    throw code === undefined ? error : new CommandFailure(`${file}: cannot be read (${code})`);
  }
}
