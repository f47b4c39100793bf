import { ConfigError } from '../../../schema/config-error';
import { parseConfig } from '../../../schema/parse-config';
import { resourceMetadata, type ResourceMetadata } from '../../core/refusal/resource-metadata';
import type { NamedConfigs } from '../../policies/policy-file';

/**
 * Returns the metadata of all policies that have `resource_metadata`, by the path of the document.
 *
 * @throws ConfigError for a configuration that is wrong, and for two documents at the same path, because a path is all
 *   that a request for metadata is known by
 */
export function metadataOfPolicies(policies: NamedConfigs): ReadonlyMap<string, ResourceMetadata> {
  const byPath = new Map<string, ResourceMetadata>();
  for (const [name, config] of Object.entries(policies)) {
    const metadata = resourceMetadata(parseConfig(config));
    if (metadata === undefined) continue;
    const other = byPath.get(metadata.path);
    if (other !== undefined && other.text !== metadata.text) {
      const field = `policies.${name}.config.resource_metadata`;
      throw new ConfigError(field, 'another policy has another document at the same path');
    }
    byPath.set(metadata.path, metadata);
  }
  return byPath;
}
