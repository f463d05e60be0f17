// The caller's token: kept in this browser, taken from a link "…/#token=SECRET" once.
import { tokenOf } from "../lib/address.js";
import { Store } from "../lib/store.js";

const key = "hooke.token";

// Why a token is asked for: nothing is, none was given, or the one given was refused.
export type Asked = { reason: "none" | "missing" | "refused"; message: string };

export const asked = new Store<Asked>({ reason: "none", message: "" });

// Private windows may keep nothing: then the token lasts as long as the page.
let unkept = "";

export function token(): string {
  try {
    return localStorage.getItem(key) ?? unkept;
  } catch {
    return unkept;
  }
}

export function setToken(value: string): void {
  unkept = value;
  try {
    if (value) localStorage.setItem(key, value);
    else localStorage.removeItem(key);
  } catch {
    // Kept in memory alone.
  }
  asked.set({ reason: "none", message: "" });
}

// Before the first page: no secret stays in the address or in the history.
export function takeTokenFromAddress(): void {
  const found = tokenOf(location.hash);
  if (!found) return;
  setToken(found.token);
  history.replaceState(null, "", location.pathname + location.search + found.rest);
}
