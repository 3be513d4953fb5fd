import { Pool } from "@neondatabase/serverless";
import { drizzle, type NeonDatabase } from "drizzle-orm/neon-serverless";

export type OwnerDatabase = NeonDatabase & { $client: Pool };

/**
 * Runs `fn` on one connection as the role of this URL (a superuser's or the owner's: for migrations, seeds and operators
 * on their own machine, never for the Worker), and ends the connection whatever happens.
 */
export async function asOwner<T>(url: string, fn: (db: OwnerDatabase) => Promise<T>): Promise<T> {
  const pool = new Pool({ connectionString: url, max: 1 });
  // An idle connection that the server ends is no crash.
  pool.on("error", () => undefined);
  try {
    return await fn(drizzle(pool, { casing: "snake_case" }));
  } finally {
    await pool.end();
  }
}
