'use strict';

/** The plugin under a name of its own, so that one Kong can have it on both plugin servers. */
module.exports = { ...require('../../../../dist/plugin/jwt-identity'), Name: 'jwt-identity-on-stock' };
