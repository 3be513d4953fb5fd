import type { sql } from "drizzle-orm";
import { inject } from "vitest";
import { loadRoutingKeys, type RoutingKeys } from "../access/routing-id.ts";
import { useLocalEndpoint } from "../db/connect.ts";
import { type MadeTenant, makeOwnersKey, makeRegistrationKey, makeTenant, type NewTenant } from "../local/bootstrap.ts";
import { asOwner, type OwnerDatabase } from "../local/owner-connection.ts";

/** A tenant of a test's own, with its keys: tests share a database and never each other's rows. */
export interface TestTenant extends MadeTenant {
  registrationKey: string;
  apiKey: string;
}

export function databaseUrls() {
  const { urls, neonEndpoint } = inject("database");
  useLocalEndpoint(neonEndpoint);
  return urls;
}

/** Runs as the database's owner, whom no policy binds: for setting scenes and for looking at what is really there. */
export function owner<T>(fn: (db: OwnerDatabase) => Promise<T>): Promise<T> {
  return asOwner(databaseUrls().owner, fn);
}

/** Rows of a query as the owner sees them. */
export async function ownerRows<T extends Record<string, unknown>>(text: ReturnType<typeof sql>): Promise<T[]> {
  return await owner(async (db) => (await db.execute(text)).rows as T[]);
}

export function testRoutingKeys(): Promise<RoutingKeys> {
  return loadRoutingKeys(inject("workerBindings")["ROUTING_HMAC_KEYS"] as string);
}

/** Makes a tenant with a reusable registration key and an API key that may do everything. */
export async function testTenant(wanted: Partial<NewTenant> = {}): Promise<TestTenant> {
  const routingKeys = await testRoutingKeys();
  return await owner(async (db) => {
    const nowMs = Date.now();
    const made = await makeTenant(
      db,
      { kind: "direct", name: "Test", parent: null, plan: "enterprise", ...wanted },
      nowMs,
    );
    return {
      ...made,
      registrationKey: await makeRegistrationKey(db, { tenant: made, routingKeys, nowMs }),
      apiKey: await makeOwnersKey(db, { tenant: made, name: "test", routingKeys, nowMs }),
    };
  });
}
