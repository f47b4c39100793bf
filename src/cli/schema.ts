import { Command } from 'commander';
import { luaSchema } from '../../schema/generate/lua';

const EXAMPLES = `
Examples:
  kong-jwt-identity schema --lua > schema.lua   for Konnect: upload it as the schema of the custom plugin
  kong-jwt-identity schema --lua > /usr/local/share/lua/5.1/kong/plugins/jwt-identity/schema.lua
                                                for a control plane that has no plugin server beside it`;

/** `schema`: prints the plugin's schema for a Kong that cannot ask the plugin server for it. */
export function schemaCommand(): Command {
  return new Command('schema')
    .description('print the schema of the configuration, for Konnect and for control planes without a plugin server')
    .requiredOption('--lua', 'as one self-contained schema.lua')
    .addHelpText('after', EXAMPLES)
    .action(() => {
      process.stdout.write(luaSchema());
    });
}
