# The demo's identity provider and services, for compose.yaml. Nothing of this is in the image with Kong.
ARG NODE_VERSION=24-bookworm-slim

FROM docker.io/library/node:${NODE_VERSION} AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN npm run build

FROM docker.io/library/node:${NODE_VERSION}
WORKDIR /demo
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund
COPY --from=build /build/dist/ dist/
COPY deploy/compose/probe.js ./
USER 1000:1000
ENTRYPOINT ["node"]
