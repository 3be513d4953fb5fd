import { describe, expect, it } from "vitest";
import * as z from "zod";
import { Problem } from "../core/problem.ts";
import { readBody } from "./request-body.ts";

const definition = { schema: z.unknown(), required: false, maxBytes: 64, example: null };
const JSON_BODY = { ...definition, content: "application/json" } as const;
const FORM_BODY = { ...definition, content: "application/x-www-form-urlencoded" } as const;

function request(body: BodyInit | null, headers: Record<string, string> = {}) {
  return new Request("https://ebb.example/", { method: "POST", body, headers, duplex: "half" } as RequestInit);
}

async function outcome(promise: Promise<unknown>): Promise<unknown> {
  return await promise.catch((error: unknown) => (error instanceof Problem ? error.problem : error));
}

function stream(chunks: readonly string[]) {
  const state = { pulled: 0, cancelled: false };
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const chunk = chunks[state.pulled++];
        if (chunk === undefined) controller.close();
        else controller.enqueue(new TextEncoder().encode(chunk));
      },
      cancel() {
        state.cancelled = true;
      },
    },
    { highWaterMark: 0 },
  );
  return { body, state };
}

describe("readBody", () => {
  it.each([
    ["application/json", true],
    ["Application/JSON", true],
    ["application/json; charset=utf-8", true],
    ['application/json;charset="UTF-8"; profile=x', true],
    ["application/json; charset=utf-16", false],
    ["application/json; charset=iso-8859-1; charset=utf-8", false],
    ["application/jsonx", false],
    ["application/problem+json", false],
    ["text/json", false],
    ["text/plain, application/json", false],
    ["", false],
  ])("content type %j: accepted %s", async (type, accepted) => {
    const expected = accepted ? { a: 1 } : "unsupported-media-type";
    expect(await outcome(readBody(request('{"a":1}', { "content-type": type }), JSON_BODY))).toEqual(expected);
  });

  it("refuses content codings", async () => {
    const headers = { "content-type": "application/json", "content-encoding": "gzip" };
    expect(await outcome(readBody(request("{}", headers), JSON_BODY))).toBe("unsupported-media-type");
  });

  it.each([
    ["no body", request(null)],
    ["no bytes of another type (curl -d '')", request("", { "content-type": "text/plain", "content-length": "0" })],
    ["an empty stream without a type", request(stream([]).body)],
    ["an empty stream with its type", request(stream([]).body, { "content-type": "application/json" })],
  ])("takes %s for absent", async (_, absent) => {
    const again = absent.clone();
    expect(await outcome(readBody(absent, JSON_BODY))).toBe(undefined);
    expect(await outcome(readBody(again, { ...JSON_BODY, required: true }))).toBe("malformed-body");
  });

  it("refuses bytes without a type", async () => {
    expect(await outcome(readBody(request(stream(["{}"]).body), JSON_BODY))).toBe("unsupported-media-type");
  });

  const json = { "content-type": "application/json" };

  it.each([
    ["at the bound", `"${"x".repeat(62)}"`, "x".repeat(62)],
    ["one byte over", `"${"x".repeat(63)}"`, "body-too-large"],
    ["counted in bytes, not characters", `"${"é".repeat(32)}"`, "body-too-large"],
  ])("bounds a body %s", async (_, text, expected) => {
    expect(await outcome(readBody(request(text, json), JSON_BODY))).toBe(expected);
    const length = String(new TextEncoder().encode(text).length);
    expect(await outcome(readBody(request(text, { ...json, "content-length": length }), JSON_BODY))).toBe(expected);
  });

  it("refuses a declared length before it reads", async () => {
    const { body, state } = stream(["{}"]);
    const refused = await outcome(readBody(request(body, { ...json, "content-length": "65" }), JSON_BODY));
    expect([refused, state.pulled]).toEqual(["body-too-large", 0]);
  });

  it("refuses a body longer than its declared length, which HTTP itself would cut off there", async () => {
    const { body } = stream(Array.from({ length: 1_000 }, () => "x".repeat(16)));
    expect(await outcome(readBody(request(body, { ...json, "content-length": "2" }), JSON_BODY))).toBe(
      "body-too-large",
    );
  });

  it.each([{}, { "content-length": "-1" }, { "content-length": "NaN" }])(
    "stops an endless stream at the bound, with headers %j",
    async (headers) => {
      const { body, state } = stream(Array.from({ length: 1_000 }, () => "x".repeat(16)));
      const refused = await outcome(readBody(request(body, { ...json, ...headers }), JSON_BODY));
      expect(refused).toBe("body-too-large");
      expect(state.pulled).toBeLessThan(8);
      expect(state.cancelled).toBe(true);
    },
  );

  it("joins chunks that split a character", async () => {
    const bytes = new TextEncoder().encode('"☃"');
    const body = new ReadableStream({
      start(controller) {
        for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
        controller.close();
      },
    });
    expect(await outcome(readBody(request(body, json), JSON_BODY))).toBe("☃");
  });

  it.each([["{"], ["{'a':1}"], ["undefined"], [" "], ["[".repeat(64)]])("refuses %j", async (text) => {
    expect(await outcome(readBody(request(text, json), JSON_BODY))).toBe("malformed-body");
  });

  it("refuses what is not UTF-8, drops a BOM, passes null on", async () => {
    const bad = new Uint8Array([0x22, 0xc0, 0xaf, 0x22]);
    expect(await outcome(readBody(request(bad, json), JSON_BODY))).toBe("malformed-body");
    expect(await outcome(readBody(request("\ufeff[]", json), JSON_BODY))).toEqual([]);
    expect(await outcome(readBody(request("null", json), JSON_BODY))).toBe(null);
  });

  it("leaves prototypes alone", async () => {
    const text = '{"__proto__":{"p":1},"constructor":{"prototype":{"p":1}}}';
    const value = await readBody(request(text, json), JSON_BODY);
    expect(z.object({ p: z.int().optional() }).parse(value)).toEqual({});
    expect((value as { p?: unknown }).p).toBe(undefined);
    expect(({} as { p?: unknown }).p).toBe(undefined);
  });

  it("reports a broken connection as a malformed body", async () => {
    const body = new ReadableStream({
      pull: (controller) => controller.error(new Error("reset")),
    });
    expect(await outcome(readBody(request(body, json), JSON_BODY))).toBe("malformed-body");
  });

  const form = { "content-type": "application/x-www-form-urlencoded" };

  it.each([
    ["a=1&b=x+y%20z", { a: "1", b: "x y z" }],
    ["a=&b&c=1", { c: "1" }],
    ["a=%E2%98%83&%61b=c%3Dd=e", { a: "☃", ab: "c=d=e" }],
    ["&&a=1&", { a: "1" }],
    ["a=1&a=2", "invalid-field"],
    ["a=&a=2", "invalid-field"],
    ["a=1&%61=1", "invalid-field"],
    ["a=%", "malformed-body"],
    ["a=%ff", "malformed-body"],
  ])("reads the form %j", async (text, expected) => {
    expect(await outcome(readBody(request(text, form), FORM_BODY))).toEqual(expected);
  });

  it("takes __proto__ in a form for a name like any other", async () => {
    const value = (await readBody(request("__proto__=1&toString=2", form), FORM_BODY)) as Record<string, string>;
    expect(Object.keys(value)).toEqual(["__proto__", "toString"]);
    expect(z.object({ toString: z.string() }).safeParse(value).success).toBe(true);
  });
});
