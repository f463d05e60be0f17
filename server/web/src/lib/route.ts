// Where the browser is: the address as a store, and ways to go elsewhere.
import { type Address, formatAddress, parseAddress } from "./address.js";
import { Store, useStore } from "./store.js";

const current = new Store<Address>(parseAddress(location.hash));
addEventListener("hashchange", readAddress);

// For who has changed the address without a new page.
export function readAddress(): void {
  current.set(parseAddress(location.hash));
}

export type Params = Record<string, string | undefined>;

export function useAddress(): Address {
  return useStore(current);
}

export function href(page: string, id?: string, params?: Params): string {
  return formatAddress({ page, id, params });
}

export function go(page: string, id?: string, params?: Params): void {
  location.hash = href(page, id, params);
}

// Changes what the page shows without a new page. Only what a person would go back from (`remember`)
// gets an entry in the history: scrubbing through a thousand steps must not fill it.
export function show(params: Params, remember = false): void {
  const address = current.get();
  const hash = formatAddress({ ...address, params: { ...address.params, ...params } });
  if (hash === location.hash) return;
  if (remember) history.pushState(null, "", hash);
  else history.replaceState(null, "", hash);
  current.set(parseAddress(hash));
}
