import type { Parts } from "./parts.ts";
import { createQueue } from "./queue.ts";
import type { Registration } from "./registration.ts";
import { instanceTokenRequest, type OutgoingRequest } from "./request.ts";
import { fail, ok, type Result } from "./result.ts";
import type { Purpose } from "./send.ts";
import { readAccessToken } from "./token-answer.ts";

/** Sends what needs the instance's own token, which is got before it ends, and once more when the service refuses it. */
export type AsInstance = (
  build: (token: string) => OutgoingRequest,
  purpose: Purpose,
  signal?: AbortSignal,
) => Promise<Result<unknown>>;

export function createAsInstance({ settings, memory, send }: Parts, registration: Registration): AsInstance {
  const ask = async (purpose: Purpose, again = true): Promise<Result<string>> => {
    const client = registration.known();
    if (!client.ok) return client;
    const sentAtMs = settings.now();
    const answer = await send(instanceTokenRequest(settings, client.value), purpose);
    if (!answer.ok) {
      const { code: _, ...detail } = answer.error;
      if (answer.error.reason === "invalid_client") {
        const refusal = await registration.refused(client.value, answer.error);
        const { client: kept } = memory.state;
        // Another process has registered once more: the secret in the store is the good one.
        const renewed = kept !== null && kept.secret !== client.value.secret;
        return again && renewed ? await ask(purpose, false) : refusal;
      }
      return answer.error.reason === "unauthorized_client" ? fail("unclaimed", detail) : answer;
    }
    const instance = readAccessToken(answer.value, sentAtMs);
    if (instance === null) return fail("invalid-answer");
    await memory.read();
    const { client: kept } = memory.state;
    if (kept?.id === client.value.id) {
      // Only a claimed instance is given a token. Its secret may have been replaced meanwhile.
      const claimed = { ...kept, claimed: true, claimCode: null, expiresAtMs: null };
      await memory.save({ instance, client: claimed, registering: null });
    }
    return ok(instance.token);
  };

  const inTurn = createQueue();
  const token = (purpose: Purpose, rejected: string | null) =>
    inTurn(async () => {
      const { instance } = memory.state;
      const good = instance !== null && instance.token !== rejected && settings.now() < instance.renewAtMs;
      return good ? ok(instance.token) : await ask(purpose);
    });

  return async (build, purpose, signal) => {
    const first = await token(purpose, null);
    if (!first.ok) return first;
    const answer = await send(build(first.value), purpose, signal);
    if (answer.ok || answer.error.status !== 401) return answer;
    const second = await token(purpose, first.value);
    return second.ok ? await send(build(second.value), purpose, signal) : second;
  };
}
