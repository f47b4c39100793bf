'use strict';

/** A plugin that does nothing: what is left is the cost of the plugin server itself. */
class Plugin {
  access() {
    return undefined;
  }
}

module.exports = { Plugin, Name: 'no-op', Version: '1.0.0', Priority: 1, Schema: [] };
