// The Kubernetes manifests against Kubernetes' own types, unknown fields and all; the Dockerfiles by a linter.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { validate } from "dockerfile-utils";
import { loadAll } from "js-yaml";
import ts from "typescript";

const deploy = join(process.env.HOOKE_SOURCE_DIR ?? fileURLToPath(new URL("../..", import.meta.url)), "deploy");
const here = fileURLToPath(new URL(".", import.meta.url));
const manifests = readdirSync(join(deploy, "kubernetes")).filter((name) => name.endsWith(".yaml"));
const documents = (name) => loadAll(readFileSync(join(deploy, "kubernetes", name), "utf8"));

// What TypeScript has against the document as an object of its kind; a literal's unknown fields are errors to it.
function complaints(document) {
  const [group, version] = document.apiVersion.includes("/") ? document.apiVersion.split("/") : ["core", document.apiVersion];
  const source = `import type { ${document.kind} } from "kubernetes-types/${group}/${version}";\nexport const it: ${document.kind} = ${JSON.stringify(document)};\n`;
  const file = join(here, "document.ts");
  const options = { noEmit: true, strict: true, module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler, types: [] };
  const host = ts.createCompilerHost(options);
  const read = host.getSourceFile.bind(host);
  host.getSourceFile = (name, ...rest) => (name === file ? ts.createSourceFile(name, source, ...rest) : read(name, ...rest));
  const program = ts.createProgram([file], options, host);
  return ts.getPreEmitDiagnostics(program).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, " "));
}

for (const name of manifests) {
  test(`${name} is what Kubernetes knows`, () => {
    for (const document of documents(name)) assert.deepEqual(complaints(document), [], document.kind);
  });
}

test("a field that Kubernetes does not know is found", () => {
  const [, set] = documents("server.yaml");
  set.spec.template.spec.containers[0].imagePullpolicy = "Always";
  assert.match(complaints(set).join(), /imagePullpolicy/);
  delete set.spec.template.spec.containers[0].imagePullpolicy;
  set.spec.replicas = "1";
  assert.match(complaints(set).join(), /not assignable to type 'number'/);
});

test("no container is more than it has to be", () => {
  for (const document of manifests.flatMap(documents)) {
    const pod = document.spec.template?.spec;
    if (!pod) continue;
    assert.equal(pod.securityContext.runAsNonRoot, true);
    assert.equal(pod.automountServiceAccountToken, false);
    for (const { securityContext } of pod.containers) {
      assert.equal(securityContext.allowPrivilegeEscalation, false);
      assert.deepEqual(securityContext.capabilities, { drop: ["ALL"] });
    }
  }
});

test("the Dockerfiles are in order", () => {
  const files = readdirSync(join(deploy, "docker")).filter((name) => name.endsWith(".Dockerfile"));
  assert.ok(files.length >= 2);
  for (const file of files) assert.deepEqual(validate(readFileSync(join(deploy, "docker", file), "utf8")), [], file);
  assert.notDeepEqual(validate("FORM debian:12\nRUN true\n"), []);
});

test("every secret and volume of the compose file is there", () => {
  const [compose] = loadAll(readFileSync(join(deploy, "docker/compose.yaml"), "utf8"));
  for (const [name, service] of Object.entries(compose.services)) {
    for (const secret of service.secrets) assert.ok(compose.secrets[secret], `${name}: ${secret}`);
    for (const volume of service.volumes) if (!volume.startsWith(".")) assert.ok(volume.split(":")[0] in compose.volumes, `${name}: ${volume}`);
    readFileSync(join(deploy, "docker", service.build.context, service.build.dockerfile));
  }
});
