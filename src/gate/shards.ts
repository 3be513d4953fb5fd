import { gateIdOf, parseGateId } from "../core/region.ts";

/** Gates of each family that is no tenant's, so that no one of them has to carry all. */
const SHARDS = 64;

/** Callers without a tenant, by network or person; clients that nobody has claimed yet. */
export type ShardFamily = "platform" | "nursery";
const FAMILIES: readonly ShardFamily[] = ["platform", "nursery"];

/** The gate of a family that a text leads to, the same one always. */
export function shardOf(family: ShardFamily, text: string): string {
  // FNV-1a: spreads neighbours, and needs no secret, as nothing rests on it.
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return shard(family, (hash >>> 0) % SHARDS);
}

/** All of a family. */
export function shardsOf(family: ShardFamily): string[] {
  return Array.from({ length: SHARDS }, (_, index) => shard(family, index));
}

/** The family of a gate; null for a tenant's. Throws a RangeError for what is no gate id. */
export function familyOf(gateId: string): ShardFamily | null {
  const { bytes } = parseGateId(gateId);
  if (bytes.subarray(0, 8).some((byte) => byte !== 0) || (bytes[9] as number) >= SHARDS) return null;
  return FAMILIES[bytes[8] as number] ?? null;
}

/** No tenant's: those have random ids, these count up from nothing. */
function shard(family: ShardFamily, index: number): string {
  const bytes = new Uint8Array(10);
  bytes[8] = FAMILIES.indexOf(family);
  bytes[9] = index;
  return gateIdOf("any", bytes);
}
