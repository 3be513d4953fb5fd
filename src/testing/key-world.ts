import { sql } from "drizzle-orm";
import { hashSecret, newSecret } from "../access/secret.ts";
import { csrfToken, SESSION_COOKIE } from "../access/session-cookie.ts";
import { type Id, newId, uuidFromId } from "../core/id.ts";
import type { Role } from "../core/permission.ts";
import { memberships, people, sessions } from "../db/schema.ts";
import { PROTOCOL } from "../gate/protocol.ts";
import { gateOf, ORIGIN } from "./instance.ts";
import { owner, ownerRows, type TestTenant } from "./world.ts";

/** A person of a test's own who has signed in, and the headers of a request of theirs from our own pages. */
export interface Somebody {
  id: Id<"person">;
  uuid: string;
  headers: Record<string, string>;
}

/** A person with a session, belonging to these tenants as this. */
export async function somebody(...belongs: [tenant: TestTenant, role: Role][]): Promise<Somebody> {
  const nowMs = Date.now();
  const id = newId("person", nowMs);
  const secret = newSecret();
  await owner(async (db) => {
    const person = { id, issuer: "https://provider.test", subject: id, email: `${id}@example.com`, name: "Somebody" };
    await db.insert(people).values({ ...person, emailVerified: true, createdAt: nowMs });
    // In the order in which they are named.
    for (const [n, [{ id: tenantId }, role]] of belongs.entries()) {
      const membership = { id: newId("membership", nowMs + n), tenantId, personId: id, role, createdAt: nowMs };
      await db.insert(memberships).values(membership);
    }
    const session = { id: newId("session", nowMs), personId: id, issuedAt: nowMs, expiresAt: nowMs + 90 * 86_400_000 };
    await db.insert(sessions).values({ ...session, secretHash: await hashSecret(secret) });
  });
  return {
    id,
    uuid: uuidFromId("person", id),
    headers: {
      cookie: `${SESSION_COOKIE}=${secret}`,
      origin: ORIGIN,
      "x-csrf-token": await csrfToken(secret),
    },
  };
}

/** Makes somebody something else in a tenant, or nothing, behind everybody's back: no gate is told. */
export async function becomes({ uuid }: Somebody, tenant: TestTenant, role: Role | "removed"): Promise<void> {
  const of = sql`where person_id = ${uuid} and tenant_id = ${uuidFromId("tenant", tenant.id)}`;
  if (role === "removed") await ownerRows(sql`update memberships set removed_at = now() ${of}`);
  else await ownerRows(sql`update memberships set role = ${role} ${of}`);
}

let posted = 5_000_000;

/** Tells a tenant's gate that keys, or people behind them, have changed. */
export async function tellKeysChanged(tenant: TestTenant): Promise<void> {
  const messages = [{ id: posted++, message: { kind: "keys-changed" as const } }];
  const taken = await gateOf(tenant).deliver({ v: PROTOCOL, gateId: tenant.gateId, messages });
  if (taken.length !== 1) throw new Error("the gate did not take the message");
}
