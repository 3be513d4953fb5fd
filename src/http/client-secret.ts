import type { ClientSecret } from "../clients/authenticate.ts";
import { fromBase64Url } from "../core/bytes.ts";
import { Problem } from "../core/problem.ts";

/**
 * The client's id and secret, from the body (client_secret_post, as the published contract has it) or from HTTP Basic,
 * which RFC 6749 section 2.3.1 requires a server to take; both at once are refused, as it says. The id alone is how a
 * public client names itself (section 3.2.1). Throws `invalid-client` and `invalid-field`.
 */
export function clientSecretOf(
  request: Request,
  form: { client_id?: string | null | undefined; client_secret?: string | null | undefined },
): ClientSecret {
  const header = request.headers.get("authorization");
  if (header === null) {
    if (form.client_id == null) throw new Problem("invalid-client");
    return { clientId: form.client_id, clientSecret: form.client_secret ?? null };
  }
  if (form.client_secret != null) {
    throw new Problem("invalid-field", { errors: [{ path: "client_secret", message: "is sent twice" }] });
  }
  const encoded = /^basic ([A-Za-z0-9+/]{1,2048})=*$/i.exec(header)?.[1] ?? "";
  const bytes = fromBase64Url(encoded.replaceAll("+", "-").replaceAll("/", "_"));
  const pair = bytes === null ? null : new TextDecoder().decode(bytes);
  const colon = pair?.indexOf(":") ?? -1;
  if (pair === null || colon < 1) throw new Problem("invalid-client");
  const clientId = formDecoded(pair.slice(0, colon));
  // Named twice, it is one client or none.
  if (form.client_id != null && form.client_id !== clientId) throw new Problem("invalid-client");
  return { clientId, clientSecret: formDecoded(pair.slice(colon + 1)) };
}

/** Both halves are form-encoded before they are joined (RFC 6749 section 2.3.1). */
function formDecoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    throw new Problem("invalid-client");
  }
}
