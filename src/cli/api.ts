import * as z from "zod";
import type { Configuration, Setting, TenantChoice } from "./configuration.ts";
import { CommandFailure } from "./failure.ts";
import { printable } from "./terminal.ts";

const PATIENCE_MS = 30_000;
/** The most that the API gives at once. */
const PAGE = 200;

/** RFC 9457, as far as a sentence needs it. */
const Refusal = z.object({
  title: z.string(),
  /** The problem's name. */
  error: z.string().optional(),
  request_id: z.string().optional(),
  errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  /** Of `allotments-exceed-total`: which policies. */
  policies: z.array(z.string()).optional(),
});

/** What problems mean to a command that knows more than their titles say, by name; no full stop. */
export type Meanings = Readonly<Record<string, string>>;

/** The account API as one key sees it. Every failure is a CommandFailure of one sentence that holds no secret. */
export class Api {
  readonly #url: Setting;
  readonly #key: Setting;

  constructor(configuration: Configuration, choice: TenantChoice) {
    this.#url = configuration.url();
    this.#key = configuration.apiKey(choice);
    if (!this.#url.local && this.#key.local) {
      throw new CommandFailure("EBB_URL is set and EBB_API_KEY is not: a local key is not sent elsewhere.");
    }
  }

  get<T extends z.ZodType>(path: string, schema: T, meanings?: Meanings): Promise<z.output<T>> {
    return this.#call("GET", path, undefined, schema, meanings);
  }

  post<T extends z.ZodType>(path: string, body: unknown, schema: T, meanings?: Meanings): Promise<z.output<T>> {
    return this.#call("POST", path, body, schema, meanings);
  }

  put<T extends z.ZodType>(path: string, body: unknown, schema: T, meanings?: Meanings): Promise<z.output<T>> {
    return this.#call("PUT", path, body, schema, meanings);
  }

  patch<T extends z.ZodType>(path: string, body: unknown, schema: T, meanings?: Meanings): Promise<z.output<T>> {
    return this.#call("PATCH", path, body, schema, meanings);
  }

  delete<T extends z.ZodType>(path: string, schema: T, meanings?: Meanings): Promise<z.output<T>> {
    return this.#call("DELETE", path, undefined, schema, meanings);
  }

  /** Every item of a list, over all its pages. */
  async all<T extends z.ZodType>(path: string, item: T, meanings?: Meanings): Promise<z.output<T>[]> {
    const page = z.object({ data: z.array(item), next_cursor: z.string().nullable() });
    const items: z.output<T>[] = [];
    for (let cursor: string | null = null; ; ) {
      const after: string = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
      const joined = path.includes("?") ? "&" : "?";
      const { data, next_cursor } = await this.get(`${path}${joined}limit=${PAGE}${after}`, page, meanings);
      items.push(...data);
      if (next_cursor === null) return items;
      cursor = next_cursor;
    }
  }

  async #call<T extends z.ZodType>(
    method: string,
    path: string,
    body: unknown,
    schema: T,
    meanings: Meanings = {},
  ): Promise<z.output<T>> {
    const response = await this.#send(method, path, body);
    const answer: unknown = await response.json().catch(() => null);
    if (!response.ok) throw this.#refused(response, answer, meanings);
    const parsed = schema.safeParse(answer);
    if (parsed.success) return parsed.data;
    throw new CommandFailure(
      `${this.#url.value} did not answer as Ebb of this version does: is ${this.#url.from} right?`,
    );
  }

  async #send(method: string, path: string, body: unknown): Promise<Response> {
    try {
      return await fetch(this.#url.value + path, {
        method,
        headers: {
          authorization: `Bearer ${this.#key.value}`,
          ...(body !== undefined && { "content-type": "application/json" }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        // The key is for this origin and no other.
        redirect: "error",
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
    } catch (error) {
      if (error instanceof DOMException && error.name === "TimeoutError") {
        throw new CommandFailure(`${this.#url.value} did not answer within ${PATIENCE_MS / 1000} s.`);
      }
      const advice = this.#url.local ? "start npm run dev first" : `it is what ${this.#url.from} names`;
      throw new CommandFailure(`Nothing answers at ${this.#url.value}: ${advice}.`);
    }
  }

  #refused(response: Response, answer: unknown, meanings: Meanings): CommandFailure {
    const parsed = Refusal.safeParse(answer);
    if (!parsed.success) {
      return new CommandFailure(
        `${this.#url.value} answered ${response.status}, but not as Ebb does: is ${this.#url.from} right?`,
      );
    }
    const { title, error = "", request_id, errors = [], policies = [] } = parsed.data;
    const retryAfter = response.headers.get("retry-after");
    const parts = [
      Object.hasOwn(meanings, error) ? meanings[error] : printable(title).replace(/\.$/, ""),
      ...errors.map(({ path, message }) => printable(`${path}: ${message}`).replace(/\.$/, "")),
      ...(policies.length > 0 ? [`policies: ${printable(policies.join(", "))}`] : []),
      ...(response.status === 401 ? [`the key came from ${this.#key.from}`] : []),
      ...(retryAfter === null ? [] : [`try again in ${printable(retryAfter)} s`]),
    ];
    const request = request_id === undefined ? "" : ` (request ${printable(request_id)})`;
    return new CommandFailure(`${parts.join("; ")}${request}.`);
  }
}
