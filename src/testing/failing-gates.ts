import { env } from "cloudflare:workers";
import { createDeps } from "../../workers/runtime.ts";
import { createApp } from "../app.ts";
import type { Gate, GateDirectory } from "../gate/protocol.ts";
import { ORIGIN } from "./instance.ts";

/** The runtime's own failures (Durable Objects, "Error handling"), before the call reaches the object. */
const FAILURES = {
  // The runtime may say both: overloaded wins.
  overloaded: { overloaded: true, retryable: true },
  retryable: { retryable: true },
  unknown: {},
} as const;

/** The real gates, whose first `times` calls fail as the runtime fails; of one method, or of all. */
export async function appWithFailingGates(
  failure: keyof typeof FAILURES,
  times = Number.POSITIVE_INFINITY,
  only: keyof Gate | null = null,
) {
  const deps = await createDeps(env);
  let attempts = 0;
  const gates: GateDirectory = {
    gate: (gateId) =>
      new Proxy(deps.gates.gate(gateId), {
        get(gate, method) {
          const fails = only === null || only === method;
          if (fails) attempts += 1;
          if (!fails || attempts > times) return (argument: unknown) => gate[method as "take"](argument as never);
          return () => Promise.reject(Object.assign(new Error("gate"), FAILURES[failure]));
        },
      }) as Gate,
  };
  const app = createApp({ ...deps, gates });
  const fetch = async (path: string, init: RequestInit = {}) => await app.fetch(new Request(ORIGIN + path, init));
  return {
    deps: { ...deps, gates },
    fetch,
    attempts: () => attempts,
    ping: (token: string) =>
      fetch("/instance/alive", { method: "POST", headers: { authorization: `Bearer ${token}` } }),
    account: (key: string) => fetch("/api/v1/instances", { headers: { authorization: `Bearer ${key}` } }),
  };
}
