// Configurations as users write them, to messages and back. Pure functions.
import { create, type DescField, type DescMessage, fromJson, type JsonValue } from "@bufbuild/protobuf";
import { Document, isNode, isScalar, LineCounter, parseDocument, visit } from "yaml";
import { type RunConfig, RunConfigSchema } from "../generated/hooke/v1/config_pb.js";

export interface TextProblem {
  // From 1; 0 where it is not known.
  line: number;
  // As "training.lr"; empty for the text as a whole.
  field: string;
  message: string;
}

export interface ParsedConfig {
  config: RunConfig;
  problems: TextProblem[];
  // Line (from 1) of a field, as "probes.updates[1].lr"; 0 where it is not written.
  lineOf: (field: string) => number;
}

type Report = (path: (string | number)[], message: string) => void;

// YAML or JSON. Whatever is wrong with its form stands in `problems`; values are checked by the server.
export function parseConfig(text: string): ParsedConfig {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const lineAt = (path: (string | number)[]) => {
    for (let length = path.length; length > 0; --length) {
      const node = document.getIn(path.slice(0, length), true);
      if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
    }
    return 0;
  };
  const lineOf = (field: string) => lineAt(field.split(/[.[\]]+/).filter(Boolean).map((part) => (/^\d+$/.test(part) ? Number(part) : part)));
  const empty = create(RunConfigSchema);
  const problems: TextProblem[] = document.errors.map((error) => ({
    line: error.linePos?.[0].line ?? 0,
    field: "",
    message: error.message.split("\n")[0] ?? "",
  }));
  if (problems.length > 0) return { config: empty, problems, lineOf };
  const report: Report = (path, message) => problems.push({ line: lineAt(path), field: path.join("."), message });
  const json = toJson(RunConfigSchema, document.toJS() as unknown, [], report);
  if (problems.length > 0) return { config: empty, problems, lineOf };
  try {
    return { config: fromJson(RunConfigSchema, json), problems, lineOf };
  } catch (error) {
    const found = /field hooke\.v1\.\w+\.(\w+)/.exec(String(error));
    problems.push({ line: 0, field: found?.[1] ?? "", message: error instanceof Error ? error.message : String(error) });
    return { config: empty, problems, lineOf };
  }
}

// Names of fields and values as written, to those of protobuf's JSON.
function toJson(schema: DescMessage, value: unknown, path: (string | number)[], report: Report): JsonValue {
  if (value === null || value === undefined) return {};
  if (typeof value !== "object" || Array.isArray(value)) {
    report(path, "must be a map of fields");
    return {};
  }
  const json: Record<string, JsonValue> = {};
  for (const [name, part] of Object.entries(value)) {
    const field = schema.fields.find((one) => one.name === name);
    const here = [...path, name];
    if (!field) report(here, `there is no such field; there is ${schema.fields.map((one) => one.name).join(", ")}`);
    else if (part !== null && part !== undefined) json[name] = fieldJson(field, part, here, report);
  }
  return json;
}

function fieldJson(field: DescField, value: unknown, path: (string | number)[], report: Report): JsonValue {
  if (field.fieldKind !== "list") return single(field, value, path, report);
  if (Array.isArray(value)) return value.map((part: unknown, i) => single(field, part, [...path, i], report));
  report(path, "must be a list, as [a, b]");
  return [];
}

function single(field: DescField, value: unknown, path: (string | number)[], report: Report): JsonValue {
  const kind = field.fieldKind === "list" ? field.listKind : field.fieldKind;
  if (kind === "message" && field.message) return toJson(field.message, value, path, report);
  if (kind === "enum" && field.enum) {
    const prefix = field.enum.sharedPrefix ?? "";
    const names = field.enum.values.map((one) => one.name.toLowerCase().slice(prefix.length));
    const place = names.indexOf(String(value));
    if (place > 0) return field.enum.values[place]?.name ?? "";
    report(path, `'${String(value)}' is not allowed; one of ${names.slice(1).join(", ")}`);
    return "";
  }
  if (typeof value === "object") {
    report(path, "must be a single value");
    return "";
  }
  return typeof value === "boolean" || typeof value === "number" || typeof value === "string" ? value : String(value);
}

// Canonical JSON as a person would write it: lists of numbers and names on one line.
export function configYaml(json: string): string {
  try {
    const document = new Document(JSON.parse(json) as unknown);
    visit(document, { Seq: (_, list) => void (list.flow = list.items.every(isScalar)) });
    return document.toString({ flowCollectionPadding: false, lineWidth: 100 });
  } catch {
    return json;
  }
}

// "0-4", "0, 1, 5" → seeds; nothing where the text is none of these.
export function parseSeeds(text: string): bigint[] | undefined {
  const seeds: bigint[] = [];
  for (const part of text.split(",").map((one) => one.trim()).filter(Boolean)) {
    const range = /^(\d{1,15})(?:\s*-\s*(\d{1,15}))?$/.exec(part);
    if (!range) return undefined;
    const [from, to] = [BigInt(range[1] ?? "0"), BigInt(range[2] ?? range[1] ?? "0")];
    if (to < from || to - from > 9999n) return undefined;
    for (let seed = from; seed <= to; ++seed) seeds.push(seed);
  }
  return seeds;
}

// "training.lr = 0.1, 0.01" → one axis; commas inside brackets do not separate. Nothing where it is none.
export function parseAxis(text: string): { field: string; values: string[] } | undefined {
  const mark = text.indexOf("=");
  const field = text.slice(0, mark).trim();
  if (mark < 0 || field === "") return undefined;
  const values: string[] = [""];
  let depth = 0;
  for (const letter of text.slice(mark + 1)) {
    if ("[{".includes(letter)) ++depth;
    if ("]}".includes(letter)) --depth;
    if (letter === "," && depth === 0) values.push("");
    else values[values.length - 1] += letter;
  }
  const trimmed = values.map((value) => value.trim());
  return depth === 0 && trimmed.every((value) => value !== "") ? { field, values: trimmed } : undefined;
}

// "team=vision, draft" → tags; nothing where one has no name.
export function parseTags(text: string): Record<string, string> | undefined {
  const tags: Record<string, string> = {};
  for (const part of text.split(",").map((one) => one.trim()).filter(Boolean)) {
    const [name = "", ...rest] = part.split("=");
    if (name.trim() === "") return undefined;
    tags[name.trim()] = rest.join("=").trim();
  }
  return tags;
}
