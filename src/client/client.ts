import { createAlive, type PingOutcome } from "./alive.ts";
import {
  type InstanceOwner,
  type InstanceWorkspace,
  readOwner,
  readProfile,
  readSession,
  readWorkspace,
  type UserProfile,
  type UserSession,
} from "./answer.ts";
import { createAsInstance } from "./instance-token.ts";
import { createLeases } from "./lease.ts";
import { createMemory } from "./memory.ts";
import { type ClientOptions, readOptions, type Settings } from "./options.ts";
import type { Parts } from "./parts.ts";
import { type Action, createPreview, type PreviewedRequest } from "./preview.ts";
import { createRegistration } from "./registration.ts";
import { readRequest, signOutRequest } from "./request.ts";
import { fail, ok, type Result } from "./result.ts";
import { createSend } from "./send.ts";
import { createSignIn, type SignInRequest } from "./sign-in.ts";
import { emptyState } from "./state.ts";
import { createUserToken } from "./user-token.ts";
import type { Lease } from "./verify-lease.ts";

export interface ClientStatus {
  registered: boolean;
  /** Whether it belongs to a workspace, as far as is known here. */
  claimed: boolean;
  /** To be printed by an instance that is not claimed. */
  claimCode: string | null;
  registrationExpiresAtMs: number | null;
  signedIn: boolean;
  /** What the owner has said; null: nothing. */
  consent: boolean | null;
  /** Whether the client may send anything by itself. */
  permitted: boolean;
  /** When the next ping is due; null when none is planned. */
  nextPingAtMs: number | null;
}

/** One instance and at most one person who is signed in on it. No method throws or rejects. */
export interface Client {
  /**
   * Registers the instance if it is new and pings: at once unless today (UTC) had its ping, then once a day until `stop`.
   * Answers how the first attempt went; need not be waited for.
   */
  start(): Promise<Result<PingOutcome>>;
  stop(): void;
  /**
   * Signs a person in: registers if need be, shows a code, waits for the approval. Their own act, and therefore possible
   * where telemetry is not wanted.
   */
  signIn(request: SignInRequest): Promise<Result<{ scope: string }>>;
  /** Forgets the sign-in here in any case; `revoked` says whether the service has heard of it. */
  signOut(): Promise<Result<{ revoked: boolean }>>;
  session(): Promise<Result<UserSession>>;
  profile(): Promise<Result<UserProfile>>;
  owner(): Promise<Result<InstanceOwner>>;
  workspace(): Promise<Result<InstanceWorkspace>>;
  /** Fetches an offline lease for the signed-in person, verifies it and keeps it with the keys. */
  lease(): Promise<Result<Lease>>;
  /** Verifies the lease that is kept, without a network. */
  verifyLease(): Promise<Result<Lease>>;
  /**
   * What the owner of the instance wants. Holds at once, and is kept in the store; `store-failed` if that was not possible.
   * With `false` the client stops what it does by itself.
   */
  setConsent(yes: boolean): Promise<Result<undefined>>;
  /** What a call would send now. Sends nothing. */
  preview(action?: Action, options?: { secrets?: boolean }): Promise<Result<PreviewedRequest[]>>;
  status(): Promise<Result<ClientStatus>>;
  /** Forgets the registration, the sign-in and the lease, but not what the owner has said. */
  forget(): Promise<Result<undefined>>;
}

/** A client of the service at `url`. Options that it cannot use make every call answer `invalid-option`. */
export function createClient(options: ClientOptions): Client {
  let settings: Settings | null = null;
  try {
    settings = readOptions(options);
  } catch {
    // Options may be anything, getters that throw included.
  }
  return settings === null ? uselessClient() : clientOf(settings);
}

