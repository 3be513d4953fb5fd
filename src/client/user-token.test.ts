import { expect, test } from "vitest";
import { clientWorld, signIn } from "../testing/client-world.ts";
import type { Client } from "./index.ts";

const DAY_MS = 86_400_000;

const isRefresh = ({ body }: RequestInit) =>
  body instanceof Uint8Array && new TextDecoder().decode(body).includes("refresh_token=");

async function signedIn() {
  const world = clientWorld();
  const client = world.make();
  expect(await signIn(world, client)).toMatchObject({ ok: true });
  const refreshes = () => world.server.received.filter(({ body }) => body.includes("refresh_token=")).length;
  return { ...world, client, refreshes, world };
}

test("twenty callers share one refresh, before the token ends", async () => {
  const { client, time, refreshes, server } = await signedIn();
  time.jump(5 * DAY_MS);
  expect(await client.profile()).toMatchObject({ ok: true });
  expect(refreshes()).toBe(0);
  time.jump(DAY_MS);
  const answers = await Promise.all(Array.from({ length: 20 }, () => client.profile()));
  expect(answers.every(({ ok }) => ok)).toBe(true);
  expect(refreshes()).toBe(1);
  expect(server.refreshing.most).toBe(1);
});

test("token-outdated: one refresh, the call again, and no more", async () => {
  const { client, refreshes, server } = await signedIn();
  server.families[0]?.access.clear();
  const before = server.received.length;
  expect(await client.profile()).toMatchObject({ ok: true });
  expect(server.paths().slice(before)).toEqual(["/instance/user/profile", "/oauth2/token", "/instance/user/profile"]);
  // Whatever is done, this service never takes it.
  server.fault = ({ path }) =>
    path === "/instance/user/profile" ? { status: 401, body: { error: "token-outdated" } } : null;
  expect(await client.profile()).toMatchObject({ ok: false, error: { code: "refused", reason: "token-outdated" } });
  expect(refreshes()).toBe(2);
  // A call that was refused with a token that has been replaced meanwhile does not refresh again.
  server.fault = () => null;
  server.families[0]?.access.clear();
  await Promise.all([client.profile(), client.session()]);
  expect(refreshes()).toBe(3);
});

test("invalid_grant ends the sign-in here, with the lease, and says so", async () => {
  const { client, time, events, server, store } = await signedIn();
  if (server.families[0]) server.families[0].ended = true;
  time.jump(8 * DAY_MS);
  expect(await client.profile()).toMatchObject({ error: { code: "signed-out", reason: "invalid_grant" } });
  expect(events.at(-1)).toEqual({ type: "signed-out", reason: "invalid_grant" });
  expect(store.text).not.toContain("refresh-");
  const before = server.received.length;
  expect(await client.profile()).toMatchObject({ error: { code: "signed-out" } });
  expect(server.received).toHaveLength(before);
});

test.each(["sign-in-ended", "instance-deleted"])("%s is not refreshed", async (reason) => {
  const { client, events, refreshes, server } = await signedIn();
  server.fault = () => ({ status: 401, body: { error: reason } });
  expect(await client.session()).toMatchObject({ error: { code: "signed-out", reason } });
  expect(events.at(-1)).toEqual({ type: "signed-out", reason });
  expect(refreshes()).toBe(0);
});

test.each(["lost", "hang-after"] as const)(
  "an answer that is %s is asked for again within a minute, with the same token",
  async (fault) => {
    const { client, time, server, refreshes, events } = await signedIn();
    time.jump(6 * DAY_MS);
    server.fault = ({ body }) => (body.includes("refresh_token=") ? fault : null);
    const answer = client.profile();
    await time.advance(11_000);
    // The token still holds for a day.
    expect(await answer).toMatchObject({ ok: true });
    server.fault = () => null;
    await time.advance(49_000);
    const sent = server.received.filter(({ body }) => body.includes("refresh_token=")).map(({ body }) => body);
    expect(new Set(sent).size).toBe(1);
    expect(events.at(-1)).toMatchObject({ type: "refreshed" });
    const before = refreshes();
    time.jump(DAY_MS);
    expect(await client.profile()).toMatchObject({ ok: true });
    expect(refreshes()).toBe(before);
  },
);

test("an answer that was lost to a restart is asked for again at the start", async () => {
  const { client, time, server, world } = await signedIn();
  time.jump(6 * DAY_MS);
  server.fault = ({ body }) => (body.includes("refresh_token=") ? "hang-after" : null);
  void client.profile();
  await time.advance(1_000);
  time.clear();
  server.fault = () => null;
  time.jump(20_000);
  const next = world.make();
  await next.start();
  await time.advance(0);
  time.jump(DAY_MS);
  expect(await next.profile()).toMatchObject({ ok: true });
  expect(server.families[0]?.ended).toBe(false);
});

test("while the service is away a token that holds is used, and calls do not wait for it again and again", async () => {
  const { client, time, server, refreshes } = await signedIn();
  time.jump(6 * DAY_MS);
  server.fault = ({ body }) => (body.includes("refresh_token=") ? { status: 503 } : null);
  for (let call = 0; call < 5; call++) expect(await client.session()).toMatchObject({ ok: true });
  expect(refreshes()).toBe(1);
  time.jump(2 * DAY_MS);
  expect(await client.session()).toMatchObject({ ok: false, error: { code: "unavailable" } });
});

test("signing out needs no network, and says whether the service knows", async () => {
  const { client, server, store, events } = await signedIn();
  server.fault = () => "down";
  expect(await client.signOut()).toEqual({ ok: true, value: { revoked: false } });
  expect(store.text).not.toContain("refresh-");
  expect(events.at(-1)).toEqual({ type: "signed-out", reason: "sign-out" });
});

