import { DurableObject } from "cloudflare:workers";
import { systemClock } from "../src/core/clock.ts";
import { errorFields } from "../src/core/log.ts";
import { backoffMs } from "../src/gate/backoff.ts";
import { BATCH, flushJournal } from "../src/gate/flush.ts";
import { TenantGateState } from "../src/gate/gate.ts";
import type {
  AdoptCall,
  ChangeCall,
  ClientAnswer,
  ClientCall,
  ClientLookup,
  ClientLookupAnswer,
  DeliverCall,
  EraseCall,
  FlushReport,
  ForwardCall,
  Gate,
  GateDirectory,
  InspectCall,
  Inspection,
  JudgeCall,
  Judgement,
  LearnCall,
  PingAnswer,
  PingCall,
  RecordAnswer,
  RecordCall,
  TakeAnswer,
  TakeCall,
} from "../src/gate/protocol.ts";
import { GateStore } from "../src/gate/store.ts";
import type { TenantState } from "../src/gate/tenant.ts";
import type { Ingest } from "../src/telemetry/ingest.ts";
import type { Env } from "./bindings.ts";
import { gateDirectory } from "./gate-directory.ts";
import { consoleLogger, ingestOf } from "./runtime.ts";

/** How long the first unflushed row waits for others to share its statement. */
const FLUSH_DELAY_MS = 5_000;
const NOTHING_FLUSHED: FlushReport = { recorded: 0, repeated: 0, expired: 0, gone: 0, dead: 0, pending: 0 };
/** How long the gates above are waited for. */
const PATIENCE_MS = 3_000;

/**
 * The shell of a gate: RPC in, alarm out. Its state lives here, in SQLite beside the code, because validity,
 * limits and the journal must be decided in one place and be durable before the answer leaves (output gate).
 */
export class TenantGate extends DurableObject<Env> implements Gate {
  #store: GateStore;
  #state: TenantGateState;
  readonly #ingest: Ingest;
  readonly #logger = consoleLogger;
  readonly #gates: GateDirectory;
  #flushing: Promise<FlushReport> | null = null;
  #asking: Promise<void> | null = null;
  #failures = 0;
  /** True while an alarm is set: setting one costs a write, so it is set once a flush, not once a ping. */
  #armed: boolean = false;
  #unflushed: number;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#store = new GateStore(ctx.storage);
    this.#state = new TenantGateState(this.#store, systemClock);
    this.#ingest = ingestOf(env);
    this.#gates = gateDirectory(env);
    this.#unflushed = this.#store.pending();
    // An alarm is never lost, but a gate that was stopped by hand between two flushes has none.
    if (this.#unflushed > 0) this.ctx.waitUntil(this.#armUnlessSet());
  }

