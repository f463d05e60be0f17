// The step that is looked at: a store for what follows it many times a second, the address for links.
import { useEffect, useMemo } from "preact/hooks";
import { stepParam } from "../lib/address.js";
import { show, useAddress } from "../lib/route.js";
import { Store } from "../lib/store.js";

const restMs = 250;

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
