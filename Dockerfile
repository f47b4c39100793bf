# Kong with the plugin in it: `docker build -t kong-plugin-jwt-identity .`
# docs/INSTALL.md says how to run it, docs/COMPATIBILITY.md which versions of Kong it can be built on.
# Both are tags, which a digest may follow. The names say their registry, because Podman assumes none.
ARG KONG_VERSION=3.9.3
ARG NODE_VERSION=24-bookworm-slim

FROM docker.io/library/node:${NODE_VERSION} AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY plugin/ plugin/
COPY schema/ schema/
COPY src/ src/
COPY deploy/write-sbom.mjs deploy/
RUN npm run build \
 && find dist -name '*.d.ts' -delete \
 && npm run sbom

# What the image gets, with fixed times, so that the same sources make the same layer.
FROM docker.io/library/node:${NODE_VERSION} AS package
WORKDIR /package/opt/kong-plugin-jwt-identity
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund \
 && rm node_modules/.package-lock.json
COPY --from=build /build/dist/ dist/
COPY --from=build /build/sbom.cdx.json ./
COPY LICENSE ./
RUN mkdir bin /package/usr /package/usr/local /package/usr/local/bin \
 && cp "$(command -v node)" bin/node \
 && printf '%s\n' '#!/bin/sh' 'home=/opt/kong-plugin-jwt-identity' \
      'exec "$home/bin/node" "$home/dist/src/cli/main.js" "$@"' > /package/usr/local/bin/kong-jwt-identity \
 && chmod 755 /package/usr/local/bin/kong-jwt-identity \
 && find /package -exec touch --no-dereference --date=@0 {} +

FROM docker.io/library/kong:${KONG_VERSION}
ARG KONG_VERSION
ARG REVISION=unknown
LABEL org.opencontainers.image.title="kong-plugin-jwt-identity" \
      org.opencontainers.image.description="Kong Gateway with the jwt-identity plugin, which verifies a JWT and hands the caller's identity to the services in headers" \
      org.opencontainers.image.version="1.0.0" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="docker.io/library/kong:${KONG_VERSION}"

COPY --from=package /package/ /

# Kubernetes can check `runAsNonRoot` only for a number. Kong's package gives `kong` the next free one, which is not 1000 where the
# base has such a user (Ubuntu 24.04). Here it is always 1000, as in Kong's Helm chart.
USER root
RUN if [ "$(id -u kong)" != 1000 ]; then \
      if other="$(id -un 1000 2> /dev/null)"; then userdel "$other"; fi \
      && usermod --uid 1000 kong \
      && chown -R kong:0 /usr/local/kong /usr/local/bin/kong; \
    fi
USER 1000

# Kong before 3.8 proxies a request when the plugin server does not answer (docs/COMPATIBILITY.md): no image from that.
# The rest proves that Node runs on this base and that Kong will understand what the plugin says of itself.
RUN version="$(kong version | grep -oE '[0-9]+\.[0-9]+' | head -n 1)" \
 && if [ "$(printf '%s\n' 3.8 "$version" | sort -V | head -n 1)" != 3.8 ]; then \
      echo "Kong $version lets requests pass unverified when the plugin server is down; 3.8 is the oldest that does not" >&2; \
      exit 1; \
    fi \
 && kong-jwt-identity dump > /dev/null

# What Kong needs to find and run the plugin server. Its socket is in a folder that it makes for itself in memory, so that it
# depends neither on Kong's prefix and user nor on a file system that can be written.
# nginx hides its environment from the processes it starts, but for what NGINX_MAIN_ENV names: how many workers Kong
# has decides how many the plugin server starts.
# The handler inside Kong's worker is in the folder that KONG_LUA_PACKAGE_PATH names.
ENV KONG_PLUGINS=bundled,jwt-identity \
    KONG_LUA_PACKAGE_PATH="/opt/kong-plugin-jwt-identity/dist/lua/?.lua;;" \
    KONG_PLUGINSERVER_NAMES=jwt_identity \
    KONG_PLUGINSERVER_JWT_IDENTITY_SOCKET=/dev/shm/kong-jwt-identity/kong.sock \
    KONG_PLUGINSERVER_JWT_IDENTITY_QUERY_CMD="/usr/local/bin/kong-jwt-identity dump" \
    KONG_PLUGINSERVER_JWT_IDENTITY_START_CMD="/usr/local/bin/kong-jwt-identity serve --socket /dev/shm/kong-jwt-identity/kong.sock --take-over" \
    KONG_NGINX_MAIN_ENV=KONG_NGINX_WORKER_PROCESSES

# Kong's own check asks only whether nginx runs; without the plugin server every guarded route answers 500.
HEALTHCHECK --interval=10s --timeout=10s --start-period=15s --retries=3 \
  CMD kong health && kong-jwt-identity health --socket "$KONG_PLUGINSERVER_JWT_IDENTITY_SOCKET"
