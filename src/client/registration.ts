import { numberField, textField } from "./json-field.ts";
import type { Parts } from "./parts.ts";
import { createQueue } from "./queue.ts";
import { registerRequest } from "./request.ts";
import { type ClientError, fail, ok, type Result } from "./result.ts";
import type { Purpose } from "./send.ts";
import { emptyState, type RegisteredClient } from "./state.ts";

export interface Registration {
  /** The registration that is known, made if there is none: one request, however many ask at once. */
  ensure(purpose: Purpose): Promise<Result<RegisteredClient>>;
  /** The registration that is known; `not-registered` if there is none. */
  known(): Result<RegisteredClient>;
  /** What the next registration will be sent with. */
  idempotencyKey(): string;
  /** What it means that the service refused this client: `invalid_client`. */
  refused(client: RegisteredClient, error: ClientError): Promise<ReturnType<typeof fail>>;
}

export function createRegistration({ settings, memory, send }: Parts): Registration {
  const { emit, now, registrationKey } = settings;

  /** For the next registration, until it is kept. Whoever knows it could fetch the answer: no fewer than 128 bits. */
  let drafted: string | null = null;

  const idempotencyKey = (): string => {
    const { registering, client } = memory.state;
    // That of one which is there still, and has expired, has had its answer.
    if (registering !== null && client === null) return registering;
    drafted ??= Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
      byte.toString(16).padStart(2, "0"),
    ).join("");
    return drafted;
  };

  /**
   * What is asked for is written down first: an answer that is lost is asked for again, and makes no second instance.
   */
  const register = async (purpose: Purpose, again = true): Promise<Result<RegisteredClient>> => {
    const stored = await memory.read();
    if (!stored.ok) return stored;
    // Another process was faster.
    const there = known();
    if (there.ok) return there;
    const key = idempotencyKey();
    const repeated = stored.value.registering === key;
    drafted = null;
    const kept = await memory.save({ registering: key });
    if (!kept.ok) return kept;
    const answer = await send(registerRequest(settings, registrationKey, key), purpose);
    await memory.read();
    if (memory.state.registering !== key) return await overtaken(answer);
    if (!answer.ok) {
      const { code, ...detail } = answer.error;
      if (code !== "refused") return answer;
      await memory.save({ registering: null });
      // What was registered with this key has ended, or was asked for in other words by a version before.
      if (repeated && again && (detail.status === 409 || detail.status === 422)) return await register(purpose, false);
      const refusal = fail("registration-refused", detail);
      emit({ type: "registration-refused", error: refusal.error });
      return refusal;
    }
    const made = readRegistered(answer.value);
    return made === null ? fail("invalid-answer") : await keep(made);
  };

  /** Another process has registered meanwhile, or everything was forgotten. */
  const overtaken = async (answer: Result<unknown>): Promise<Result<RegisteredClient>> => {
    const there = known();
    const made = answer.ok ? readRegistered(answer.value) : null;
    // The service makes another secret for every repeat: of the same registration the last is the good one.
    if (there.ok) return made?.id === there.value.id ? await keep({ ...made, claimed: there.value.claimed }) : there;
    // Two began at once, each with a key of its own: what comes first is kept.
    return made !== null && memory.state.registering !== null ? await keep(made) : fail("not-registered");
  };

  const readRegistered = (answer: unknown): RegisteredClient | null => {
    const [id, secret] = [textField(answer, "client_id", 500), textField(answer, "client_secret", 500)];
    if (id === null || secret === null) return null;
    const endsAtS = numberField(answer, "registration_expires_at", 1, 1e11);
    const expiresAtMs = endsAtS === null ? null : endsAtS * 1000;
    const claimCode = textField(answer, "claim_code", 100);
    return { id, secret, claimed: registrationKey !== null, claimCode, expiresAtMs };
  };

  const keep = async (client: RegisteredClient): Promise<Result<RegisteredClient>> => {
    const { consent: _, ...anew } = emptyState(settings.url);
    const { id, claimCode, expiresAtMs } = client;
    // An unclaimed one can be asked for once more, should its secret turn out to be worth nothing.
    const registering = client.claimed ? null : memory.state.registering;
    await memory.save({ ...anew, client, registering, seenAtMs: now() });
    emit({ type: "registered", clientId: id, claimCode, registrationExpiresAtMs: expiresAtMs });
    return ok(client);
  };

  const inTurn = createQueue();

  const known = (): Result<RegisteredClient> => {
    const { client } = memory.state;
    if (client === null) return fail("not-registered");
    const over = !client.claimed && client.expiresAtMs !== null && client.expiresAtMs <= now();
    return over ? fail("not-registered") : ok(client);
  };

  return {
    known,
    idempotencyKey,
    ensure: (purpose) =>
      // Whoever comes second finds what the first has registered.
      inTurn(async () => {
        const client = known();
        return client.ok ? client : await register(purpose);
      }),
    refused: async (client, error) => {
      const { code: _, ...detail } = error;
      const refusal = fail("registration-refused", detail);
      await memory.read();
      const { client: kept } = memory.state;
      // Not of one that another process has registered since, or once more.
      if (kept?.id === client.id && kept.secret === client.secret) {
        // An unclaimed one that is gone has expired, and is made anew. A claimed one may have been removed by its
        // owner's wish: it is for them to let it come back.
        await memory.save({ instance: null, ...(client.claimed ? {} : { client: null }) });
        emit({ type: "registration-refused", error: refusal.error });
      }
      return refusal;
    },
  };
}