  async ping(call: PingCall): Promise<PingAnswer> {
    if (this.#state.ancestors.due(systemClock.now()) !== "no") await this.#askAbove();
    const answer = this.#state.ping(call);
    if (answer.outcome === "recorded") await this.#journaled();
    return answer;
  }

  async record(call: RecordCall): Promise<RecordAnswer> {
    await this.#askAbove();
    const answer = this.#state.record(call);
    if (answer.outcome === "recorded") await this.#journaled();
    return answer;
  }

  async judge(call: JudgeCall): Promise<Judgement> {
    await this.#askAbove();
    return this.#state.judge(call);
  }

  async authenticateClient(call: ClientCall): Promise<ClientAnswer> {
    await this.#askAbove();
    return this.#state.authenticateClient(call);
  }

  async client(call: ClientLookup): Promise<ClientLookupAnswer> {
    return this.#state.client(call);
  }

  async adopt(call: AdoptCall): Promise<"adopted" | "full"> {
    return this.#state.adopt(call);
  }

  async forward(call: ForwardCall): Promise<void> {
    this.#state.forward(call);
  }

  async change(call: ChangeCall): Promise<boolean> {
    return this.#state.change(call);
  }

  async take(call: TakeCall): Promise<TakeAnswer> {
    await this.#askAbove();
    return await this.#state.take(call);
  }

  async learn(call: LearnCall): Promise<TakeAnswer> {
    return this.#state.learn(call);
  }

  async inspect(call: InspectCall): Promise<Inspection> {
    return this.#state.inspect(call);
  }

  async status(): Promise<TenantState["status"]> {
    return this.#state.tenant.status;
  }

  async deliver(call: DeliverCall): Promise<number[]> {
    return this.#state.deliver(call);
  }

  async erase({ tenantId }: EraseCall): Promise<boolean> {
    const known = this.#state.tenant.tenantId;
    if (known !== null && known !== tenantId) return false;
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
    // Whoever calls it later finds a gate that knows nobody, and not one that remembers.
    this.#store = new GateStore(this.ctx.storage);
    this.#state = new TenantGateState(this.#store, systemClock);
    this.#armed = false;
    this.#unflushed = 0;
    return true;
  }

  async flush(): Promise<FlushReport> {
    // One flush at a time: two would send the same rows, and the journal is cut from its start.
    this.#flushing ??= this.#flushOnce().finally(() => {
      this.#flushing = null;
    });
    return this.#flushing;
  }

  /** Never throws: re-arms first, so that neither an exception nor a crash can leave the journal without an alarm. */
  override async alarm(): Promise<void> {
    await this.#arm(backoffMs(this.#failures + 1, Math.random()));
    try {
      const report = await this.flush();
      this.#failures = 0;
      if (report.pending === 0 && this.#unflushed === 0) {
        this.#armed = false;
        await this.ctx.storage.deleteAlarm();
      } else {
        await this.#arm(FLUSH_DELAY_MS);
      }
    } catch (error) {
      this.#failures += 1;
      this.#logger.log("warn", "flush-failed", {
        ...(this.#state.tenant.gateId && { gateId: this.#state.tenant.gateId }),
        attempt: this.#failures,
        pending: this.#unflushed,
        ...errorFields(error),
      });
      await this.#arm(backoffMs(this.#failures, Math.random()));
    }
  }

  /** Has what was journaled flushed soon, and a full batch at once. */
  async #journaled(): Promise<void> {
    this.#unflushed += 1;
    const full = this.#unflushed === BATCH && this.#failures === 0;
    if (full || !this.#armed) await this.#arm(full ? 0 : FLUSH_DELAY_MS);
  }

  async #flushOnce(): Promise<FlushReport> {
    const { gateId, tenantId } = this.#state.tenant;
    try {
      // The platform's gates and nurseries have no tenant, and nothing to flush.
      if (gateId === null || tenantId === null) return { ...NOTHING_FLUSHED };
      const report = await flushJournal(this.#store, this.#ingest, { gateId, tenantId });
      const { recorded, expired, gone, dead, pending } = report;
      if (expired + gone + dead > 0) this.#logger.log("warn", "flush-left-out", { gateId, expired, gone, dead });
      this.#logger.log("info", "flushed", { gateId, rows: recorded, pending });
      return report;
    } finally {
      this.#unflushed = this.#store.pending();
      // Here and not in the alarm, so that the cron's daily visit to a quiet gate has it forget too.
      this.#state.settle();
      this.#state.forget();
    }
  }

  /**
   * Asks the gates above whether their tenants are active: beside the request while what is known is fresh enough, else
   * before it. Throws when it is too old and they do not answer: nobody is let in on the word of a minute ago.
   */
  async #askAbove(): Promise<void> {
    const { ancestors } = this.#state;
    const askedAtMs = systemClock.now();
    const due = ancestors.due(askedAtMs);
    if (due === "no") return;
    const { gateIds } = ancestors;
    this.#asking ??= this.#statusesOf(gateIds)
      .then((statuses) => ancestors.heard(gateIds, statuses, askedAtMs))
      .finally(() => {
        this.#asking = null;
      });
    if (due === "before") return await this.#asking;
    this.ctx.waitUntil(this.#asking.catch(() => undefined));
  }

  async #statusesOf(gateIds: readonly string[]): Promise<TenantState["status"][]> {
    const patience = Promise.withResolvers<never>();
    const timer = setTimeout(() => patience.reject(new Error("the gates above did not answer")), PATIENCE_MS);
    try {
      const asked = gateIds.map((gateId) => this.#gates.gate(gateId).status());
      return await Promise.race([Promise.all(asked), patience.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #armUnlessSet(): Promise<void> {
    if ((await this.ctx.storage.getAlarm()) === null) await this.#arm(FLUSH_DELAY_MS);
    else this.#armed = true;
  }

  async #arm(delayMs: number): Promise<void> {
    this.#armed = true;
    await this.ctx.storage.setAlarm(Date.now() + delayMs);
  }
}
