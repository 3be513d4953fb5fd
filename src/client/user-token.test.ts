import { expect, test } from "vitest";
import { clientWorld, signIn } from "../testing/client-world.ts";

const DAY_MS = 86_400_000;

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
