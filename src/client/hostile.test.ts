import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { clientWorld, MemoryStore, signIn } from "../testing/client-world.ts";
import { rest } from "../testing/virtual-time.ts";
import { type ClientOptions, createClient, type ErrorCode } from "./index.ts";

const unhandled: unknown[] = [];
const note = (error: unknown) => void unhandled.push(error);
beforeAll(() => void process.on("unhandledRejection", note));
afterAll(async () => {
  await rest();
  process.off("unhandledRejection", note);
  expect(unhandled).toEqual([]);
});

/** A real server that answers everything as `write` has it. */
async function answering(
  write: (response: import("node:http").ServerResponse) => void,
): Promise<{ url: string; paths: string[] }> {
  const paths: string[] = [];
  const server: Server = createServer((request, response) => {
    paths.push(request.url ?? "");
    request.resume().on("end", () => write(response));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, paths };
}

const JSON_TYPE = { "content-type": "application/json" };
const GOOD = '{"client_id":"a","client_secret":"b"}';

const ANSWERS: [string, (response: import("node:http").ServerResponse) => void, ErrorCode][] = [
  [
    "HTML with 200, as a captive portal",
    (r) => r.writeHead(200, { "content-type": "text/html" }).end("<html>"),
    "invalid-answer",
  ],
  ["HTML called JSON", (r) => r.writeHead(201, JSON_TYPE).end("<html>"), "invalid-answer"],
  ["JSON called HTML", (r) => r.writeHead(201, { "content-type": "text/html" }).end(GOOD), "invalid-answer"],
  ["nothing", (r) => r.writeHead(201).end(), "invalid-answer"],
  ["null", (r) => r.writeHead(201, JSON_TYPE).end("null"), "invalid-answer"],
  ["an array", (r) => r.writeHead(201, JSON_TYPE).end("[]"), "invalid-answer"],
  ["deep nesting", (r) => r.writeHead(201, JSON_TYPE).end("[".repeat(60_000)), "invalid-answer"],
  ["wrong types", (r) => r.writeHead(201, JSON_TYPE).end('{"client_id":{},"client_secret":7}'), "invalid-answer"],
  ["a prototype", (r) => r.writeHead(201, JSON_TYPE).end(`{"__proto__":${GOOD}}`), "invalid-answer"],
  ["not UTF-8", (r) => r.writeHead(201, JSON_TYPE).end(Buffer.from([0x22, 0xff, 0x22])), "invalid-answer"],
  ["70 KiB", (r) => r.writeHead(201, JSON_TYPE).end(`${" ".repeat(70_000)}${GOOD}`), "invalid-answer"],
  ["an answer without end", (r) => endless(r.writeHead(201, JSON_TYPE)), "invalid-answer"],
  [
    "half an answer",
    (r) => r.writeHead(201, { ...JSON_TYPE, "content-length": "100" }).write("{", () => r.destroy()),
    "invalid-answer",
  ],
  ["a redirect", (r) => r.writeHead(307, { location: "/elsewhere" }).end(), "invalid-answer"],
  ["a closed connection", (r) => r.destroy(), "offline"],
  ["HTML with 502", (r) => r.writeHead(502, { "content-type": "text/html" }).end("<html>"), "unavailable"],
  ["HTML with 403", (r) => r.writeHead(403, { "content-type": "text/html" }).end("<html>"), "registration-refused"],
  ["429", (r) => r.writeHead(429, { ...JSON_TYPE, "retry-after": "120" }).end("{}"), "limited"],
];

function endless(response: import("node:http").ServerResponse): void {
  const more = () => {
    while (!response.destroyed && response.write(" ".repeat(8_192)));
  };
  response.on("drain", more);
  more();
}

test.each(ANSWERS)("over HTTP: %s is an error, not an exception", async (_, write, code) => {
  const { url, paths } = await answering(write);
  const client = createClient({ url, store: new MemoryStore(), env: {} });
  onTestFinished(() => client.stop());
  expect(await client.start()).toMatchObject({ ok: false, error: { code } });
  // A redirect is not followed: its target would be shown what is in the body.
  expect(new Set(paths)).toEqual(new Set(["/oauth2/register"]));
});

test("over HTTP: nobody listens", async () => {
  const { url, paths } = await answering(() => undefined);
  const client = createClient({ url: "http://127.0.0.1:1", store: new MemoryStore(), env: {} });
  onTestFinished(() => client.stop());
  expect(await client.start()).toMatchObject({ ok: false, error: { code: "offline" } });
  expect([url.length > 0, paths]).toEqual([true, []]);
});

test("what the service says of an error is shown without control characters, and bounded", async () => {
  const { make, server } = clientWorld();
  const error_description = `\u001b[31mno\u0007\n${"x".repeat(1_000)}`;
  server.fault = () => ({ status: 403, body: { error: "bad code;rm", error_description } });
  const result = await make().start();
  const error = result.ok ? null : result.error;
  expect(error?.message).toMatch(/^\[31mnox{294}$/);
  expect(error?.reason).toBeUndefined();
});

test("a fetch that hangs is given up after ten seconds, and its late answer harms nobody", async () => {
  const { make, time } = clientWorld();
  let signal: AbortSignal | null | undefined;
  let reject = (_: unknown) => {};
  const fetch = (_: string, init: RequestInit) => {
    signal = init.signal;
    return new Promise<Response>((__, no) => {
      reject = no;
    });
  };
  const started = make({ fetch }).start();
  await time.advance(9_999);
  expect(signal?.aborted).toBe(false);
  await time.advance(1);
  expect(await started).toMatchObject({ error: { code: "timeout" } });
  expect(signal?.aborted).toBe(true);
  reject(new Error("late"));
});

test("a body that never ends is given up as well", async () => {
  const { make, time } = clientWorld();
  const fetch = async () => new Response(new ReadableStream(), { status: 200, headers: JSON_TYPE });
  const started = make({ fetch }).start();
  await time.advance(10_000);
  expect(await started).toMatchObject({ error: { code: "timeout" } });
});

const throwing = (): never => {
  throw new Error("host");
};
const rejecting = () => Promise.reject(new Error("host"));
const holding = (text: string) => Object.assign(new MemoryStore(), { text });
const HOSTS: [string, Partial<ClientOptions>][] = [
  ["onEvent throws", { onEvent: throwing }],
  ["onEvent rejects", { onEvent: rejecting as () => never }],
  ["now throws", { now: throwing }],
  ["now is no number", { now: () => Number.NaN }],
  ["random throws", { random: throwing }],
  ["random is out of bounds", { random: () => 7 }],
  ["schedule throws", { schedule: throwing }],
  ["schedule returns nothing", { schedule: (() => undefined) as unknown as NonNullable<ClientOptions["schedule"]> }],
  ["the store holds wrong types", { store: holding('{"v":1,"url":"http://127.0.0.1","client":7}') }],
  ["the store holds another service's", { store: holding('{"v":1,"url":"http://127.0.0.2","client":7}') }],
];

test.each(HOSTS)("%s: the client does its work", async (_, options) => {
  const { make, server } = clientWorld();
  const client = make({ registrationKey: "key", ...options });
  expect(await client.start()).toMatchObject({ ok: true, value: { pinged: true } });
  expect(await client.owner()).toMatchObject({ ok: true });
  expect(server.pings).toHaveLength(1);
  client.stop();
});

const USELESS: [string, Partial<ClientOptions>, ErrorCode][] = [
  ["get throws", { store: { get: throwing, set: async () => undefined } }, "store-failed"],
  ["get rejects", { store: { get: rejecting, set: async () => undefined } }, "store-failed"],
  ["set throws", { store: { get: async () => null, set: throwing } }, "store-failed"],
  ["set rejects", { store: { get: async () => null, set: rejecting } }, "store-failed"],
  ["fetch throws", { fetch: throwing }, "offline"],
  [
    "fetch answers nothing",
    { fetch: (async () => undefined) as unknown as NonNullable<ClientOptions["fetch"]> },
    "invalid-answer",
  ],
];

test.each(USELESS)("%s: an error, and no registration that nobody would remember", async (_, options, code) => {
  const { make, server } = clientWorld();
  const client = make(options);
  expect(await client.start()).toMatchObject({ ok: false, error: { code } });
  expect(await client.signIn({ onCode: throwing })).toMatchObject({ ok: false, error: { code } });
  expect(server.received).toEqual([]);
  client.stop();
});

test("a store that hangs has failed after ten seconds", async () => {
  const { make, time, server, events } = clientWorld();
  const never = new Promise<never>(() => undefined);
  const reading = make({ store: { get: () => never, set: async () => undefined } }).status();
  await time.advance(10_000);
  expect(await reading).toMatchObject({ error: { code: "store-failed" } });
  const started = make({ registrationKey: "key", store: { get: async () => null, set: () => never } }).start();
  await time.advance(10_000);
  expect(await started).toMatchObject({ error: { code: "store-failed" } });
  expect(server.received).toEqual([]);
  expect(events.filter(({ type }) => type === "store-failed").length).toBeGreaterThan(1);
});

test("a callback that throws or rejects while signing in does no harm, and addresses are web addresses", async () => {
  for (const onCode of [throwing, rejecting as () => never]) {
    const world = clientWorld();
    const signed = world.make().signIn({ onCode });
    await world.time.advance(1_000);
    world.server.approve();
    await world.time.advance(10_000);
    expect(await signed).toMatchObject({ ok: true });
  }
  for (const verification_uri of ["javascript:alert(1)", "file:///etc/passwd", "nonsense", 7]) {
    const world = clientWorld();
    const body = { device_code: "d", user_code: "u", verification_uri, expires_in: 600, interval: 5 };
    world.server.fault = ({ path }) => (path === "/oauth2/device/authorize" ? { status: 200, body } : null);
    expect(await signIn(world, world.make())).toMatchObject({ ok: false, error: { code: "invalid-answer" } });
  }
});
