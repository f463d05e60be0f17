#!/usr/bin/env bash
# Builds the app and writes it as a C++ table. Called by CMake; nothing is written outside FOLDER.
# Usage: build.sh SOURCE PROTO PRESETS PROTOC FOLDER OUT.cpp (absolute paths; OUT.cpp below FOLDER)
set -euo pipefail
source=$1 proto=$2 presets=$3 protoc=$4 folder=$5 out=$6

mkdir -p "$folder"
cd "$folder"
cp "$source"/package.json "$source"/package-lock.json "$source"/.npmrc .
# Packages are fetched again only when the lock has changed.
if ! cmp -s package-lock.json node_modules/.hooke-lock; then
  npm ci --ignore-scripts --no-progress --loglevel=error >&2 || {
    echo "The web app's packages could not be installed: npm needs its registry (or its cache)." >&2
    echo "Configure with -DHOOKE_WEB=OFF to build hooked without the web app." >&2
    exit 1
  }
  cp package-lock.json node_modules/.hooke-lock
fi
rm -rf src public dist
cp -r "$source"/src "$source"/public "$source"/index.html "$source"/tsconfig.json "$source"/vite.config.ts "$source"/embed.mjs .
rm -rf src/generated
mkdir -p src/generated
"$protoc" --plugin=protoc-gen-es=node_modules/.bin/protoc-gen-es -I "$proto" --es_out=src/generated \
  --es_opt=target=ts,import_extension=js "$proto"/google/rpc/details.proto \
  "$proto"/hooke/v1/{config,resources,experiment,query}.proto
node_modules/.bin/tsc
HOOKE_PRESETS=$presets node_modules/.bin/vite build --logLevel warn
node embed.mjs dist "$out"
