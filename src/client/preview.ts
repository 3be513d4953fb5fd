import { pingedToday } from "./cadence.ts";
import type { Parts } from "./parts.ts";
import type { Registration } from "./registration.ts";
import {
  aliveRequest,
  deviceRequest,
  instanceTokenRequest,
  keysRequest,
  leaseRequest,
  type OutgoingRequest,
  pollRequest,
  readRequest,
  refreshRequest,
  registerRequest,
  signOutRequest,
} from "./request.ts";
import { isRepeatable } from "./user-token.ts";

/** A call of the client, as `preview` names it. */
export type Action = "start" | "signIn" | "signOut" | "session" | "profile" | "owner" | "workspace" | "lease";

export interface PreviewedRequest extends OutgoingRequest {
  /** The body's bytes as text. */
  text: string | null;
}

/** What only the service's next answer will tell. */
const LATER = "assigned-later";
const MASK = "***";

/**
 * The requests that a call would make if it were made now and every answer were good, in their order. They are built by
 * the functions that build what is sent. Secrets are masked unless `secrets` is true.
 */
export function createPreview({ settings, memory, permitted }: Parts, registration: Registration) {
  return (action: Action, secrets: boolean): PreviewedRequest[] => {
    const { state } = memory;
    const nowMs = settings.now();
    const shown = (secret: string) => (secrets ? secret : MASK);
    const requests: OutgoingRequest[] = [];

    const known = registration.known();
    const client = known.ok ? { id: known.value.id, secret: shown(known.value.secret) } : { id: LATER, secret: LATER };
    const registering = () => {
      if (known.ok) return;
      const key = settings.registrationKey && shown(settings.registrationKey);
      requests.push(registerRequest(settings, key, shown(registration.idempotencyKey())));
    };
    const instanceToken = () => {
      const { instance } = state;
      if (known.ok && instance !== null && nowMs < instance.renewAtMs) return shown(instance.token);
      requests.push(instanceTokenRequest(settings, client));
      return LATER;
    };
    const refreshing = () => {
      requests.push(refreshRequest(settings, client, state.user === null ? LATER : shown(state.user.refreshToken)));
      return LATER;
    };
    const userToken = () => {
      const { user } = state;
      const good = user !== null && nowMs < user.renewAtMs && user.refreshSentAtMs === null;
      return good ? shown(user.token) : refreshing();
    };

    switch (action) {
      case "start":
        if (!permitted()) break;
        if (isRepeatable(state.user, nowMs)) refreshing();
        if (state.alive !== null && pingedToday(state.alive.atMs, nowMs)) break;
        registering();
        requests.push(aliveRequest(settings, instanceToken()));
        break;
      case "signIn":
        registering();
        requests.push(deviceRequest(settings, client, settings.scope), pollRequest(settings, client, LATER));
        if (state.user !== null) requests.push(signOutRequest(settings, shown(state.user.token)));
        break;
      case "owner":
      case "workspace":
        if (!known.ok || (!permitted() && state.user === null)) break;
        requests.push(readRequest(settings, action, instanceToken()));
        break;
      default: {
        if (state.user === null || state.client === null) break;
        const token = userToken();
        if (action === "lease") requests.push(leaseRequest(settings, token), keysRequest(settings));
        else if (action === "signOut") requests.push(signOutRequest(settings, token));
        else requests.push(readRequest(settings, `user/${action}`, token));
      }
    }
    return requests.map((request) => ({ ...request, text: request.body && new TextDecoder().decode(request.body) }));
  };
}
