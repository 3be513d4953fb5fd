import { eq, sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hashSecret } from "./access/secret.ts";
import { type Id, newId, uuidFromId } from "./core/id.ts";
import { PERMISSIONS, type Permission } from "./core/permission.ts";
import { Problem } from "./core/problem.ts";
import { AppDatabase } from "./db/app-database.ts";
import { instances } from "./db/schema.ts";
import type { Deps } from "./deps.ts";
import { withFault, withoutPostgres } from "./testing/faults.ts";
import { rowMaker } from "./testing/rows.ts";
import { hashOf, type ScratchDatabase, scratchDatabase } from "./testing/scratch-database.ts";
import type { TestTenant } from "./testing/world.ts";
import { type Change, type Context, mutate, read } from "./verb.ts";

/** Permission, write, outbox and audit entry: all of it or nothing, whatever fails and whenever. */

let database: ScratchDatabase;
beforeAll(async () => {
  database = await scratchDatabase();
});
afterAll(() => database.drop());

interface Scene {
  tenant: TestTenant;
  instanceId: Id<"instance">;
  context: Context;
}

/** A tenant with an instance, and a request with a key that permits this. */
async function scene(permissions: readonly Permission[] = PERMISSIONS): Promise<Scene> {
  const tenant = await database.tenant();
  const instanceId = newId("instance", Date.now());
  await (await rowMaker(database, uuidFromId("tenant", tenant.id))).add("instances", null, {
    id: uuidFromId("instance", instanceId),
    name: "before",
  });
  await database
    .as("owner")
    .query("update credentials set permissions = $1 where secret_hash = $2", [
      permissions,
      await hashOf(tenant.apiKey),
    ]);
  return { tenant, instanceId, context: await contextOf(tenant.apiKey) };
}

async function contextOf(secret: string, target: Id<"tenant"> | null = null): Promise<Context> {
  // Of all that a verb may use, mutate and read themselves use these two.
  const deps = { app: new AppDatabase(database.url("app")), clock: { now: () => Date.now() } } as Deps;
  return { deps, requestId: newId("request", Date.now()), credentialHash: await hashSecret(secret), target };
}

/** Renames the instance and posts to the gate, as a verb would. */
function rename(
  { context, instanceId }: Scene,
  after: () => Promise<void> = async () => undefined,
  audit = {},
): Promise<string> {
  return mutate(context, "instances:delete", async (tx, { tenantId }): Promise<Change<string>> => {
    await tx.update(instances).set({ name: "after" }).where(eq(instances.id, instanceId));
    await after();
    return {
      result: "renamed",
      audit: { action: "instance.renamed", subject: instanceId, detail: { name: "after" }, ...audit },
      post: [{ kind: "tenant", tenantId, status: "active", plan: "free" }],
    };
  });
}

/** What is there of a change: the name, entries of the audit, messages posted beside that of the tenant's making. */
async function traces({ tenant, instanceId }: Scene): Promise<{ name: unknown; audit: number; posted: number }> {
  const [row] = await database.as("owner").query(
    `select (select name from instances where id = $1) as name, (select count(*)::int from audit_entries where tenant_id = $2) as audit,
            (select count(*)::int - 1 from outbox where tenant_id = $2) as posted`,
    [uuidFromId("instance", instanceId), uuidFromId("tenant", tenant.id)],
  );
  return row as { name: unknown; audit: number; posted: number };
}
const ALL = { name: "after", audit: 1, posted: 1 };
const NOTHING = { name: "before", audit: 0, posted: 0 };

const problemOf = async (call: Promise<unknown>): Promise<string> => {
  try {
    await call;
    return "none";
  } catch (error) {
    if (error instanceof Problem) return error.problem;
    throw error;
  }
};

describe("a change", () => {
  it("is there with its audit entry, in the same transaction, and with what its gate must hear", async () => {
    const it = await scene();
    expect(await rename(it)).toBe("renamed");
    expect(await traces(it)).toEqual(ALL);
    const [entry] = await database.as("owner").query(
      `select action, subject, detail, request_id, actor_kind, (select name from credentials c where c.id = actor_id) as actor,
              a.xmin = (select i.xmin from instances i where i.id = $2) as together
         from audit_entries a where tenant_id = $1`,
      [uuidFromId("tenant", it.tenant.id), uuidFromId("instance", it.instanceId)],
    );
    expect(entry).toEqual({
      action: "instance.renamed",
      subject: it.instanceId,
      detail: '{"name":"after"}',
      request_id: it.context.requestId,
      actor_kind: "api-key",
      actor: "test",
      together: true,
    });
  });

  it("is not there when what makes it throws, be it a Problem or a fault", async () => {
    const it = await scene();
    const conflict = rename(it, () => Promise.reject(new Problem("conflict")));
    expect(await problemOf(conflict)).toBe("conflict");
    await expect(rename(it, () => Promise.reject(new RangeError("a fault of ours")))).rejects.toThrow(RangeError);
    expect(await traces(it)).toEqual(NOTHING);
    await rename(it);
    expect(await traces(it)).toEqual(ALL);
  });

  it("is not there when its audit entry cannot be written", async () => {
    const it = await scene();
    await expect(rename(it, undefined, { action: null })).rejects.toThrow();
    await expect(rename(it, undefined, { subject: "\0" })).rejects.toThrow();
    expect(await traces(it)).toEqual(NOTHING);
  });

  it("is not there, and not said to be, when a failed statement was swallowed", async () => {
    const it = await scene();
    const swallowing = mutate(it.context, "instances:delete", async (tx) => {
      await tx.update(instances).set({ name: "after" }).where(eq(instances.id, it.instanceId));
      await tx.execute(sql`select 1 / 0`).catch(() => undefined);
      return { result: null, audit: { action: "a", subject: "s", detail: {} } };
    });
    await expect(swallowing).rejects.toThrow();
    const below = it.context.deps.app.write(it.context, async (tx) => {
      await tx.update(instances).set({ name: "after" }).where(eq(instances.id, it.instanceId));
      await tx.execute(sql`select 1 / 0`).catch(() => undefined);
    });
    await expect(below).rejects.toThrow();
    expect(await traces(it)).toEqual(NOTHING);
  });
});

