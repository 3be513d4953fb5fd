import type { TenantMessage } from "../core/gate-message.ts";
import type { Id } from "../core/id.ts";
import type { Plan } from "../limits/plans.ts";
import { type EffectivePolicies, effectivePolicies, type LimitSettings } from "../limits/settings.ts";
import { isNursery } from "./nursery.ts";
import type { GateStore } from "./store.ts";
import { readLimits, readTenantMessage } from "./tenant-message.ts";

/**
 * What a gate knows of its tenant; until it is told, the tenant of the first genuine token and the smallest plan. A
 * nursery has no tenant, and the limits of the greatest plan.
 */
export interface TenantState extends LimitSettings {
  gateId: string | null;
  tenantId: Id<"tenant"> | null;
  status: "active" | "suspended" | "closed";
  ancestors: readonly string[];
}

/** Where each part is kept in the gate's `meta`. */
const KEYS = {
  gateId: "gate",
  tenantId: "tenant",
  plan: "plan",
  status: "status",
  overrides: "overrides",
  allotments: "allotments",
  ancestors: "ancestors",
} as const satisfies Record<keyof TenantState, string>;
const HEARD = "tenant-message";

/** The tenant as its gate knows it, and the limits that follow. */
export class GateTenant {
  readonly #store: GateStore;
  #state: TenantState;
  #policies: EffectivePolicies;
  /** Place in the outbox of the last news. */
  #heard: number;

  constructor(store: GateStore) {
    this.#store = store;
    const text = (key: keyof TenantState) => store.meta(KEYS[key]) as string | null;
    this.#heard = Number(store.meta(HEARD) ?? 0);
    this.#state = {
      gateId: text("gateId"),
      tenantId: text("tenantId") as Id<"tenant"> | null,
      plan: (text("plan") ?? "free") as Plan,
      status: (text("status") ?? "active") as TenantState["status"],
      // As a version before wrote them: what this one has no limit for is none.
      overrides: readLimits(JSON.parse(text("overrides") ?? "{}")) ?? {},
      allotments: readLimits(JSON.parse(text("allotments") ?? "{}")) ?? {},
      ancestors: JSON.parse(text("ancestors") ?? "[]") as string[],
    };
    this.#policies = effectivePolicies(this.#state);
  }

  get state(): Readonly<TenantState> {
    return this.#state;
  }

  get policies(): EffectivePolicies {
    return this.#policies;
  }

  /** Remembers whose gate this is: an object's own name is not told to it in an alarm. */
  meet(gateId: string, tenantId: Id<"tenant"> | null): void {
    if (this.#state.gateId === null) {
      this.#set(isNursery(gateId) ? { gateId, plan: "enterprise" } : { gateId });
      this.#policies = effectivePolicies(this.#state);
    }
    if (this.#state.tenantId === null && tenantId !== null && !isNursery(gateId)) this.#set({ tenantId });
  }

  /**
   * Says whether the message can be applied and is for this gate, which serves one tenant for ever. Older news than the
   * last is dropped.
   */
  hear(id: number, message: TenantMessage): boolean {
    const read = readTenantMessage(message);
    if (read === null || (this.#state.gateId !== null && isNursery(this.#state.gateId))) return false;
    if (this.#state.tenantId !== null && this.#state.tenantId !== read.tenantId) return false;
    if (id < this.#heard) return true;
    this.#heard = id;
    this.#store.setMeta(HEARD, id);
    const { kind: _, ...state } = read;
    this.#set(state);
    this.#policies = effectivePolicies(this.#state);
    return true;
  }

  #set(change: Partial<TenantState>): void {
    this.#state = { ...this.#state, ...change };
    for (const [key, value] of Object.entries(change)) {
      this.#store.setMeta(KEYS[key as keyof TenantState], typeof value === "string" ? value : JSON.stringify(value));
    }
  }
}
