#!/bin/sh
# Fetches the pinned libraries and lays their built files here, byte by byte as their makers published them.
set -eu
cd "$(dirname "$0")"
npm ci --ignore-scripts --no-audit --no-fund
cp node_modules/maplibre-gl/dist/maplibre-gl.mjs node_modules/maplibre-gl/dist/maplibre-gl-worker.mjs \
   node_modules/maplibre-gl/dist/maplibre-gl.css .
cp node_modules/maplibre-gl/LICENSE.txt maplibre-gl.LICENSE.txt
cp node_modules/terra-draw/dist/terra-draw.umd.js .
cp node_modules/terra-draw-maplibre-gl-adapter/dist/terra-draw-maplibre-gl-adapter.umd.js .
cp node_modules/axe-core/axe.min.js ../../../../../tests/web/axe.min.js
rm -rf node_modules
sha256sum maplibre-gl.mjs maplibre-gl-worker.mjs maplibre-gl.css terra-draw.umd.js \
   terra-draw-maplibre-gl-adapter.umd.js > SHA256SUMS
