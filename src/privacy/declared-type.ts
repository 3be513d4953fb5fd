import type { Table } from "drizzle-orm";
import type * as schema from "../db/schema.ts";
import type { TableDeclaration } from "./declaration.ts";

type Tables = { [K in keyof typeof schema]: (typeof schema)[K] extends Table ? (typeof schema)[K] : never };

/** The declaration of one table: every column of the schema, or it does not compile. */
export type Declared<K extends keyof Tables> = TableDeclaration<keyof Tables[K]["_"]["columns"] & string>;

/** Every table of the schema. */
export type Inventory = { [K in keyof Tables]: Declared<K> };
