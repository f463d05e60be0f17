// What went wrong, for people: one sentence, and which fields of the request are to blame.
import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema } from "../generated/google/rpc/details_pb.js";

export interface Violation {
  field: string;
  description: string;
}

export function messageOf(error: unknown): string {
  const text = ConnectError.from(error).rawMessage;
  return text === "" ? "The server gave no reason." : text;
}

export function violationsOf(error: unknown): Violation[] {
  return ConnectError.from(error)
    .findDetails(BadRequestSchema)
    .flatMap((detail) => detail.fieldViolations.map(({ field, description }) => ({ field, description })));
}

export function isNotFound(error: unknown): boolean {
  return ConnectError.from(error).code === Code.NotFound;
}

export function isCancelled(error: unknown): boolean {
  return ConnectError.from(error).code === Code.Canceled;
}
