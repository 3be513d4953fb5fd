import { env } from "cloudflare:workers";
import { expect, test, vi } from "vitest";
import { ORIGIN } from "../src/testing/instance.ts";
import worker from "./index.ts";

/** The Worker with bindings that are not as they must be. */

test.each([
  ["TOKEN_SIGNING_KEYS", "{"],
  ["TOKEN_SIGNING_KEYS", "{}"],
  ["ROUTING_HMAC_KEYS", "not JSON with a s3cret"],
] as const)(
  "with a malformed %s (%j) it answers a problem, logs a line without it, and works once it is mended",
  async (name, value) => {
    const logged = vi.spyOn(console, "error").mockReturnValue(undefined);
    const broken = { ...env, [name]: value };
    const request = (path: string) => worker.fetch(new Request(ORIGIN + path), broken);
    try {
      const response = await request("/api/v1/instances");
      const body = await response.json<Record<string, unknown>>();
      expect([response.status, response.headers.get("content-type"), body["error"]]).toEqual([
        500,
        "application/problem+json",
        "internal",
      ]);
      expect(response.headers.get("x-request-id")).toBe(body["request_id"]);
      expect(logged.mock.calls).toEqual([[expect.stringContaining(String(body["request_id"]))]]);
      expect(JSON.parse(String(logged.mock.calls[0]?.[0]))).toMatchObject({ level: "error", event: "not-ready" });
      expect(JSON.stringify([logged.mock.calls, body])).not.toContain("s3cret");
      expect(await (await request("/oauth2/token")).json()).toMatchObject({ error: "server_error" });
      broken[name] = env[name];
      expect((await request("/healthz")).status).toBe(200);
    } finally {
      logged.mockRestore();
    }
  },
);
