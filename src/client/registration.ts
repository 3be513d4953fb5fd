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
    if (memory.state.registering !== null) return memory.state.registering;
    drafted ??= Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
      byte.toString(16).padStart(2, "0"),
    ).join("");
    return drafted;
  };

  /** What is asked for is written down first: an answer that is lost is asked for again, and makes no second instance. */
  const register = async (purpose: Purpose): Promise<Result<RegisteredClient>> => {
    const stored = await memory.read();
    if (!stored.ok) return stored;
    // Another process was faster.
    const there = known();
    if (there.ok) return there;
    const key = idempotencyKey();
    drafted = null;
    const kept = await memory.save({ registering: key });
    if (!kept.ok) return kept;
    const answer = await send(registerRequest(settings, registrationKey, key), purpose);
    await memory.read();
    if (memory.state.registering !== key) {
      // Another process has its answer already, or it was forgotten meanwhile.
      const done = known();
      return done.ok ? done : fail("aborted");
    }
    if (!answer.ok) {
      const { code, ...detail } = answer.error;
      if (code !== "refused") return answer;
      await memory.save({ registering: null });
      const refusal = fail("registration-refused", detail);
      emit({ type: "registration-refused", error: refusal.error });
      return refusal;
    }
    const [id, secret] = [textField(answer.value, "client_id", 500), textField(answer.value, "client_secret", 500)];
    if (id === null || secret === null) return fail("invalid-answer");
    const endsAtS = numberField(answer.value, "registration_expires_at", 1, 1e11);
    const claimCode = textField(answer.value, "claim_code", 100);
    const expiresAtMs = endsAtS === null ? null : endsAtS * 1000;
    const client = { id, secret, claimed: registrationKey !== null, claimCode, expiresAtMs };
    const { consent: _, ...anew } = emptyState(settings.url);
    await memory.save({ ...anew, client, seenAtMs: now() });
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
      if (memory.state.client?.id === client.id) {
        // An unclaimed one that is gone has expired, and is made anew. A claimed one may have been removed by its
        // owner's wish: it is for them to let it come back.
        await memory.save({ instance: null, ...(client.claimed ? {} : { client: null }) });
        emit({ type: "registration-refused", error: refusal.error });
      }
      return refusal;
    },
  };
}
