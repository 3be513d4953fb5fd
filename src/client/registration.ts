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
  /** What it means that the service refused this client: `invalid_client`. */
  refused(client: RegisteredClient, error: ClientError): Promise<ReturnType<typeof fail>>;
}

export function createRegistration({ settings, memory, send }: Parts): Registration {
  const { emit, now, registrationKey } = settings;

  const register = async (purpose: Purpose): Promise<Result<RegisteredClient>> => {
    const answer = await send(registerRequest(settings, registrationKey), purpose);
    if (!answer.ok) {
      if (answer.error.code !== "refused") return answer;
      const { code: _, ...detail } = answer.error;
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
    await memory.save({ ...emptyState(settings.url), client, consent: memory.state.consent, seenAtMs: now() });
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
