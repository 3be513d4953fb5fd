import { loadRoutingKeys } from "../access/routing-id.ts";
import { newId } from "../core/id.ts";
import { memberships, people, tenants } from "../db/schema.ts";
import { makeOwnersKey, makeRegistrationKey, makeTenant } from "./bootstrap.ts";
import { asOwner } from "./owner-connection.ts";
import { LOCAL_PEOPLE, type LocalPerson } from "./people.ts";
import type { DatabaseUrls } from "./prepare.ts";
import type { LocalSecrets } from "./secrets.ts";

export interface SeedInput {
  urls: DatabaseUrls;
  neon: { httpUrl: string; wsProxy: string };
  secrets: LocalSecrets;
  /** Of the local OpenID provider, by whom the seeded people are known. */
  issuer: string;
}

/** What scripts need of the seeded rows; all of it goes into local.json. */
export interface SeedResult extends Record<string, unknown> {
  /** Reusable, of the direct tenant. */
  registrationKey: string;
  /** Of the direct tenant. */
  apiKey: string;
  /** Of the platform owner. */
  operatorKey: string;
  tenants: { platform: string; direct: string; reseller: string; client: string };
}

/**
 * Seeds an empty database: the platform, a direct tenant and a reseller with an owner each, a client with a member,
 * one registration key and one API key. Null when there is a tenant already: a second start keeps everything.
 */
export async function seed({ urls, secrets, issuer }: SeedInput): Promise<SeedResult | null> {
  const routingKeys = await loadRoutingKeys(secrets.ROUTING_HMAC_KEYS);
  return await asOwner(urls.owner, async (db) => {
    const [any] = await db.select({ id: tenants.id }).from(tenants).limit(1);
    if (any !== undefined) return null;
    return await db.transaction(async (tx) => {
      const nowMs = Date.now();
      const inside = Object.assign(tx, { $client: db.$client });
      const platform = await makeTenant(
        inside,
        { kind: "platform", name: "Ebb", parent: null, plan: "enterprise" },
        nowMs,
      );
      const direct = await makeTenant(
        inside,
        { kind: "direct", name: "Acme", parent: platform, plan: "enterprise" },
        nowMs,
      );
      const reseller = await makeTenant(
        inside,
        { kind: "reseller", name: "Initech", parent: platform, plan: "team" },
        nowMs,
      );
      const client = await makeTenant(
        inside,
        { kind: "client", name: "Globex", parent: reseller, plan: "free" },
        nowMs,
      );
      for (const [subject, tenant, role] of [
        ["ada", direct, "owner"],
        ["rita", reseller, "owner"],
        ["carl", client, "member"],
      ] as const) {
        const { email, emailVerified, name } = LOCAL_PEOPLE.find((person) => person.subject === subject) as LocalPerson;
        const personId = newId("person", nowMs);
        await tx.insert(people).values({ id: personId, issuer, subject, email, emailVerified, name, createdAt: nowMs });
        await tx
          .insert(memberships)
          .values({ id: newId("membership", nowMs), tenantId: tenant.id, personId, role, createdAt: nowMs });
      }
      return {
        registrationKey: await makeRegistrationKey(inside, { tenant: direct, routingKeys, nowMs }),
        apiKey: await makeOwnersKey(inside, { tenant: direct, name: "seed", routingKeys, nowMs }),
        operatorKey: await makeOwnersKey(inside, { tenant: platform, name: "seed", routingKeys, nowMs }),
        tenants: { platform: platform.id, direct: direct.id, reseller: reseller.id, client: client.id },
      };
    });
  });
}
