// The step that is looked at: a store for what follows it many times a second, the address for links.
import { useEffect, useMemo, useState } from "preact/hooks";
import { stepParam } from "../lib/address.js";
import { show, useAddress } from "../lib/route.js";
import { Store } from "../lib/store.js";

// How long a step stands still before the address and the server hear of it.
const restMs = 200;

export function useStepStore(run: string): Store<number | undefined> {
  const fromAddress = stepParam(useAddress().params.step);
  const store = useMemo(() => new Store<number | undefined>(fromAddress), [run]);
  useEffect(() => store.set(fromAddress), [store, fromAddress]);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const end = store.watch(() => {
      clearTimeout(timer);
      const step = store.get();
      timer = setTimeout(() => show({ step: step === undefined ? undefined : String(step) }), restMs);
    });
    return () => {
      clearTimeout(timer);
      end();
    };
  }, [store]);
  return store;
}

// The step once it has stood still for a moment.
export function useRest(step: number | undefined): number | undefined {
  const [rest, setRest] = useState(step);
  useEffect(() => {
    const timer = setTimeout(() => setRest(step), rest === undefined ? 0 : restMs);
    return () => clearTimeout(timer);
  }, [step]);
  return rest;
}