function clientOf(settings: Settings): Client {
  const memory = createMemory(settings);
  const permitted = () => !settings.doNotTrack() && (memory.consent ?? !settings.askFirst);
  const parts: Parts = { settings, memory, permitted, send: createSend(settings, memory, permitted) };
  const registration = createRegistration(parts);
  const asInstance = createAsInstance(parts, registration);
  const userToken = createUserToken(parts, registration);
  const leases = createLeases(parts, userToken);
  const alive = createAlive(parts, registration, asInstance);
  const signIn = createSignIn(parts, registration);
  const preview = createPreview(parts, registration);

  /** Where every call begins: with what is stored, and with nothing that could be thrown. */
  const call = async <T>(work: () => Promise<Result<T>>): Promise<Result<T>> => {
    try {
      const loaded = await memory.load();
      // Somebody may have signed in through another process.
      if (loaded.ok && memory.state.user === null) await memory.read();
      return loaded.ok ? await work() : loaded;
    } catch {
      return fail("internal");
    }
  };

  const reading = <T>(answer: Result<unknown>, read: (body: unknown) => T | null): Result<T> => {
    if (!answer.ok) return answer;
    const value = read(answer.value);
    return value === null ? fail("invalid-answer") : ok(value);
  };

  const ofInstance = <T>(what: "owner" | "workspace", read: (body: unknown) => T | null) =>
    call(async () => {
      // The host's own question, but where telemetry is not wanted only on behalf of somebody who has signed in.
      if (!permitted() && memory.state.user === null) return fail("not-permitted");
      return reading(await asInstance((token) => readRequest(settings, what, token), "person"), read);
    });

  return {
    start: async () => {
      try {
        // A refresh whose answer was lost can be repeated for a minute: before the ping.
        return await alive.start(userToken.resume);
      } catch {
        return fail("internal");
      }
    },
    stop: () => {
      alive.stop();
      userToken.stop();
    },
    signIn: (request) =>
      call(async () => {
        const result = await signIn.begin(request);
        if (result.ok) alive.wake();
        return result;
      }),
    signOut: () =>
      call(async () => {
        if (memory.state.user === null) return ok({ revoked: false });
        const answer = await userToken.send((token) => signOutRequest(settings, token));
        await userToken.drop("sign-out");
        return ok({ revoked: answer.ok });
      }),
    session: () =>
      call(async () =>
        reading(await userToken.send((token) => readRequest(settings, "user/session", token)), readSession),
      ),
    profile: () =>
      call(async () =>
        reading(await userToken.send((token) => readRequest(settings, "user/profile", token)), readProfile),
      ),
    owner: async () => {
      const owner = await ofInstance("owner", readOwner);
      if (owner.ok && owner.value.id !== memory.state.ownerId) await call(() => noteOwner(owner.value.id));
      return owner;
    },
    workspace: () => ofInstance("workspace", readWorkspace),
    lease: () => call(leases.fetch),
    verifyLease: () => call(leases.verify),
    setConsent: async (yes) => {
      memory.note({ consent: yes });
      if (!yes) {
        alive.pause();
        userToken.pause();
      }
      return await call(async () => {
        const kept = await memory.save({ consent: yes });
        // Another process's write may have begun before ours and ended after it: it knew nothing of this.
        const lost = !yes && kept.ok && (await memory.read()).ok && memory.state.consent !== false;
        if (lost) await memory.save({ consent: false });
        if (yes) alive.wake();
        return kept;
      });
    },
    preview: (action = "start", { secrets = false } = {}) => call(async () => ok(preview(action, secrets))),
    status: () => call(async () => ok(statusOf())),
    forget: async () => {
      alive.stop();
      signIn.stop();
      return await call(async () => {
        await userToken.drop("forgotten");
        const { consent: _, ...nothing } = emptyState(settings.url);
        return await memory.save(nothing);
      });
    },
  };

  /** Another owner may want the pings that the last one's account did not. */
  async function noteOwner(ownerId: string): Promise<Result<undefined>> {
    const unwanted = memory.state.ownerId !== null && memory.state.alive?.collect === false;
    await memory.save(unwanted ? { ownerId, alive: null } : { ownerId });
    if (unwanted) alive.wake();
    return ok(undefined);
  }

  function statusOf(): ClientStatus {
    const { client, user } = memory.state;
    return {
      registered: registration.known().ok,
      claimed: client?.claimed ?? false,
      claimCode: client?.claimCode ?? null,
      registrationExpiresAtMs: client?.expiresAtMs ?? null,
      signedIn: user !== null,
      consent: memory.consent,
      permitted: permitted(),
      nextPingAtMs: alive.nextAtMs,
    };
  }
}

function uselessClient(): Client {
  const refuse = async () => fail("invalid-option");
  return {
    start: refuse,
    stop: () => undefined,
    signIn: refuse,
    signOut: refuse,
    session: refuse,
    profile: refuse,
    owner: refuse,
    workspace: refuse,
    lease: refuse,
    verifyLease: refuse,
    setConsent: refuse,
    preview: refuse,
    status: refuse,
    forget: refuse,
  };
}
