// The address holds what is shown: #/PAGE/ID?name=value. Pure functions.

export interface Address {
  // First part of the path, as "runs"; empty for the start page.
  page: string;
  // Second part, as a run's id; empty where there is none.
  id: string;
  // What is shown of it.
  params: Record<string, string>;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function parseAddress(hash: string): Address {
  const text = hash.replace(/^#/, "");
  const mark = text.indexOf("?");
  const path = mark < 0 ? text : text.slice(0, mark);
  const [page = "", id = ""] = path.split("/").filter((part) => part !== "").map(decode);
  const params: Record<string, string> = {};
  if (mark >= 0) for (const [name, value] of new URLSearchParams(text.slice(mark + 1))) params[name] = value;
  return { page, id, params };
}

// Empty parameters are left out: what is the default needs no place in a link.
export function formatAddress(address: { page: string; id?: string; params?: Record<string, string | undefined> }): string {
  const path = [address.page, address.id ?? ""].filter((part) => part !== "").map(encodeURIComponent).join("/");
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(address.params ?? {})) if (value) query.set(name, value);
  const text = query.toString();
  return `#/${path}${text ? `?${text}` : ""}`;
}

// The token of a link "…/#token=SECRET", or nothing. Whatever follows "&to=" is the page to go on to.
export function tokenOf(hash: string): { token: string; rest: string } | undefined {
  const match = /^#token=([^&]*)(?:&to=(.*))?$/.exec(hash);
  if (!match) return undefined;
  return { token: decode(match[1] ?? ""), rest: match[2] ? `#${decode(match[2])}` : "" };
}

// A whole number of steps, or nothing where the text is none.
export function stepParam(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

export function listParam(text: string | undefined): string[] {
  return text ? text.split("\n").filter((part) => part !== "") : [];
}
