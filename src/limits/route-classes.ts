/** What a call costs in each unit, at most: a batch of events, an answer of the assistant. */
export const LARGEST_COST = { requests: 1, events: 1_000, credits: 1_000 } as const;
export type Unit = keyof typeof LARGEST_COST;

/**
 * What happens to a call when its gate does not answer. `straight-way`: it goes to Postgres in one bounded statement, but
 * never when the gate is overloaded. `refuse`: 503 with Retry-After. Nothing is let through unlimited.
 */
export type WhenGateFails = "straight-way" | "refuse";

/** What a caller does, for the purpose of limits. */
export const ROUTE_CLASSES = {
  /** An instance's sign of life. */
  alive: { whenGateFails: "straight-way" },
  /** A client that exchanges its secret for a token. */
  token: { whenGateFails: "refuse" },
  /**
   * A client that exchanges a refresh token. A client is as many people as are signed in on it, and all of them come at
   * once when their instance has moved: apart from `token`, and by the minute, so that nobody waits for an hour.
   */
  refresh: { whenGateFails: "refuse" },
  /** A client that asks again and again: whether its device login was approved (RFC 8628 section 3.4), what a token is worth. */
  poll: { whenGateFails: "refuse" },
  /** A wrong secret for a client that exists. */
  guess: { whenGateFails: "refuse" },
  /** An instance that registers: with a key, or else counted by its network. */
  register: { whenGateFails: "refuse" },
  /** Somebody who enters a user code (RFC 8628 section 5.1: guessing is limited). */
  "user-code": { whenGateFails: "refuse" },
  /** A person's session on an instance, and what it asks for. */
  session: { whenGateFails: "refuse" },
  profile: { whenGateFails: "refuse" },
  assistant: { whenGateFails: "refuse" },
  /** Batches of events. */
  telemetry: { whenGateFails: "refuse" },
  /** The account API. */
  account: { whenGateFails: "refuse" },
  /** Exports of everything that is kept of somebody. */
  export: { whenGateFails: "refuse" },
  /** Pages for everybody, and calls that name no client. */
  public: { whenGateFails: "refuse" },
} as const satisfies Record<string, { whenGateFails: WhenGateFails }>;

export type RouteClass = keyof typeof ROUTE_CLASSES;
