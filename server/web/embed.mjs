// Writes the files below a folder as the table of files.h. Usage: node embed.mjs FOLDER OUT.cpp
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { extname, join, relative, sep } from "node:path";
import { gzipSync } from "node:zlib";

const types = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

const [folder, out] = process.argv.slice(2);

function filesBelow(place) {
  return readdirSync(place)
    .sort()
    .map((name) => join(place, name))
    .flatMap((path) => (statSync(path).isDirectory() ? filesBelow(path) : [path]));
}

// Octal escapes of three digits end by themselves; lines are kept short for the compiler's messages.
function literal(bytes) {
  const lines = [];
  for (let at = 0; at < bytes.length; at += 4096) {
    let text = "";
    for (const byte of bytes.subarray(at, at + 4096)) {
      const plain = byte >= 32 && byte < 127 && byte !== 34 && byte !== 92 && byte !== 63;
      text += plain ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, "0")}`;
    }
    lines.push(`    "${text}"`);
  }
  return lines.length > 0 ? `\n${lines.join("\n")}` : '""';
}

const entries = filesBelow(folder).map((path) => {
  const type = types[extname(path)];
  if (!type) throw new Error(`embed.mjs knows no content type for ${path}`);
  const body = readFileSync(path);
  const packed = gzipSync(body, { level: 9 });
  const gzip = packed.length < body.length * 0.95 ? packed : Buffer.alloc(0);
  const etag = createHash("sha256").update(body).digest("hex").slice(0, 16);
  const url = `/${relative(folder, path).split(sep).join("/")}`;
  return `  {"${url}", "${type}", "\\"${etag}\\"", {${literal(body)}, ${body.length}}, {${literal(gzip)}, ${gzip.length}}},`;
});

writeFileSync(
  out,
  `// Written by embed.mjs.
#include "server/web/files.h"

namespace hooke::web {
namespace {

const File kFiles[] = {
${entries.join("\n")}
};

}  // namespace

std::span<const File> files() {
  return kFiles;
}

}  // namespace hooke::web
`,
);
