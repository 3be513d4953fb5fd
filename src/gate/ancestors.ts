import type { TenantState } from "./tenant.ts";

/** From this age on the state of the tenants above is asked for again, beside the request. */
const REFRESH_AFTER_MS = 20_000;
/** Older than this it decides nothing: who suspends a tenant is promised that all below hears of it within 60 s. */
const TOO_OLD_MS = 50_000;

/** What the gates above have said of their tenants, and when. */
export class Ancestors {
  #gateIds: readonly string[] = [];
  #suspended = false;
  #askedAtMs = Number.NEGATIVE_INFINITY;

  /** News of who is above; unchanged ones are not asked again for it. */
  are(gateIds: readonly string[]): void {
    if (gateIds.join() === this.#gateIds.join()) return;
    this.#gateIds = gateIds;
    this.#suspended = false;
    this.#askedAtMs = Number.NEGATIVE_INFINITY;
  }

  get gateIds(): readonly string[] {
    return this.#gateIds;
  }

  get suspended(): boolean {
    return this.#suspended;
  }

  /** Whether to ask: not at all, beside the request, or before it is decided. */
  due(nowMs: number): "no" | "beside" | "before" {
    if (this.#gateIds.length === 0) return "no";
    // A clock that has stepped back says nothing about age.
    const age = nowMs < this.#askedAtMs ? Number.POSITIVE_INFINITY : nowMs - this.#askedAtMs;
    if (age < REFRESH_AFTER_MS) return "no";
    return age < TOO_OLD_MS ? "beside" : "before";
  }

  /** What these gates answered, to a question that was asked at `askedAtMs`; of no use once others are above. */
  heard(gateIds: readonly string[], statuses: readonly TenantState["status"][], askedAtMs: number): void {
    if (gateIds !== this.#gateIds) return;
    this.#suspended = statuses.some((status) => status !== "active");
    this.#askedAtMs = askedAtMs;
  }
}