describe("permission", () => {
  it("comes from the credential alone, and what it forbids leaves nothing, not even a call of the verb", async () => {
    const it = await scene(PERMISSIONS.filter((permission) => permission !== "instances:delete"));
    let called = false;
    const forbidden = mutate(it.context, "instances:delete", async () => {
      called = true;
      return { result: null, audit: { action: "a", subject: "s", detail: {} } };
    });
    expect([await problemOf(forbidden), called]).toEqual(["forbidden", false]);
    // A caller who claims more than the database knows of.
    const claiming = { ...it, context: { ...it.context, permissions: PERMISSIONS, actorTenantId: it.tenant.id } };
    expect(await problemOf(rename(claiming))).toBe("forbidden");
    expect(await traces(it)).toEqual(NOTHING);
    expect(await problemOf(rename(await scene(["instances:delete"])))).toBe("none");
  });

  it.each(["instances:*", "*", "INSTANCES:DELETE", "instances:delete ", "instances"])(
    "is not had by %j",
    async (permission) => {
      expect(await problemOf(rename(await scene([permission as Permission])))).toBe("forbidden");
    },
  );

  it("is asked of reads too", async () => {
    const names = (context: Context) =>
      read(context, "instances:read", (db) => [db.select({ name: instances.name }).from(instances)]);
    expect(await problemOf(names((await scene(["pings:read"])).context))).toBe("forbidden");
    const it = await scene(["instances:read"]);
    expect(await names(it.context)).toEqual([[{ name: "before" }]]);
  });

  it("does not reach another tenant: its instance is not there, it cannot be entered", async () => {
    const [it, other] = [await scene(), await scene()];
    expect(await rename({ ...it, instanceId: other.instanceId })).toBe("renamed");
    expect(await problemOf(rename({ ...it, context: await contextOf(it.tenant.apiKey, other.tenant.id) }))).toBe(
      "not-found",
    );
    expect(await problemOf(rename({ ...it, context: await contextOf("ebb_nobody") }))).toBe("unauthenticated");
    expect(await traces(other)).toEqual(NOTHING);
  });
});

describe("what an Idempotency-Key keeps", () => {
  /** A change that returns the tenant's API key, `named` as a secret or not. */
  async function returning(named: boolean, it: Scene): Promise<unknown> {
    const idempotency = { key: "once", route: "POST /", requestHash: new Uint8Array(32), replayed: false };
    return await mutate({ ...it.context, idempotency }, "instances:delete", async (tx) => {
      await tx.update(instances).set({ name: "after" }).where(eq(instances.id, it.instanceId));
      return {
        result: { nested: it.tenant.apiKey, key: it.tenant.apiKey },
        audit: { action: "a", subject: "s", detail: {} },
        ...(named ? { secrets: ["nested", "key"] as const } : {}),
      };
    });
  }

  it("holds no key that the verb names, and a verb that forgets to name one changes nothing", async () => {
    const [good, bad] = [await scene(), await scene()];
    await returning(true, good);
    expect(await returning(true, good)).toEqual({ nested: null, key: null });
    await expect(returning(false, bad)).rejects.toThrow("POST / would keep a secret");
    expect(await traces(bad)).toEqual(NOTHING);
  });
});

describe("when the way to Postgres fails", () => {
  it("in the commit, after it: the outcome is unknown to the caller, and all of it is there", async () => {
    const it = await scene();
    await read(it.context, "instances:read", (db) => [db.select({ id: instances.id }).from(instances)]);
    expect(await problemOf(withFault({ kind: "drop-after-commit", times: 1 }, () => rename(it)))).toBe(
      "outcome-unknown",
    );
    expect(await traces(it)).toEqual(ALL);
  });

  it("in the commit, before it: the outcome is unknown too, and nothing is there", async () => {
    const it = await scene();
    await read(it.context, "instances:read", (db) => [db.select({ id: instances.id }).from(instances)]);
    expect(await problemOf(withFault({ kind: "error-mid", times: 1 }, () => rename(it)))).toBe("outcome-unknown");
    expect(await traces(it)).toEqual(NOTHING);
  });

  it("in the midst of the change: unavailable, and nothing is there", async () => {
    const it = await scene();
    const kill = async () => {
      await database
        .as("superuser")
        .query(
          "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'ebb_app' and state = 'idle in transaction' and datname = current_database()",
        );
    };
    expect(await problemOf(rename(it, kill))).toBe("unavailable");
    expect(await traces(it)).toEqual(NOTHING);
  });

  it("before anything: unavailable, with the time to wait, for changes and reads; afterwards it works", async () => {
    const it = await scene();
    const down = () => withoutPostgres(() => rename(it));
    await expect(down()).rejects.toMatchObject({ problem: "unavailable", detail: { retryAfterS: expect.any(Number) } });
    const reading = withoutPostgres(() =>
      read(it.context, "instances:read", (db) => [db.select({ id: instances.id }).from(instances)]),
    );
    expect(await problemOf(reading)).toBe("unavailable");
    expect(await traces(it)).toEqual(NOTHING);
    expect(await problemOf(rename(it))).toBe("none");
  });
});
