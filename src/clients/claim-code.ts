/** SHA-256 of a claim code, normalised, together with the client it belongs to: the same code of two clients differs. */
export async function claimCodeHash(clientId: string, code: string): Promise<Uint8Array> {
  const text = new TextEncoder().encode(`${clientId} ${code.replaceAll("-", "")}`);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", text));
}
