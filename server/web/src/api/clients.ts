// The services of the contract, as the page calls them: Connect over HTTP, JSON.
import { Code, ConnectError, createClient, type Interceptor } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { ExperimentService } from "../generated/hooke/v1/experiment_pb.js";
import { QueryService } from "../generated/hooke/v1/query_pb.js";
import { Store } from "../lib/store.js";
import { asked, token } from "./token.js";

// Whether the server answers; `retryAt` (milliseconds since the epoch) is when it is tried again.
export type Connection = { state: "up" } | { state: "down"; retryAt: number };
export const connection = new Store<Connection>({ state: "up" });

// No server there, or one that cannot serve now: worth another try.
export function isUnavailable(error: unknown): boolean {
  const code = ConnectError.from(error).code;
  // What a browser throws when nobody listens (a TypeError) arrives as Unknown or Unavailable.
  return code === Code.Unavailable || (code === Code.Unknown && isNetworkError(error));
}

function isNetworkError(error: unknown): boolean {
  const cause = error instanceof ConnectError ? error.cause : error;
  return cause instanceof TypeError || /failed to fetch|networkerror|load failed/i.test(String(error));
}

const credentials: Interceptor = (next) => async (request) => {
  const secret = token();
  if (secret) request.header.set("Authorization", `Bearer ${secret}`);
  try {
    return await next(request);
  } catch (error) {
    noteRefusal(error, secret);
    throw error;
  }
};

// Streams are refused after the call has returned; whoever reads them says so here.
export function noteRefusal(error: unknown, secret = token()): void {
  const refused = ConnectError.from(error);
  if (refused.code !== Code.Unauthenticated) return;
  asked.set({ reason: secret ? "refused" : "missing", message: refused.rawMessage });
}

const transport = createConnectTransport({
  baseUrl: new URL(".", location.href).href.replace(/\/$/, ""),
  interceptors: [credentials],
});

export const queries = createClient(QueryService, transport);
export const experiments = createClient(ExperimentService, transport);
