import type { Env } from "../../workers/bindings.ts";
import product, { TenantGate as ProductGate } from "../../workers/index.ts";
import { COUNTS_PATH, type WorkerCounts } from "./counts.ts";

/**
 * The product with a counter around its namespace binding: every method called on any stub of any gate, by the Worker or
 * by a gate, and every alarm. Only counting runs go through it; timed ones take the bundle as it is deployed.
 */
const counts: WorkerCounts = { calls: 0, alarms: 0 };
const countedEnvs = new WeakMap<Env, Env>();

function countingStub<T extends object>(stub: T): T {
  return new Proxy(stub, {
    get(target, property) {
      const member: unknown = Reflect.get(target, property);
      if (typeof member !== "function") return member;
      // Applied, never `member.call`: on an RPC stub that would be another remote method.
      return (...args: unknown[]): unknown => {
        counts.calls += 1;
        return Reflect.apply(member, target, args);
      };
    },
  });
}

function countingNamespace(namespace: Env["TENANT_GATE"]): Env["TENANT_GATE"] {
  return new Proxy(namespace, {
    get(target, property) {
      const member: unknown = Reflect.get(target, property);
      if (typeof member !== "function") return member;
      return (...args: unknown[]): unknown => {
        const made: unknown = Reflect.apply(member, target, args);
        if (property === "jurisdiction") return countingNamespace(made as Env["TENANT_GATE"]);
        return property === "get" || property === "getByName" ? countingStub(made as object) : made;
      };
    },
  });
}

/** The same object for the same environment: the product keeps what it has made of one. */
function countingEnv(env: Env): Env {
  let counted = countedEnvs.get(env);
  if (counted === undefined) {
    counted = { ...env, TENANT_GATE: countingNamespace(env.TENANT_GATE) };
    countedEnvs.set(env, counted);
  }
  return counted;
}

export class TenantGate extends ProductGate {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, countingEnv(env));
  }

  override async alarm(): Promise<void> {
    counts.alarms += 1;
    await super.alarm();
  }
}

export default {
  async fetch(request, env) {
    if (new URL(request.url).pathname === COUNTS_PATH) return Response.json(counts);
    return await product.fetch(request, countingEnv(env));
  },
} satisfies ExportedHandler<Env>;
