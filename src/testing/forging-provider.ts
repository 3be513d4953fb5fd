import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { listen, stopListening } from "../local/loopback-server.ts";

/**
 * An OpenID provider that says what a test wants: the code is its own answer, base64url JSON of the ID token's claims
 * (`lifetimeS` besides, `foreignKey` to sign with another key, `broken` for no JSON at all). For what a certified one never does.
 * Every path `/quiet-…` under it is one more such provider, which says nothing of `iss` (RFC 9207) and tells under `/seen` what its
 * token endpoint was sent.
 */
export async function startForgingProvider(): Promise<{ issuer: string; stop(): Promise<void> }> {
  const [own, foreign] = await Promise.all([generateKeyPair("RS256"), generateKeyPair("RS256")]);
  const jwk = { ...(await exportJWK(own.publicKey)), alg: "RS256", use: "sig", kid: "own" };
  let origin = "";
  const seen = new Map<string, string[]>();
  const server = createServer(async (request, response) => {
    const json = (body: unknown, status = 200) =>
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    const [, path = "", url] = /^((?:\/quiet-[\w-]+)?)(\/.*)$/.exec(request.url ?? "") ?? [];
    const issuer = origin + path;
    if (url === "/seen") return json(seen.get(path) ?? []);
    if (url === "/.well-known/openid-configuration") {
      return json({
        issuer,
        authorization_endpoint: `${issuer}/authorize`,
        token_endpoint: `${issuer}/token`,
        jwks_uri: `${issuer}/jwks`,
        response_types_supported: ["code"],
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: ["RS256"],
        ...(path === "" && { authorization_response_iss_parameter_supported: true }),
      });
    }
    if (url === "/jwks") return json({ keys: [jwk] });
    if (url !== "/token") return json({}, 404);
    const asked = new URLSearchParams(await text(request));
    if (path !== "") seen.set(path, [...(seen.get(path) ?? []), asked.get("redirect_uri") ?? ""]);
    const code = asked.get("code") ?? "";
    const wanted = JSON.parse(Buffer.from(code, "base64url").toString()) as Record<string, unknown>;
    const { lifetimeS = 60, foreignKey = false, broken = false, redirect, large = false, ...claims } = wanted;
    if (broken === true) return response.writeHead(200, { "content-type": "application/json" }).end("{");
    if (large === true) return json({ access_token: "x".repeat(300_000), token_type: "Bearer" });
    if (typeof redirect === "string") return response.writeHead(307, { location: redirect }).end();
    const now = Math.floor(Date.now() / 1000);
    const idToken = await new SignJWT({ iss: issuer, iat: now, exp: now + Number(lifetimeS), ...claims })
      .setProtectedHeader({ alg: "RS256", kid: "own" })
      .sign(foreignKey === true ? foreign.privateKey : own.privateKey);
    return json({ access_token: "access", token_type: "Bearer", id_token: idToken });
  });
  origin = `http://127.0.0.1:${await listen(server)}`;
  return { issuer: origin, stop: () => stopListening(server) };
}
