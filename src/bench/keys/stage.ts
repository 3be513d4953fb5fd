import { join } from "node:path";
import { loadRoutingKeys, mintRoutingId } from "../../access/routing-id.ts";
import { hashSecret } from "../../access/secret.ts";
import { toHex } from "../../core/bytes.ts";
import { newId, uuidFromId } from "../../core/id.ts";
import { type MadeTenant, makeTenant } from "../../local/bootstrap.ts";
import { asOwner } from "../../local/owner-connection.ts";
import type { BenchContext } from "../bench.ts";
import { bundleWorker } from "../bundle.ts";
import { type BenchDatabase, startBenchDatabase, workerText } from "../database.ts";
import { type Load, startLoad } from "../load.ts";
import { startWorkerd } from "../workerd.ts";

/** Everything that the measurements of `keys` run on: the product as it is deployed, and a bare Hono route beside it. */
export interface KeysStage {
  database: BenchDatabase;
  load: Load;
  ports: { floor: number; product: number };
  cpuMicroseconds(): number | null;
  /** Makes so many live keys of the one tenant, which nobody has used yet. */
  newKeys(count: number): Promise<string[]>;
}

const GATE = { TENANT_GATE: "TenantGate" };
const PERMISSIONS = ["instances:read", "pings:read", "keys:read"];

export async function startKeysStage(context: BenchContext): Promise<KeysStage> {
  const { folder, signal, undo, say } = context;
  say("Building the Workers and starting the database …");
  const started = [
    startBenchDatabase(context),
    bundleWorker(join(folder, "product"), "workers/index.ts", GATE),
    bundleWorker(join(folder, "floor"), "src/bench/floor-worker.ts", { FLOOR: "Floor" }),
  ] as const;
  // Nothing is still under way when one of them fails: what is to be undone is known by then.
  await Promise.allSettled(started);
  const [database, product, floor] = await Promise.all(started);
  const workerd = await startWorkerd(
    folder,
    [
      { name: "floor", bundle: floor, classes: { FLOOR: "Floor" }, text: {} },
      { name: "product", bundle: product, classes: GATE, text: workerText(database) },
    ],
    signal,
  );
  undo(() => workerd.stop());
  const load = startLoad(signal);
  undo(() => load.stop());
  const ports = { floor: workerd.ports.get("floor") as number, product: workerd.ports.get("product") as number };
  const wanted = { kind: "direct", name: "Bench", parent: null, plan: "enterprise" } as const;
  const tenant = await asOwner(database.urls.owner, (db) => makeTenant(db, wanted, Date.now()));
  return {
    database,
    load,
    ports,
    cpuMicroseconds: workerd.cpuMicroseconds,
    newKeys: (count) => insertKeys(database, tenant, count),
  };
}

async function insertKeys(database: BenchDatabase, tenant: MadeTenant, count: number): Promise<string[]> {
  const routingKeys = await loadRoutingKeys(database.secrets.ROUTING_HMAC_KEYS);
  const keys = await Promise.all(
    Array.from({ length: count }, () => mintRoutingId("api-key", tenant.gateId, routingKeys)),
  );
  const hashes = await Promise.all(keys.map(async (key) => toHex(await hashSecret(key))));
  const nowMs = Date.now();
  await database.query(
    `insert into credentials (id, tenant_id, kind, name, secret_hash, permissions, created_at)
     select id, $1, 'api-key', 'bench', decode(hash, 'hex'), $2::text[], now()
       from unnest($3::uuid[], $4::text[]) as k (id, hash)`,
    [
      uuidFromId("tenant", tenant.id),
      PERMISSIONS,
      keys.map(() => uuidFromId("credential", newId("credential", nowMs))),
      hashes,
    ],
  );
  return keys;
}
