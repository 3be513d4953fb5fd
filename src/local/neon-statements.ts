/** One statement that a client sent. */
export interface SentStatement {
  /** The login role that sent it: a Worker has one for its API, one for its gates and one for each kind of job. */
  role: string;
  sql: string;
  /** As they came in `POST /sql`; none of a WebSocket's, which are bound in messages of their own. */
  params: unknown[];
}

export interface StatementLog {
  /** Keeps a statement while a trace is being recorded. */
  record(statement: SentStatement): void;
  begin(): void;
  /** What was sent since `begin`, in its order; nothing is kept from here on. */
  end(): SentStatement[];
}

export function statementLog(): StatementLog {
  let trace: SentStatement[] | null = null;
  return {
    record: (statement) => void trace?.push(statement),
    begin: () => {
      trace = [];
    },
    end: () => {
      const sent = trace ?? [];
      trace = null;
      return sent;
    },
  };
}
