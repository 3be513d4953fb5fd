import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { HOUR_MS } from "../core/clock.ts";

/** What a request was, as it arrived. */
export interface Received {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: string;
}

interface Answer {
  status: number;
  headers?: Record<string, string>;
  body?: unknown;
}

interface Registering {
  instance_registration_key?: string;
  scope: string;
  grant_types: string[];
}

interface Family {
  current: string;
  previous: { token: string; usedAtMs: number } | null;
  access: Set<string>;
  ended: boolean;
}

/** What happens to a request: `lost`, carried out, but its answer never comes; `down`, never arrived; an answer instead. */
export type Fault = "lost" | "down" | "hang" | "hang-after" | Answer | null;

const PROBLEM = (status: number, error: string): Answer => ({ status, body: { error, message: `Because ${error}.` } });
const OAUTH = (error: string, status = 400): Answer => ({
  status,
  body: { error, error_description: `Because ${error}.` },
});

/** A small service that speaks the published contract, kept in memory: the other side of a client's tests. */
export class ContractServer {
  readonly received: Received[] = [];
  readonly clients = new Map<string, { secret: string; claimed: boolean }>();
  readonly families: Family[] = [];
  readonly instanceTokens = new Set<string>();
  readonly devices = new Map<string, { state: "pending" | "approved" | "denied" | "used"; userCode: string }>();
  /** Days (UTC) of pings that were carried out. */
  readonly pings: number[] = [];
  issuer = "http://127.0.0.1";
  registrationKeys = new Set(["key"]);
  /** Registrations by their Idempotency-Key: what was asked for, and what they were answered. */
  readonly registered = new Map<string, { said: string; answer: Answer }>();
  registrationLifeMs = 24 * HOUR_MS;
  collect = true;
  ownerId = "owner-1";
  fault: (request: Received) => Fault = () => null;
  /** Puts together a lease's JWT. */
  lease: (clientId: string) => Promise<string> = async () => "none";
  jwks: unknown = { keys: [] };
  /** How many refreshes are being worked on, and how many ever were at once. */
  refreshing = { now: 0, most: 0 };
  #count = 0;
  #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  approve(state: "approved" | "denied" = "approved"): void {
    for (const device of this.devices.values()) if (device.state === "pending") device.state = state;
  }

  /** The paths of all requests so far. */
  paths(): string[] {
    return this.received.map(({ path }) => path);
  }

  /** As a `fetch` within the process. */
  readonly fetch = async (url: string, init: RequestInit): Promise<Response> => {
    const request = {
      method: init.method ?? "GET",
      path: new URL(url).pathname,
      headers: Object.fromEntries(new Headers(init.headers)),
      body: init.body ? new TextDecoder().decode(init.body as Uint8Array) : "",
    };
    const refresh = request.body.includes("grant_type=refresh_token");
    if (refresh) this.refreshing.most = Math.max(this.refreshing.most, ++this.refreshing.now);
    try {
      const fault = this.fault(request);
      if (fault === "down") throw new TypeError("fetch failed");
      if (fault === "hang") return await hanging(init.signal);
      const answer = await this.answer(request, typeof fault === "object" ? fault : null);
      if (fault === "lost") throw new TypeError("fetch failed");
      if (fault === "hang-after") return await hanging(init.signal);
      const text = textOf(answer);
      return new Response(text === "" ? null : text, { status: answer.status, headers: headersOf(answer) });
    } finally {
      if (refresh) this.refreshing.now -= 1;
    }
  };

  /** Over real HTTP, on a port of this machine. */
  async listen(): Promise<{ url: string; close: () => void }> {
    const server = createServer((incoming, outgoing) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.on("end", () => {
        const headers = Object.fromEntries(
          Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]),
        );
        const request = {
          method: incoming.method ?? "",
          path: incoming.url ?? "",
          headers,
          body: Buffer.concat(chunks).toString(),
        };
        const fault = this.fault(request);
        if (fault === "down") return void incoming.socket.destroy();
        void this.answer(request, typeof fault === "object" ? fault : null).then((answer) => {
          if (fault === "lost") return void incoming.socket.destroy();
          if (fault === null || typeof fault === "object")
            outgoing.writeHead(answer.status, headersOf(answer)).end(textOf(answer));
        });
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    this.issuer = url;
    return {
      url,
      close: () => {
        server.closeAllConnections();
        server.close();
      },
    };
  }

  async answer(request: Received, instead: Answer | null = null): Promise<Answer> {
    this.received.push(request);
    if (instead !== null) return instead;
    const { path, body, headers } = request;
    if (path === "/oauth2/register") return this.#registerOnce(headers["idempotency-key"] ?? "", JSON.parse(body));
    if (path.startsWith("/oauth2/")) return this.#oauth(path, new URLSearchParams(body));
    if (path === "/.well-known/jwks.json") return { status: 200, body: this.jwks };
    const token = /^Bearer (.+)$/.exec(headers["authorization"] ?? "")?.[1] ?? "";
    return path.startsWith("/instance/user/") ? await this.#ofUser(path, token) : this.#ofInstance(path, token);
  }

  #registerOnce(key: string, input: Registering): Answer {
    if (!/^[\w-]{16,64}$/.test(key)) return OAUTH("invalid_request");
    const said = JSON.stringify(input);
    const earlier = this.registered.get(key);
    if (earlier === undefined) {
      const answer = this.#register(input);
      if (answer.status === 201) this.registered.set(key, { said, answer });
      return answer;
    }
    if (earlier.said !== said) return OAUTH("invalid_request", 422);
    const body = earlier.answer.body as { client_id: string };
    const client = this.clients.get(body.client_id);
    if (client === undefined || (client.claimed && input.instance_registration_key === undefined)) {
      return OAUTH("invalid_request", 409);
    }
    // Every repeat has another secret, and the ones before are worth nothing.
    client.secret = this.#new("secret");
    return { status: 201, body: { ...body, client_secret: client.secret } };
  }

  #register(input: Registering): Answer {
    const key = input.instance_registration_key;
    if (key !== undefined && !this.registrationKeys.has(key)) return OAUTH("access_denied", 403);
    const client = { client_id: this.#new("client"), client_secret: this.#new("secret") };
    this.clients.set(client.client_id, { secret: client.client_secret, claimed: key !== undefined });
    const unclaimed = {
      claim_code: "BCDFG-HJKLM",
      registration_expires_at: Math.floor((this.#now() + this.registrationLifeMs) / 1000),
    };
    const rest = {
      client_id_issued_at: 1,
      client_secret_expires_at: 0,
      token_endpoint_auth_method: "client_secret_post",
    };
    const { scope, grant_types } = input;
    return { status: 201, body: { ...client, ...rest, scope, grant_types, ...(key === undefined ? unclaimed : {}) } };
  }

  #oauth(path: string, form: URLSearchParams): Answer {
    const client = this.clients.get(form.get("client_id") ?? "");
    if (client === undefined || client.secret !== form.get("client_secret")) return OAUTH("invalid_client", 401);
    if (path === "/oauth2/device/authorize") {
      const deviceCode = this.#new("device");
      this.devices.set(deviceCode, { state: "pending", userCode: "WDJB-MJHT" });
      const verification_uri = `${this.issuer}/device`;
      const verification_uri_complete = `${verification_uri}?user_code=WDJB-MJHT`;
      const codes = { device_code: deviceCode, user_code: "WDJB-MJHT", verification_uri, verification_uri_complete };
      return { status: 200, body: { ...codes, expires_in: 600, interval: 5 } };
    }
    switch (form.get("grant_type")) {
      case "client_credentials": {
        if (!client.claimed) return OAUTH("unauthorized_client");
        const access_token = this.#new("instance");
        this.instanceTokens.add(access_token);
        return { status: 200, body: { access_token, token_type: "Bearer", expires_in: 3600, scope: "profile:read" } };
      }
      case "refresh_token":
        return this.#refresh(form.get("refresh_token") ?? "");
      default: {
        const device = this.devices.get(form.get("device_code") ?? "");
        if (device === undefined || device.state === "used") return OAUTH("invalid_grant");
        if (device.state === "pending") return OAUTH("authorization_pending");
        if (device.state === "denied") return OAUTH("access_denied");
        device.state = "used";
        client.claimed = true;
        const family: Family = { current: "", previous: null, access: new Set(), ended: false };
        this.families.push(family);
        return this.#grant(family);
      }
    }
  }

  /** RFC 9700 section 4.14.2, with the predecessor good for 60 s: anything older ends the family. */
  #refresh(token: string): Answer {
    const family = this.families.find((one) => one.current === token || one.previous?.token === token);
    const old = this.families.find((one) => token.startsWith(`refresh-${this.families.indexOf(one)}-`));
    if (family === undefined || family.ended) {
      if (old !== undefined) old.ended = true;
      return OAUTH("invalid_grant");
    }
    if (family.current !== token && this.#now() - (family.previous?.usedAtMs ?? 0) > 60_000) {
      family.ended = true;
      return OAUTH("invalid_grant");
    }
    if (family.current === token) family.previous = { token, usedAtMs: this.#now() };
    return this.#grant(family);
  }

  #grant(family: Family): Answer {
    family.current = this.#new(`refresh-${this.families.indexOf(family)}`);
    const access_token = this.#new("user");
    family.access.add(access_token);
    const scope = "profile:read offline";
    const body = { access_token, token_type: "Bearer", expires_in: 7 * 86_400, refresh_token: family.current, scope };
    return { status: 200, body };
  }

  #ofInstance(path: string, token: string): Answer {
    if (!this.instanceTokens.has(token)) return PROBLEM(401, "token-revoked");
    if (path === "/instance/owner") return { status: 200, body: { id: this.ownerId, kind: "user" } };
    if (path === "/instance/workspace")
      return { status: 200, body: { id: "workspace-1", name: "Default", generation: 3 } };
    this.pings.push(Math.floor(this.#now() / 86_400_000));
    return { status: 200, body: { collect: this.collect } };
  }

  async #ofUser(path: string, token: string): Promise<Answer> {
    const family = this.families.find((one) => one.access.has(token));
    if (family === undefined) return PROBLEM(401, "token-outdated");
    if (family.ended) return PROBLEM(401, "sign-in-ended");
    const clientId = [...this.clients.keys()].at(-1) ?? "";
    switch (path) {
      case "/instance/user/session/revoke":
        family.ended = true;
        return { status: 200 };
      case "/instance/user/lease":
        return { status: 200, body: { lease: await this.lease(clientId), expires_at: 1, offline_days: 7 } };
      case "/instance/user/profile": {
        const subscription = { plan: { name: "team" }, entitlements: [{ name: "assistant" }] };
        return {
          status: 200,
          body: { id: "person-1", identity: { name: "Ada", email: "ada@example.com" }, subscription },
        };
      }
      default: {
        const times = { expires_at: "2026-11-28T12:00:00Z", created_at: "2026-11-21T12:00:00Z" };
        const ids = { id: "session-1", client_id: clientId, user_id: "person-1", workspace_id: "workspace-1" };
        return { status: 200, body: { ...ids, ...times, generation: 3, scopes: ["profile:read"] } };
      }
    }
  }

  #new(kind: string): string {
    this.#count += 1;
    return `${kind}-${this.#count}`;
  }
}

function textOf({ body }: Answer): string {
  return body === undefined ? "" : typeof body === "string" ? body : JSON.stringify(body);
}

function headersOf({ headers, body }: Answer): Record<string, string> {
  return { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers };
}

function hanging(signal: AbortSignal | null | undefined): Promise<never> {
  return new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
}
