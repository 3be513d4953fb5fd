import { asc, eq } from "drizzle-orm";
import { loadRoutingKeys, type RoutingKeys } from "../access/routing-id.ts";
import { tenants } from "../db/schema.ts";
import { makeOwnersKey } from "../local/bootstrap.ts";
import { asOwner } from "../local/owner-connection.ts";
import { readIfThere, writePrivateFile } from "../local/private-file.ts";
import { loadLocalSecrets } from "../local/secrets.ts";
import type { Call, Outcome } from "./command.ts";
import { type Configuration, TENANTS, type TenantChoice } from "./configuration.ts";
import { onDatabase } from "./database.ts";
import { CommandFailure, UsageFailure } from "./failure.ts";

/** `key create --operator`: without any key, as the database's owner. Where local.json lost its key, it gets this one. */
export async function createOwnersKey({ options, configuration, style, now }: Call): Promise<Outcome> {
  for (const name of ["permission", "valid-days", "network", "origin", "calls-per-hour"]) {
    if (options.list(name).length > 0 || options.text(name) !== null) {
      throw new UsageFailure(`--operator makes a key that may do everything and has no end: leave out --${name}.`);
    }
  }
  const name = options.text("name") ?? "operator";
  const choice = options.choice("tenant", TENANTS) ?? "operator";
  const setting = configuration.database("owner");
  const routingKeys = await routingKeysOf(configuration, setting.local);
  const made = await onDatabase(setting, "the owner", () =>
    asOwner(setting.value, async (db) => {
      const kind = choice === "operator" ? "platform" : "direct";
      const [tenant] = await db
        .select({ id: tenants.id, gateId: tenants.gateId, name: tenants.name })
        .from(tenants)
        .where(eq(tenants.kind, kind))
        .orderBy(asc(tenants.id))
        .limit(1);
      if (tenant === undefined) throw new CommandFailure(`The database in ${setting.from} has no ${kind} tenant.`);
      return { tenant, key: await makeOwnersKey(db, { tenant, name, routingKeys, nowMs: now() }) };
    }),
  );
  const kept = setting.local && (await keepWhereLost(configuration, choice, made.key));
  return {
    json: { object: "key", name, tenant_id: made.tenant.id, key: made.key },
    text: [
      `The API key “${name}” of ${made.tenant.name} (${made.tenant.id}), shown only this once:`,
      "",
      `  ${style.strong(made.key)}`,
      "",
      "It may do everything and has no end.",
      ...(kept ? [`${configuration.localJson} had no such key and holds this one now.`] : []),
    ],
  };
}

async function routingKeysOf(configuration: Configuration, local: boolean): Promise<RoutingKeys> {
  const variable = "EBB_ROUTING_HMAC_KEYS";
  const given = configuration.env[variable];
  if (!given && !local) {
    throw new CommandFailure(`${variable} is not set: it must hold what the Worker's secret ROUTING_HMAC_KEYS holds.`);
  }
  try {
    return await loadRoutingKeys(given || (await loadLocalSecrets(configuration.paths)).ROUTING_HMAC_KEYS);
  } catch {
    throw new CommandFailure(`${given ? variable : configuration.paths.secrets} does not hold routing keys.`);
  }
}

async function keepWhereLost(configuration: Configuration, choice: TenantChoice, key: string): Promise<boolean> {
  const field = choice === "operator" ? "operatorKey" : "apiKey";
  const text = await readIfThere(configuration.paths.localJson);
  const current = text === null ? null : (JSON.parse(text) as Record<string, unknown>);
  if (current === null || field in current) return false;
  const now = { [field]: key, ...current };
  await writePrivateFile(configuration.paths.localJson, `${JSON.stringify(now, null, 2)}\n`);
  return true;
}
