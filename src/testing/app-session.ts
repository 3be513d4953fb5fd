import { hashOf, type ScratchDatabase } from "./scratch-database.ts";

export type Query = (text: string, params?: unknown[]) => Promise<Record<string, unknown>[]>;

/** One transaction as `ebb_app` in a session of its own, before any tenant is entered; rolled back unless it commits. */
export async function appTransaction<T>(database: ScratchDatabase, fn: (query: Query) => Promise<T>): Promise<T> {
  return await database.session("app", async (client) => {
    const query: Query = async (text, params = []) => (await client.query(text, params)).rows;
    await query("begin");
    return await fn(query);
  });
}

/** The same, having entered with this secret: its own tenant, or the target. */
export async function enteredTransaction<T>(
  database: ScratchDatabase,
  secret: string,
  target: string | null,
  fn: (query: Query) => Promise<T>,
): Promise<T> {
  const hash = await hashOf(secret);
  return await appTransaction(database, async (query) => {
    await query("select ebb.enter($1, $2)", [hash, target]);
    return await fn(query);
  });
}
