import { defineConfig } from "drizzle-kit";

/** Only `npm run generate` uses this; migrations are applied by `src/local/migrate.ts`, never with `drizzle-kit push`. */
export default defineConfig({
  dialect: "postgresql",
  schema: "./src/db/schema.ts",
  out: "./drizzle",
  casing: "snake_case",
});
