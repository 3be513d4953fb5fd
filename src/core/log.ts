import { sqlStateOf } from "./sql-state.ts";

/** Fields that a log line may carry. No free text from a caller, no SQL, no parameters, no addresses, no secrets. */
export interface LogFields {
  requestId?: string;
  route?: string;
  method?: string;
  status?: number;
  durationMs?: number;
  problem?: string;
  job?: string;
  cron?: string;
  gateId?: string;
  table?: string;
  count?: number;
  rows?: number;
  expired?: number;
  gone?: number;
  dead?: number;
  pending?: number;
  attempt?: number;
  /** A class name or SQLSTATE, never a message. */
  errorName?: string;
  sqlState?: string;
}

export type LogLevel = "info" | "warn" | "error";

export interface Logger {
  log(level: LogLevel, event: string, fields?: LogFields): void;
}

/** One JSON object a line, as Workers Logs indexes it. */
export function jsonLogger(write: (level: LogLevel, line: string) => void): Logger {
  return { log: (level, event, fields = {}) => write(level, JSON.stringify({ level, event, ...fields })) };
}

export const silentLogger: Logger = { log: () => undefined };

/** What may be logged of an exception: its class and, from Postgres, the SQLSTATE. Messages can hold parameters. */
export function errorFields(error: unknown): Pick<LogFields, "errorName" | "sqlState"> {
  const sqlState = sqlStateOf(error);
  return { errorName: error instanceof Error ? error.name : typeof error, ...(sqlState !== null && { sqlState }) };
}
