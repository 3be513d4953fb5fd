import { randomBytes } from "node:crypto";
import { asc, eq } from "drizzle-orm";
import { loadRoutingKeys } from "../access/routing-id.ts";
import type { Id } from "../core/id.ts";
import { tenants } from "../db/schema.ts";
import { PRODUCTION, type Query } from "../privacy/catalog.ts";
import { clockDifferences } from "../privacy/catalog-functions.ts";
import { roleDifferences } from "../privacy/catalog-roles.ts";
import { loadProviders } from "../sign-in/provider.ts";
import { refuseStandIns } from "../sign-in/stand-ins.ts";
import { makeOwnersKey, makeTenant } from "./bootstrap.ts";
import { applyMigrations, makePartitions, setRolePasswords, WORKER_ROLES, type WorkerRole } from "./migrate.ts";
import { asOwner, type OwnerDatabase } from "./owner-connection.ts";
import { makeLocalSecrets } from "./secrets.ts";

export interface ProductionInput {
  /** Connection string of the database's owner: on Neon no superuser, but with CREATEROLE and BYPASSRLS. */
  ownerUrl: string;
  publicUrl: string;
  /**
   * E-mail address: whoever signs in with it, verified, becomes the platform's owner while that has had none.
   */
  firstOperator: string;
  /** What OIDC_PROVIDERS and MAIL_FROM become; null leaves what Cloudflare has. */
  providers: string | null;
  mailFrom: string | null;
  /** Names of the secrets that Cloudflare has. None of them is made anew: their values cannot be read back. */
  stored: readonly string[];
  log: (line: string) => void;
}

export interface Production {
  /** What Cloudflare must be given, by name. */
  secrets: Record<string, string>;
  /** Shown once; null when there is a platform whose keys still work. */
  operatorKey: string | null;
}

/**
 * Makes a production database what this version needs, and whatever secrets are absent. It may be repeated: a run that
 * failed half-way has stored nothing at Cloudflare, so the next one makes the same things anew.
 */
export async function prepareProduction(input: ProductionInput): Promise<Production> {
  const { ownerUrl, publicUrl, stored, log } = input;
  // Before anything is changed: it may be the wrong database.
  await asOwner(ownerUrl, async (db) => {
    await refuseWeakOwner(db);
    await refuseOtherDatabase(db, stored);
  });
  await applyMigrations(ownerUrl);
  await asOwner(ownerUrl, refuseBrokenPromises);
  log("  the migrations are applied; the roles and the clock are as they must be");
  // As the owner, who may do what ebb_jobs may: that role's password may be known to Cloudflare alone.
  await makePartitions(ownerUrl);

  const absent = (name: string) => !stored.includes(name);
  const { firstOperator, providers, mailFrom } = input;
  refuseStandIns({
    publicUrl,
    issuers: loadProviders(providers ?? "[]", true).map(({ issuer }) => issuer),
    mailEndpoint: undefined,
  });
  const secrets: Record<string, string> = {
    PUBLIC_URL: publicUrl,
    FIRST_OPERATOR: firstOperator,
    ...(providers !== null && { OIDC_PROVIDERS: providers }),
    ...(mailFrom !== null && { MAIL_FROM: mailFrom }),
  };
  if (providers === null && absent("OIDC_PROVIDERS")) log("  nobody can sign in yet: EBB_OIDC_PROVIDERS is not set");
  if (mailFrom === null && absent("MAIL_FROM")) log("  no mail is sent yet: EBB_MAIL_FROM is not set");
  const roles = WORKER_ROLES.filter((role) => absent(variable(role)));
  const passwords = Object.fromEntries(roles.map((role) => [role, randomBytes(32).toString("base64url")]));
  const urls = await setRolePasswords(ownerUrl, passwords);
  for (const role of roles) secrets[variable(role)] = urls[role] as string;
  if (roles.length > 0) log(`  new passwords for ${roles.map((role) => `ebb_${role}`).join(", ")}`);

  const made = await makeLocalSecrets();
  for (const name of ["TOKEN_SIGNING_KEYS", "ROUTING_HMAC_KEYS", "SEALING_KEYS"] as const) {
    if (!absent(name)) continue;
    secrets[name] = made[name];
    log(`  ${name} is new`);
  }
  return { secrets, operatorKey: await operatorKey(input, secrets["ROUTING_HMAC_KEYS"]) };
}

function variable(role: WorkerRole): string {
  return `DATABASE_URL_${role.toUpperCase()}`;
}

/**
 * A key for the platform's owner, made last, so that none is made and lost: for the first platform, or where the routing
 * keys are new and every older key is dead.
 */
async function operatorKey({ ownerUrl, log }: ProductionInput, newRoutingKeys: string | undefined) {
  return await asOwner(ownerUrl, async (db) => {
    const [platform] = await db
      .select({ id: tenants.id, gateId: tenants.gateId })
      .from(tenants)
      .where(eq(tenants.kind, "platform"))
      .orderBy(asc(tenants.id))
      .limit(1);
    if (newRoutingKeys === undefined) return null;
    const routingKeys = await loadRoutingKeys(newRoutingKeys);
    const nowMs = Date.now();
    // Without the address: keys outlive people.
    const name = "operator";
    return await db.transaction(async (tx) => {
      const inside = Object.assign(tx, { $client: db.$client });
      if (platform !== undefined)
        log("  every key and client id made with older ROUTING_HMAC_KEYS is refused from now on");
      const tenant: { id: Id<"tenant">; gateId: string } =
        platform ??
        (await makeTenant(inside, { kind: "platform", name: "Ebb", parent: null, plan: "enterprise" }, nowMs));
      return await makeOwnersKey(inside, { tenant, name, routingKeys, nowMs });
    });
  });
}

/** Without these rights the migrations would fail half understood. */
async function refuseWeakOwner(db: OwnerDatabase): Promise<void> {
  const { rows } = await db.$client.query<{ able: boolean }>(
    "select rolsuper or (rolcreaterole and rolbypassrls) as able from pg_catalog.pg_roles where rolname = current_user",
  );
  if (rows[0]?.able === true) return;
  throw new Error(
    "the role of NEON_DATABASE_URL needs CREATEROLE and BYPASSRLS, as the owner that Neon makes has them",
  );
}

/** Routing keys without a platform are another database's, and no key could be made with them: they cannot be read. */
async function refuseOtherDatabase({ $client }: OwnerDatabase, stored: readonly string[]): Promise<void> {
  if (!stored.includes("ROUTING_HMAC_KEYS")) return;
  const migrated = await $client.query(
    "select from pg_catalog.pg_tables where schemaname = 'public' and tablename = 'tenants'",
  );
  if (migrated.rows.length > 0) {
    const platforms = await $client.query("select from public.tenants where kind = 'platform'");
    if (platforms.rows.length > 0) return;
  }
  throw new Error(
    "NEON_DATABASE_URL names a database without a platform, but the Worker has secrets of another one: name that one, or delete the Worker's secrets to start anew",
  );
}

/** What would void every promise: a clock that is not the database's, or a role that gets round the policies. */
async function refuseBrokenPromises(db: OwnerDatabase): Promise<void> {
  const client = await db.$client.connect();
  try {
    const query: Query = async (text, params) => (await client.query(text, params)).rows;
    await client.query("begin");
    const found = [...(await clockDifferences(query, PRODUCTION)), ...(await roleDifferences(query))];
    if (found.length > 0) throw new Error(found.join("\n"));
  } finally {
    client.release(true);
  }
}