/** A client whose refresh has just failed, and is to be repeated within a minute. */
async function repeating(more: Parameters<ReturnType<typeof clientWorld>["make"]>[0] = {}) {
  const it = await signedIn();
  it.time.jump(6 * DAY_MS);
  it.server.fault = ({ body }) => (body.includes("refresh_token=") ? "lost" : null);
  const client = it.world.make(more);
  expect(await client.session()).toMatchObject({ ok: true });
  expect(it.refreshes()).toBe(1);
  return { ...it, client };
}

test("a refresh is repeated by a timer while the service is away", async () => {
  const { time, refreshes } = await repeating();
  await time.advance(60_000);
  expect(refreshes()).toBeGreaterThan(5);
});

test.each([
  ["stop", (client: Client) => client.stop()],
  ["a no", (client: Client) => void client.setConsent(false)],
])("%s: nothing is repeated by a timer, but at the next call of a person", async (_, quiet) => {
  const { client, time, server, refreshes } = await repeating();
  quiet(client);
  await time.advance(20_000);
  expect(refreshes()).toBe(1);
  expect(await client.session()).toMatchObject({ ok: true });
  expect(refreshes()).toBe(2);
  // That one failed as well: no timer comes of it either.
  await time.advance(20_000);
  expect(refreshes()).toBe(2);
  server.fault = () => null;
  expect(await client.session()).toMatchObject({ ok: true });
  expect(refreshes()).toBe(3);
  time.jump(DAY_MS);
  expect(await client.session()).toMatchObject({ ok: true });
  expect(server.families.map(({ ended }) => ended)).toEqual([false]);
});

test("stop while a refresh is under way, a no through another process, and DO_NOT_TRACK: no timer", async () => {
  const { client, time, server, refreshes, world } = await signedIn();
  time.jump(6 * DAY_MS);
  server.fault = ({ body }) => (body.includes("refresh_token=") ? "hang" : null);
  const answer = client.session();
  await time.advance(0);
  client.stop();
  await time.advance(60_000);
  expect(await answer).toMatchObject({ ok: true });
  expect(time.pending()).toEqual([]);
  expect(server.paths().filter((path) => path === "/oauth2/token")).toHaveLength(1);

  const other = await repeating();
  await other.world.make().setConsent(false);
  await other.time.advance(60_000);
  expect(other.refreshes()).toBe(1);

  const tracked = await repeating({ env: { DO_NOT_TRACK: "1" } });
  await tracked.time.advance(60_000);
  expect([tracked.refreshes(), refreshes()]).toEqual([1, 0]);
  server.fault = () => null;
  expect(await world.make().session()).toMatchObject({ ok: true });
});

test("what one process has refreshed, the other takes over; neither ends the sign-in of both", async () => {
  const { client, time, server, refreshes, world, events } = await signedIn();
  const other = world.make();
  expect(await other.session()).toMatchObject({ ok: true });
  time.jump(6 * DAY_MS);
  expect(await client.session()).toMatchObject({ ok: true });
  time.jump(10 * 60_000);
  expect(await other.session()).toMatchObject({ ok: true });
  expect(refreshes()).toBe(1);
  // Both outdated: one refreshes, with the token that is in force.
  time.jump(8 * DAY_MS);
  expect(await other.session()).toMatchObject({ ok: true });
  time.jump(10 * 60_000);
  expect(await client.session()).toMatchObject({ ok: true });
  expect(refreshes()).toBe(2);
  expect(server.families.map(({ ended }) => ended)).toEqual([false]);
  expect(events.filter(({ type }) => type === "signed-out")).toEqual([]);
});

test("an invalid_grant is no end if another process has refreshed or signed in meanwhile; else it is", async () => {
  const { client, time, store, server, world } = await signedIn();
  const other = world.make();
  await other.session();
  time.jump(6 * DAY_MS);
  let kept = "";
  const fetch: typeof server.fetch = async (url, init) => {
    // The answer is a no, as if ours had come too late, and theirs is written just before it.
    if (!isRefresh(init)) return await server.fetch(url, init);
    if (kept === "") await client.session();
    kept = store.text ?? "";
    return Response.json({ error: "invalid_grant" }, { status: 400 });
  };
  const late = world.make({ fetch });
  expect(await late.session()).toMatchObject({ ok: true });
  expect(store.text).toBe(kept);
  expect(await other.session()).toMatchObject({ ok: true });
  time.jump(8 * DAY_MS);
  expect(await late.session()).toMatchObject({ error: { code: "signed-out", reason: "invalid_grant" } });
  expect(store.text).toContain('"user":null');
});

test("a sign-in that another process has ended is not brought back by a refresh, nor its new one dropped", async () => {
  const { client, time, server, world, store } = await signedIn();
  const other = world.make();
  await other.session();
  time.jump(6 * DAY_MS);
  const fetch: typeof server.fetch = async (url, init) => {
    const answer = await server.fetch(url, init);
    if (isRefresh(init)) await other.forget();
    return answer;
  };
  expect(await world.make({ fetch }).session()).toMatchObject({ error: { code: "signed-out" } });
  expect(store.text).not.toContain("refresh-");
  // Somebody else signs in there, which ends what the first still holds.
  const again = await signedIn();
  expect(await again.client.session()).toMatchObject({ ok: true });
  expect(await signIn(again.world, again.world.make())).toMatchObject({ ok: true });
  expect(await again.client.session()).toMatchObject({ ok: true });
  expect(again.store.text).toContain("refresh-1");
  expect(await client.session()).toMatchObject({ error: { code: "signed-out" } });
});
