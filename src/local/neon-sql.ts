import type { IncomingHttpHeaders } from "node:http";
import { DatabaseError, type FieldDef, type PoolClient, type QueryArrayConfig, type QueryArrayResult } from "pg";

/** What one `POST /sql` asks for. */
export interface SqlRequest {
  queries: SqlQuery[];
  /** One transaction with an answer for each query; otherwise one query, one answer. */
  batch: boolean;
  /** `begin …` with the modes of the batch headers. */
  begin: string;
  rawText: boolean;
  arrayMode: boolean;
}

interface SqlQuery {
  query: string;
  params: unknown[];
}

interface SqlResult {
  command: string;
  rowCount: number | null;
  rows: unknown[];
  fields: FieldDef[];
  rowAsArray: boolean;
}

const ISOLATION: Partial<Record<string, string>> = {
  ReadUncommitted: "read uncommitted",
  ReadCommitted: "read committed",
  RepeatableRead: "repeatable read",
  Serializable: "serializable",
};

/** Reads the body and the headers as Neon's proxy does. Throws a RangeError for a malformed request. */
export function parseSqlRequest(body: unknown, headers: IncomingHttpHeaders): SqlRequest {
  if (typeof body !== "object" || body === null) throw new RangeError("the body is not a JSON object");
  const batch = "queries" in body;
  const list: unknown = batch ? body.queries : [body];
  if (!Array.isArray(list)) throw new RangeError("queries is not an array");
  return {
    queries: list.map(parseQuery),
    batch,
    begin: beginStatement(headers),
    rawText: headers["neon-raw-text-output"] === "true",
    arrayMode: headers["neon-array-mode"] === "true",
  };
}

function parseQuery(value: unknown): SqlQuery {
  if (typeof value !== "object" || value === null || !("query" in value) || typeof value.query !== "string") {
    throw new RangeError("query is not a string");
  }
  const params: unknown = "params" in value ? (value.params ?? []) : [];
  if (!Array.isArray(params)) throw new RangeError("params is not an array");
  return { query: value.query, params };
}

function beginStatement(headers: IncomingHttpHeaders): string {
  const modes: string[] = [];
  const isolation = headers["neon-batch-isolation-level"];
  if (isolation !== undefined) {
    const level = ISOLATION[String(isolation)];
    if (level === undefined) throw new RangeError("unknown isolation level");
    modes.push(`isolation level ${level}`);
  }
  if (headers["neon-batch-read-only"] === "true") modes.push("read only");
  if (headers["neon-batch-deferrable"] === "true") modes.push("deferrable");
  return `begin ${modes.join(", ")}`;
}

/**
 * Runs a request. With `commit: false` everything is rolled back afterwards, also a single query. Throws pg's
 * DatabaseError as it came; the session is then outside any transaction again.
 */
export async function runSql(client: PoolClient, request: SqlRequest, commit: boolean): Promise<SqlResult[]> {
  const transaction = request.batch || !commit;
  if (!transaction) return [await runQuery(client, request, request.queries[0])];
  await client.query(request.begin);
  try {
    const results: SqlResult[] = [];
    for (const query of request.queries) results.push(await runQuery(client, request, query));
    await client.query(commit ? "commit" : "rollback");
    return results;
  } catch (error) {
    // When even this fails the session is broken, and whoever took it from the pool closes it.
    await client.query("rollback").catch(() => undefined);
    throw error;
  }
}

async function runQuery(
  client: PoolClient,
  { rawText, arrayMode }: SqlRequest,
  query: SqlQuery | undefined,
): Promise<SqlResult> {
  const config: QueryArrayConfig & { queryMode: "extended" } = {
    text: query?.query ?? "",
    values: query?.params ?? [],
    rowMode: "array",
    // Neon always uses the extended protocol: several statements in one string fail here as they would there.
    queryMode: "extended",
    ...(rawText ? { types: { getTypeParser: () => (text: string) => text } } : {}),
  };
  const result: QueryArrayResult<unknown[]> = await client.query(config);
  const fields = result.fields.map(
    ({ name, tableID, columnID, dataTypeID, dataTypeSize, dataTypeModifier, format }) => ({
      name,
      tableID,
      columnID,
      dataTypeID,
      dataTypeSize,
      dataTypeModifier,
      format,
    }),
  );
  const rows = arrayMode
    ? result.rows
    : result.rows.map((row) => Object.fromEntries(fields.map(({ name }, i) => [name, row[i]])));
  return { command: result.command, rowCount: result.rowCount, rows, fields, rowAsArray: arrayMode };
}

/** An error as Neon's proxy writes it, or null when it did not come from PostgreSQL. */
export function errorBody(error: unknown): Record<string, unknown> | null {
  if (!(error instanceof DatabaseError)) return null;
  const { message, severity, code, detail, hint, position, internalPosition, internalQuery, where } = error;
  const { schema, table, column, dataType, constraint, file, line, routine } = error;
  const cause = { message, severity, code, detail, hint, position, internalPosition, internalQuery, where };
  return { ...cause, schema, table, column, dataType, constraint, file, line, routine };
}
